"""A judged bundle: challenges, companies, and who really belongs to which.

challenges.jsonl[.gz]  {"id", "title", "need", "language", …}
companies.jsonl[.gz]   {"id", "name", "capabilities": [{"id", "text", "language"}]}
judgements.tsv         challenge  company  grade
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class BundleError(ValueError):
    """The folder is not a bundle; the message says what is wrong, where."""


@dataclass(frozen=True, slots=True)
class BundleChallenge:
    id: str
    title: str
    need: str
    language: str


@dataclass(frozen=True, slots=True)
class BundleText:
    id: str
    text: str
    language: str


@dataclass(frozen=True, slots=True)
class BundleCompany:
    id: str
    name: str
    capabilities: tuple[BundleText, ...]


@dataclass(frozen=True, slots=True)
class Bundle:
    """`judgements`: challenge id → company id → grade, larger is better, only grades above 0."""

    name: str
    challenges: tuple[BundleChallenge, ...]
    companies: tuple[BundleCompany, ...]
    judgements: dict[str, dict[str, float]]

    @property
    def judged(self) -> list[BundleChallenge]:
        """Challenges of which at least one company is known to belong."""
        return [challenge for challenge in self.challenges if self.judgements.get(challenge.id)]


def read_bundle(folder: Path) -> Bundle:
    """Raises BundleError with file and line."""
    if not folder.is_dir():
        raise BundleError(f"{folder} is not a folder. Name the folder of a bundle.")
    challenges = [
        BundleChallenge(str(row["id"]), row["title"], row["need"], row.get("language", "en"))
        for row in _rows(folder, "challenges", ("id", "title", "need"))
    ]
    companies = [
        BundleCompany(
            str(row["id"]),
            row["name"],
            tuple(
                BundleText(str(one["id"]), one["text"], one.get("language", "en"))
                for one in row["capabilities"]
            ),
        )
        for row in _rows(folder, "companies", ("id", "name"), texts="capabilities")
    ]
    known = {company.id for company in companies}
    bundle = Bundle(folder.name, tuple(challenges), tuple(companies), _judgements(folder, known))
    if not bundle.judged:
        raise BundleError(f"{folder}: no judgement names a challenge and a company of the bundle.")
    return bundle


def _rows(
    folder: Path, name: str, needed: tuple[str, ...], *, texts: str | None = None
) -> Iterator[dict[str, Any]]:
    """Objects with these fields, which are text (an id may be a number). `texts`: a field that lists objects
    with id and text."""
    path = _find(folder, f"{name}.jsonl")
    for number, line in _lines(path):
        try:
            row = json.loads(line)
        except ValueError as error:
            raise BundleError(f"{path}, line {number}: not JSON ({error}).") from None
        fault = _fault(row, needed)
        if fault is None and texts is not None:
            listed = row.get(texts)
            faults = (
                [_fault(one, ("id", "text")) for one in listed] if isinstance(listed, list) else ["a list"]
            )
            fault = next((f"{texts}: {one}" for one in faults if one is not None), None)
        if fault is not None:
            raise BundleError(f"{path}, line {number}: {fault} is missing.")
        yield row


def _fault(row: Any, needed: tuple[str, ...]) -> str | None:
    if not isinstance(row, dict):
        return "an object"
    for field in needed:
        accepted = (str, int) if field == "id" else str
        if not isinstance(row.get(field), accepted):
            return f"the field {field!r}"
    return None


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Numbered from 1, without those that are blank."""
    opened = gzip.open if path.suffix == ".gz" else open
    number = 0
    try:
        with opened(path, "rt", encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield number, line
    except UnicodeDecodeError as error:
        raise BundleError(f"{path}, after line {number}: not UTF-8 ({error.reason}).") from None
    except (OSError, EOFError) as error:
        raise BundleError(f"{path}, after line {number}: cannot be read ({error}).") from None


def _judgements(folder: Path, companies: set[str]) -> dict[str, dict[str, float]]:
    path = _find(folder, "judgements.tsv")
    judgements: dict[str, dict[str, float]] = {}
    for number, line in _lines(path):
        fields = line.rstrip("\r\n").split("\t")
        if number == 1 and fields[:2] == ["challenge", "company"]:
            continue
        try:
            challenge, company, grade = fields[0], fields[1], float(fields[2])
        except (IndexError, ValueError):
            raise BundleError(f"{path}, line {number}: expected challenge, company, grade.") from None
        if grade > 0 and company in companies:
            judgements.setdefault(challenge, {})[company] = grade
    return judgements


def _find(folder: Path, name: str) -> Path:
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    raise BundleError(f"{folder} has no {name} (nor {name}.gz).")
