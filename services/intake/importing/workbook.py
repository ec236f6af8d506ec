"""Excel (.xlsx): the first sheet with a header, streamed; titles, merged cells, formulas, blank rows.

Whatever openpyxl, zipfile, zlib or expat raise over a file means that the file is damaged: they raise some
twenty classes between them, and none of them is about anything but the bytes that they were given.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from typing import Any

import openpyxl

from services.intake.importing.columns import COLUMNS_MAX, PROFILES, Columns, Vocabulary, recognise
from services.intake.importing.text_table import HEADER_SEARCHED, Broken, Record
from services.intake.importing.workbook_parts import SheetParts, SheetScanner, column_letters
from services.kernel.problems import InvalidInput, TooLarge

UNPACKED_MAX = 200 * 1024 * 1024
"""An .xlsx is a zip. 50,000 rows of profiles unpack to about 60 MB; a zip bomb to terabytes."""
PARTS_MAX = 2_000
SHEETS_MAX = 20
"""Sheets in which a header is looked for."""
SHEET_ROWS_MAX = 1_048_576
"""Excel's own limit; a row beyond it is a lie that would be counted up to."""
GAP_MAX = 1_000
"""Blank rows above the header that are looked through."""

NO_NAMES = (
    "No sheet has a column with the companies' names. Give the columns headings, at least 'name' and "
    "'country', for example: name, legal id, country, capabilities."
)


@dataclass(slots=True)
class Sheet:
    """A sheet whose header was found, and the zip it is read from, open until `close`."""

    columns: Columns
    rows: Iterator[tuple[int, tuple[Any, ...]]]
    parts: SheetParts
    _book: Any

    def records(self) -> Iterator[Record]:
        """Rows below the header as texts; blank ones are left out."""
        used = {column.index for column in self.columns.found}
        merged = _Merged(self.parts)
        number = 0
        blank: tuple[Any, ...] | None = None
        try:
            for number, values in self.rows:
                # a gap in the numbers is filled with one and the same row, up to a million times
                if values is blank or not any(values):
                    blank = values
                    continue
                wrong = _unreadable(number, values, used, self.parts)
                cells = merged.filled(number, [_text(value) for value in values])
                if wrong:
                    yield number, Broken(wrong)
                elif any(cells):
                    yield number, cells
        except Exception as error:  # noqa: BLE001
            yield number + 1, Broken(f"The file is damaged: reading stopped here ({type(error).__name__}).")

    def close(self) -> None:
        self._book.close()


def is_workbook(data: bytes) -> bool:
    return data.startswith(b"PK\x03\x04")


def is_old_workbook(data: bytes) -> bool:
    """The binary format of Excel up to 2003, and encrypted .xlsx, begin alike."""
    return data.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")


def open_sheet(data: bytes, vocabulary: Vocabulary = PROFILES, lacking: str = NO_NAMES) -> Sheet:
    """The first sheet in which a header with the required column is found. `lacking`: said where none has it.

    InvalidInput for a file that is damaged or has no such sheet, TooLarge for one that unpacks to more than
    UNPACKED_MAX bytes.
    """
    _check_size(data)
    try:
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
    except Exception as error:
        raise _damaged() from error
    try:
        for sheet in islice(book.worksheets, SHEETS_MAX):
            found = _with_header(book, sheet, data, vocabulary)
            if found:
                return found
    except Exception as error:
        book.close()
        raise _damaged() from error
    book.close()
    raise InvalidInput(lacking)


def _check_size(data: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = archive.infolist()
    except Exception as error:
        raise _damaged() from error
    # zipfile reads no more of a part than it declares, so the declared sizes can be believed
    if len(parts) > PARTS_MAX or sum(part.file_size for part in parts) > UNPACKED_MAX:
        raise TooLarge(
            f"The Excel file unpacks to more than {UNPACKED_MAX // 1024 // 1024} MB. Save only the sheet "
            "that is to be imported, or save it as CSV."
        )


def _with_header(book: Any, sheet: Any, data: bytes, vocabulary: Vocabulary) -> Sheet | None:
    sheet.reset_dimensions()  # what the file says of its size may be wrong
    with zipfile.ZipFile(io.BytesIO(data)) as archive, archive.open(sheet._worksheet_path) as source:
        parts = SheetScanner().scan(source)
    best: tuple[int, Columns] | None = None
    seen = 0
    for number, values in _numbered(sheet):
        cells = _spread(number, [_text(value) for value in values], parts)
        if not any(cells):
            if number > GAP_MAX:
                break
            continue
        seen += 1
        columns = recognise(cells, vocabulary)
        if vocabulary.required in columns.fields and (
            best is None or len(columns.found) > len(best[1].found)
        ):
            best = (number, columns)
        if seen >= HEADER_SEARCHED:
            break
    if best is None:
        return None
    header, columns = best
    below = ((number, values) for number, values in _numbered(sheet) if number > header)
    return Sheet(columns, below, parts, book)


def _numbered(sheet: Any) -> Iterator[tuple[int, tuple[Any, ...]]]:
    rows: Iterable[tuple[Any, ...]] = sheet.iter_rows(max_col=COLUMNS_MAX, values_only=True)
    return enumerate(islice(rows, SHEET_ROWS_MAX), start=1)


def _spread(number: int, cells: list[str], parts: SheetParts) -> list[str]:
    """A heading merged over several columns stands above each of them."""
    for row, left, right in parts.wide:
        if row == number and left < len(cells):
            for column in range(left + 1, min(right + 1, len(cells))):
                cells[column] = cells[column] or cells[left]
    return cells


class _Merged:
    """Fills the cells below the first of a merged range: one company with several rows beside its name."""

    def __init__(self, parts: SheetParts) -> None:
        self._starting: dict[int, list[tuple[int, int]]] = {}
        for column, first, last in parts.merges:
            self._starting.setdefault(first, []).append((column, last))
        self._running: dict[int, tuple[int, str]] = {}

    def filled(self, number: int, cells: list[str]) -> list[str]:
        if not self._starting and not self._running:
            return cells
        for column, (last, text) in list(self._running.items()):
            if number > last:
                del self._running[column]
            elif column < len(cells):
                cells[column] = cells[column] or text
        for column, last in self._starting.pop(number, ()):
            if column < len(cells):
                self._running[column] = (last, cells[column])
        return cells


def _unreadable(number: int, values: tuple[Any, ...], used: set[int], parts: SheetParts) -> str | None:
    """What is wrong with the cells that are used: errors of Excel, formulas without a result."""
    for column in sorted(used):
        place = f"{column_letters(column)}{number}"
        if (number, column) in parts.uncalculated:
            return (
                f"Cell {place} holds a formula whose result is not stored. Open the file in Excel or "
                "LibreOffice, save it, and import it again."
            )
        value = values[column] if column < len(values) else None
        if isinstance(value, str) and value.startswith("#") and value.rstrip("!?").isupper():
            return f"Cell {place} holds the error {value[:20]}."
    return None


def _text(value: Any) -> str:
    """A cell's value as a person reads it: 12 for 12.0, a day for a date."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


def _damaged() -> InvalidInput:
    return InvalidInput(
        "This is no Excel file that can be read. Open it in Excel or LibreOffice and save it as .xlsx, or as "
        "CSV in UTF-8."
    )
