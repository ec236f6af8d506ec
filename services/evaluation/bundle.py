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
        BundleChallenge(row["id"], row["title"], row["need"], row.get("language", "en"))
        for row in _rows(folder, "challenges", ("id", "title", "need"))
    ]
    companies = [
        BundleCompany(
            row["id"],
            row["name"],
            tuple(BundleText(c["id"], c["text"], c.get("language", "en")) for c in row["capabilities"]),
        )
        for row in _rows(folder, "companies", ("id", "name", "capabilities"))
    ]
    known = {company.id for company in companies}
    bundle = Bundle(folder.name, tuple(challenges), tuple(companies), _judgements(folder, known))
    if not bundle.judged:
        raise BundleError(f"{folder}: no judgement names a challenge and a company of the bundle.")
    return bundle


def _rows(folder: Path, name: str, needed: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    path = _find(folder, f"{name}.jsonl")
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                row = json.loads(line)
            except ValueError as error:
                raise BundleError(f"{path}, line {number}: not JSON ({error}).") from None
            missing = [field for field in needed if field not in row]
            if missing:
                raise BundleError(f"{path}, line {number}: the field {missing[0]!r} is missing.")
            yield row


def _judgements(folder: Path, companies: set[str]) -> dict[str, dict[str, float]]:
    path = _find(folder, "judgements.tsv")
    judgements: dict[str, dict[str, float]] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        fields = line.split("\t")
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
