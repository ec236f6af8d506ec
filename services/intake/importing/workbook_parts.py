"""What openpyxl does not tell when it streams a sheet: merged cells, and formulas without a stored value.

Read from the sheet's XML in one pass with expat, so that a sheet of a million cells costs no memory.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import IO
from xml.parsers import expat

MERGES_MAX = 50_000
"""Merged ranges remembered: one for each company of the largest file."""
UNCALCULATED_MAX = 50_000

_RANGE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})(?::([A-Z]{1,3})([0-9]{1,7}))?")


@dataclass(slots=True)
class SheetParts:
    """Rows count from 1, columns from 0. `merges`: (column, first row, last row) of ranges that are several
    rows high, and `wide`: (row, first column, last column) of those that are several columns wide.
    `uncalculated`: (row, column) of formulas whose result is not stored."""

    merges: list[tuple[int, int, int]] = field(default_factory=list)
    wide: list[tuple[int, int, int]] = field(default_factory=list)
    uncalculated: set[tuple[int, int]] = field(default_factory=set)


class SheetScanner:
    """Expat handlers that fill a SheetParts."""

    def __init__(self) -> None:
        self.parts = SheetParts()
        self._cell = ""
        self._formula = False
        self._value = False
        self._in_value = False

    def scan(self, sheet: IO[bytes]) -> SheetParts:
        """Raises expat.ExpatError for what is no XML. Declarations of entities are refused: a sheet has
        none, and they are how a small file grows into gigabytes."""
        parser = expat.ParserCreate()
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.EntityDeclHandler = _refuse_entities
        parser.ParseFile(sheet)
        return self.parts

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition(":")[2]
        if name == "c":
            self._cell = attributes.get("r", "")
            self._formula = self._value = False
        elif name == "f":
            self._formula = True
        elif name in ("v", "t"):
            self._in_value = True
        elif name == "mergeCell":
            self._merge(attributes.get("ref", ""))

    def _end(self, tag: str) -> None:
        name = tag.rpartition(":")[2]
        if name in ("v", "t"):
            self._in_value = False
        elif name == "c" and self._formula and not self._value:
            place = _RANGE.fullmatch(self._cell)
            if place and len(self.parts.uncalculated) < UNCALCULATED_MAX:
                self.parts.uncalculated.add((int(place[2]), column_number(place[1])))

    def _text(self, text: str) -> None:
        if self._in_value and text.strip():
            self._value = True

    def _merge(self, reference: str) -> None:
        place = _RANGE.fullmatch(reference)
        if place is None or place[3] is None:
            return
        left, right = column_number(place[1]), column_number(place[3])
        top, bottom = int(place[2]), int(place[4])
        if bottom > top and len(self.parts.merges) < MERGES_MAX:
            self.parts.merges.append((left, top, bottom))
        if right > left and len(self.parts.wide) < MERGES_MAX:
            self.parts.wide.append((top, left, right))


def column_number(letters: str) -> int:
    """0 for A, 26 for AA."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def column_letters(number: int) -> str:
    """A for 0, AA for 26."""
    letters = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def _refuse_entities(*_declaration: object) -> None:
    raise expat.ExpatError("the sheet declares entities")
