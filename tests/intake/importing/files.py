"""Files as people have them, and what comes out of them."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any

import openpyxl

from services.intake.importing import Problem, Row, read
from services.intake.importing.collation import Collation, collate


def rows_of(data: bytes) -> list[Row]:
    return [one for one in everything(data) if isinstance(one, Row)]


def problems_of(data: bytes) -> list[Problem]:
    return [one for one in everything(data) if isinstance(one, Problem)]


def everything(data: bytes) -> list[Row | Problem]:
    reading = read(data)
    try:
        return list(reading.rows)
    finally:
        reading.close()


def collated(data: bytes, country: str | None = None) -> Collation:
    reading = read(data)
    try:
        return collate(reading.rows, country)
    finally:
        reading.close()


def texts(row: Row, name: str = "capabilities") -> list[str]:
    return [entry["text"] for entry in row.fields.get(name, [])]


def workbook(rows: Sequence[Sequence[Any]], shape: Callable[[Any], None] | None = None) -> bytes:
    """An .xlsx with these rows in its first sheet; `shape` does to the sheet what else is wanted."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(list(row))
    if shape is not None:
        shape(sheet)
    out = io.BytesIO()
    book.save(out)
    book.close()
    return out.getvalue()
