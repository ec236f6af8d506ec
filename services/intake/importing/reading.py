"""A file of profiles, whatever it is: its kind is told by its first bytes, not by its name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

from services.intake.importing import columns, text_table, workbook
from services.intake.importing import fields as reading_fields
from services.intake.importing.columns import HEADING_SHOWN, Columns, Vocabulary
from services.intake.importing.row import Problem, Row
from services.intake.importing.text_table import Broken, Record
from services.kernel.problems import InvalidInput, TooLarge

FILE_MAX = 20 * 1024 * 1024
"""Bytes: 20,000 profiles of a kilobyte. Larger files are split, or sent in parts through the API."""
ROWS_MAX = 50_000
"""Rows of one file; Europe's largest clusters have a few thousand members."""
IGNORED_MAX = 100
"""Headings told as ignored."""

Format = Literal["csv", "xlsx", "jsonl"]


FromCells = Callable[[Columns, Sequence[str]], tuple[dict[str, Any], dict[str, str]]]
FromObject = Callable[[Mapping[str, Any]], tuple[dict[str, Any], dict[str, str], list[str]]]


@dataclass(frozen=True, slots=True)
class Kind:
    """What the rows of a file are: which headings they stand under, how a row becomes fields, and what is
    said where no header, or no object, is found."""

    vocabulary: Vocabulary
    from_cells: FromCells
    from_object: FromObject
    no_header: str
    no_sheet: str
    no_object: str


PROFILES = Kind(
    columns.PROFILES,
    reading_fields.from_cells,
    reading_fields.from_object,
    no_header="No column with the companies' names was found. The first row must hold headings, at least "
    "'name' and 'country', for example: name;legal id;country;capabilities.",
    no_sheet=workbook.NO_NAMES,
    no_object="The line is no JSON object. One company is one object: {…}.",
)


@dataclass(slots=True)
class Reading:
    """A file that was recognised. `rows` is read once.
    `ignored` lists headings that mean nothing here, complete once `rows` is read to its end. `close` it."""

    format: Format
    encoding: str
    rows: Iterator[Row | Problem]
    ignored: list[str] = field(default_factory=list)
    close: Callable[[], None] = lambda: None


def read(data: bytes, kind: Kind = PROFILES) -> Reading:
    """What is in the file: rows in its order, and problems in their place among them.

    InvalidInput, with what to do, for a file that is empty, of another kind, or without the column it needs;
    TooLarge beyond FILE_MAX. Rows beyond ROWS_MAX are not read, which is one problem.
    """
    if len(data) > FILE_MAX:
        raise TooLarge(f"The file has more than {FILE_MAX // 1024 // 1024} MB. Split it.")
    if workbook.is_old_workbook(data):
        raise InvalidInput(
            "This is an old (.xls) or encrypted Excel file. Save it as .xlsx without a password."
        )
    if workbook.is_workbook(data):
        return _workbook(data, kind)
    text, encoding = text_table.decode(data)
    start = text.lstrip()[:1]
    if not start:
        raise InvalidInput("The file is empty.")
    if start == "{":
        return _json_lines(text, encoding, kind)
    if start == "[":
        raise InvalidInput(
            "This is one JSON array. Send JSON Lines: one object on each line, no brackets around."
        )
    return _csv(text, encoding, kind)


def _csv(text: str, encoding: str, kind: Kind) -> Reading:
    lines = text_table.lines_of(text)
    header = text_table.header_of(lines, kind.vocabulary)
    if header is None:
        raise InvalidInput(kind.no_header)
    at, delimiter, columns = header
    records = text_table.records(lines, delimiter, start=at)
    rows = _bounded(_rows(records, columns, kind))
    return Reading("csv", encoding, rows, list(columns.ignored[:IGNORED_MAX]))


def _workbook(data: bytes, kind: Kind) -> Reading:
    sheet = workbook.open_sheet(data, kind.vocabulary, kind.no_sheet)

    rows = _bounded(_rows(sheet.records(), sheet.columns, kind))
    ignored = list(sheet.columns.ignored[:IGNORED_MAX])
    return Reading("xlsx", "utf-8", rows, ignored, close=sheet.close)


def _rows(records: Iterator[Record], columns: Columns, kind: Kind) -> Iterator[Row | Problem]:
    for line, cells in records:
        if isinstance(cells, Broken):
            yield Problem(line, cells.reason)
            continue
        if any(cell.strip() for cell in cells[columns.width :]):
            yield Problem(line, _TOO_WIDE.format(len(cells), columns.width))
            continue
        used = [cells[column.index] for column in columns.found if column.index < len(cells)]
        if text_table.has_broken_bytes(used):
            yield Problem(line, _BROKEN)
            continue
        found, headings = kind.from_cells(columns, cells)
        if found:
            yield Row(line, found, headings)


_BROKEN = "The row holds bytes that are no text. Save the file as UTF-8 and import it again."
_TOO_WIDE = (
    "The row has {} cells, the header has {}. Put a text that contains the delimiter between quotation marks."
)


def _json_lines(text: str, encoding: str, kind: Kind) -> Reading:
    lines = text_table.lines_of(text)
    ignored: list[str] = []
    return Reading("jsonl", encoding, _bounded(_objects(lines, ignored, kind)), ignored)


def _objects(lines: list[str], ignored: list[str], kind: Kind) -> Iterator[Row | Problem]:
    known: set[str] = set()
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            document = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            broken = text_table.has_broken_bytes([line])
            said = "it holds bytes that are no text in UTF-8" if broken else str(error)
            yield Problem(number, f"The line is no JSON: {said}.")
            continue
        if not isinstance(document, dict):
            yield Problem(number, kind.no_object)
            continue
        found, headings, strange = kind.from_object(document)
        for key in strange:
            if key not in known and len(ignored) < IGNORED_MAX:
                known.add(key)
                ignored.append(key[:HEADING_SHOWN])
        yield Row(number, found, headings)


def _bounded(rows: Iterator[Row | Problem]) -> Iterator[Row | Problem]:
    for count, row in enumerate(rows):
        if count == ROWS_MAX:
            yield Problem(
                row.line, f"The file has more than {ROWS_MAX:,} rows. Import the rest from here on."
            )
            return
        yield row
