"""CSV as it is found in the wild: any delimiter, any of the usual encodings, titles above the header,
quotes that are never closed."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import cast

from services.intake.importing.columns import PROFILES, Columns, Vocabulary, recognise

HEADER_SEARCHED = 20
"""Rows in which the header is looked for: above it stand a title, a date, a logo."""
RECORD_LINES = 1_000
"""Lines one record may span, as a cell with line breaks does. Where a quote is never closed this is what is
read before the row is given up and reading goes on with the next line."""
UNCLOSED_MAX = 100
"""Rows given up so; from then on a record is one line. Bounds what a file of lonely quotes costs."""
CELL_MAX = 131_072
"""Characters of a cell: what the csv module takes, 32 times the longest capability."""

_DELIMITERS = (",", ";", "\t", "|")
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
_WESTERN = frozenset("àâäáãåæçéèêëíìîïñóòôöõøœúùûüßÀÂÄÁÃÅÆÇÉÈÊËÍÌÎÏÑÓÒÔÖÕØŒÚÙÛÜŽžŠšŸ€–—’‘“”„«»®©™°²³µ·…§±½ ")
"""Characters that tell a text of Windows-1252 from broken UTF-8: those that Western European words have."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A record that could not be read."""

    reason: str


Record = tuple[int, list[str] | Broken]
"""Line number from 1, and the cells."""


_MARKED = "liaison.marked"
codecs.register_error(_MARKED, lambda error: ("\udcff", cast("UnicodeDecodeError", error).end))


def decode(data: bytes) -> tuple[str, str]:
    """The text and the name of its encoding. Bytes that are no text in it become lone surrogates (as in
    PEP 383, which UTF-16 has no part in), so that only the rows which have them are refused."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors=_MARKED), "utf-16"
    if data.startswith(b"\xef\xbb\xbf"):
        data = data[3:]
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        pass
    western = data.decode("cp1252", errors="surrogateescape")
    if all(letter in _WESTERN for letter in western if not letter.isascii()):
        return western, "windows-1252"
    return data.decode("utf-8", errors="surrogateescape"), "utf-8"


def has_broken_bytes(cells: Sequence[str]) -> bool:
    return any("\udc80" <= letter <= "\udcff" for cell in cells for letter in cell)


def lines_of(text: str) -> list[str]:
    """Physical lines with their ends: only CR, LF and CRLF end one, not the further breaks of Unicode."""
    return re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+", text)


def header_of(lines: Sequence[str], vocabulary: Vocabulary = PROFILES) -> tuple[int, str, Columns] | None:
    """Number of lines up to and including the header, the delimiter, and the columns; None without the column
    that the vocabulary requires.

    The delimiter is the one with which most columns mean something.
    """
    best: tuple[int, int, str, Columns] | None = None
    given = _SEPARATOR_LINE.fullmatch(lines[0]) if lines else None
    delimiters = (given[1],) if given else _DELIMITERS
    for delimiter in delimiters:
        start = 1 if given else 0
        for line, cells in islice(records(lines, delimiter, start=start), HEADER_SEARCHED):
            if isinstance(cells, Broken):
                continue
            columns = recognise(cells, vocabulary)
            score = len(columns.found)
            if vocabulary.required in columns.fields and (best is None or score > best[0]):
                best = (score, line - 1 + _height(cells), delimiter, columns)
    return best[1:] if best else None


def records(lines: Sequence[str], delimiter: str, *, start: int = 0) -> Iterator[Record]:
    """Records from line `start` (counted from 0) on; blank lines are left out.

    A record that cannot be read is told and costs its first line only: what follows is read as if it began
    there.
    """
    at, unclosed = start, 0
    while at < len(lines):
        span = RECORD_LINES if unclosed < UNCLOSED_MAX else 1
        reader = csv.reader(islice(lines, at, at + span), delimiter=delimiter, strict=True)
        try:
            cells = next(reader, [])
        except csv.Error as error:
            unclosed += 1
            yield at + 1, Broken(_explained(error))
            at += 1
            continue
        line, at = at + 1, at + max(reader.line_num, 1)
        if any(cell.strip() for cell in cells):
            yield line, cells


def _height(cells: Sequence[str]) -> int:
    """Lines that a header with line breaks in its cells takes."""
    return 1 + sum(len(re.findall(r"\r\n|\r|\n", cell)) for cell in cells)


def _explained(error: csv.Error) -> str:
    said = str(error)
    if "unexpected end" in said:
        return 'A quotation mark (") is opened and never closed. Close it, or double the ones inside a text.'
    if "field larger" in said:
        return f"A cell has more than {CELL_MAX:,} characters, or a quotation mark is never closed."
    if "expected after" in said:
        return 'There is text after a closing quotation mark ("). Double the ones inside a text.'
    return f"The row is no CSV: {said}."
