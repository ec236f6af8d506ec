"""The files of a bundle, row by row; what is wrong is said with file and line."""

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
class Row:
    """One object of a JSON-lines file. `at`: file and line, for messages."""

    at: str
    fields: dict[str, Any]

    @property
    def id(self) -> str:
        return str(self.fields["id"])

    def optional(self, name: str) -> str | None:
        """A field that may be left out or null. Raises BundleError if it is there and no text."""
        value = self.fields.get(name)
        if value is not None and not isinstance(value, str):
            raise BundleError(f"{self.at}: the field {name!r} is no text.")
        return value or None

    def language(self) -> str:
        return self.optional("language") or "en"


@dataclass(frozen=True, slots=True)
class Grade:
    """One line of a table of judgements: `one` and `other` belong together as much as `grade` says."""

    at: str
    one: str
    other: str
    grade: float


def objects(
    folder: Path, name: str, needed: tuple[str, ...], *, texts: str | None = None, unique: bool = True
) -> Iterator[Row]:
    """Objects with these fields, which are text (an id may be a number). `texts`: a field that lists objects
    with id and text. `unique`: no two have one id."""
    path = find(folder, f"{name}.jsonl")
    seen: dict[str, int] = {}
    for number, line in lines(path):
        try:
            fields = json.loads(line)
        except ValueError as error:
            raise BundleError(f"{path}, line {number}: not JSON ({error}).") from None
        fault = _fault(fields, needed)
        if fault is None and texts is not None:
            fault = _fault_in_list(fields.get(texts), texts)
        if fault is not None:
            raise BundleError(f"{path}, line {number}: {fault} is missing.")
        row = Row(f"{path}, line {number}", fields)
        if unique and row.id in seen:
            raise BundleError(f"{row.at}: the id {row.id!r} is on line {seen[row.id]}, too.")
        seen[row.id] = number
        yield row


def grades(folder: Path, name: str, header: tuple[str, str]) -> Iterator[Grade]:
    """Lines `one  other  grade`, separated by tabs; a first line with the header's names is skipped."""
    path = find(folder, name)
    for number, line in lines(path):
        fields = line.rstrip("\r\n").split("\t")
        if number == 1 and tuple(fields[:2]) == header:
            continue
        try:
            one, other, grade = fields[0], fields[1], float(fields[2])
        except (IndexError, ValueError):
            expected = ", ".join(header)
            raise BundleError(f"{path}, line {number}: expected {expected}, grade.") from None
        if not 0.0 <= grade < float("inf"):
            raise BundleError(f"{path}, line {number}: expected a grade of 0 or more, not {fields[2]}.")
        yield Grade(f"{path}, line {number}", one, other, grade)


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """Numbered from 1, without those that are blank."""
    opened = gzip.open if path.suffix == ".gz" else open
    number = 0
    try:
        with opened(path, "rt", encoding="utf-8") as found:
            for number, line in enumerate(found, start=1):
                if line.strip():
                    yield number, line
    except UnicodeDecodeError as error:
        raise BundleError(f"{path}, after line {number}: not UTF-8 ({error.reason}).") from None
    except (OSError, EOFError) as error:
        raise BundleError(f"{path}, after line {number}: cannot be read ({error}).") from None


def find(folder: Path, name: str) -> Path:
    if not folder.is_dir():
        raise BundleError(f"{folder} is not a folder. Name the folder of a bundle.")
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    raise BundleError(f"{folder} has no {name} (nor {name}.gz).")


def _fault_in_list(listed: Any, name: str) -> str | None:
    faults = [_fault(one, ("id", "text")) for one in listed] if isinstance(listed, list) else ["a list"]
    return next((f"{name}: {one}" for one in faults if one is not None), None)


def _fault(row: Any, needed: tuple[str, ...]) -> str | None:
    if not isinstance(row, dict):
        return "an object"
    for field in needed:
        accepted = (str, int) if field == "id" else str
        if not isinstance(row.get(field), accepted):
            return f"the field {field!r}"
    return None
