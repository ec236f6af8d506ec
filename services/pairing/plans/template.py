"""The file to fill in: an empty plan with two rows that show how."""

from __future__ import annotations

import csv
import io

import openpyxl

COLUMNS = (
    "reference",
    "title",
    "description",
    "language",
    "cpv",
    "first year",
    "last year",
    "volume",
    "unit",
    "budget min",
    "budget max",
    "currency",
    "readers",
)
EXAMPLES = (
    (
        "2027-014",
        "Cooling water pumps for the accelerator tunnel",
        "We need to move 400 m3/h of demineralised water at 8 bar, day and night, within 70 dB.",
        "en",
        "42122000",
        "2027",
        "2028",
        "24",
        "pumps",
        "600000",
        "900000",
        "EUR",
        "buyers",
    ),
    (
        "2027-015",
        "Électricité d'origine renouvelable",
        "Il nous faut 40 GWh d'électricité par an, d'origine renouvelable.",
        "fr",
        "09310000",
        "2027",
        "2029",
        "120000",
        "MWh",
        "",
        "14000000",
        "EUR",
        "public",
    ),
)


def as_csv() -> bytes:
    """In UTF-8 with a byte order mark, without which Excel guesses another encoding."""
    written = io.StringIO()
    csv.writer(written, delimiter=";", lineterminator="\r\n").writerows((COLUMNS, *EXAMPLES))
    return written.getvalue().encode("utf-8-sig")


def as_workbook() -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "plan"
    for row in (COLUMNS, *EXAMPLES):
        sheet.append(row)
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()
