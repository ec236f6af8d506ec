"""Excel: titles, merged cells, formulas, errors, blank rows, and files that mean harm."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from contextlib import suppress
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl.utils import get_column_letter

from services.intake.importing import workbook as workbook_module
from services.intake.importing.workbook_parts import column_letters, column_number
from services.kernel.problems import InvalidInput, TooLarge
from tests.intake.importing.files import everything, problems_of, rows_of, texts, workbook

HEADER: list[Any] = ["Entreprise", "Pays", "Compétences", "TVA"]


def with_part(data: bytes, name: str, content: bytes) -> bytes:
    """The workbook with one of its parts replaced."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.infolist():
            new.writestr(part.filename, content if part.filename == name else old.read(part.filename))
    return out.getvalue()


def part_of(data: bytes, name: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.read(name)


SHEET = "xl/worksheets/sheet1.xml"
STRINGS = "xl/sharedStrings.xml"


def with_shared_strings(data: bytes) -> bytes:
    """As Excel itself writes: texts stand in a part of their own. Here only the name Alpha does."""
    types = part_of(data, "[Content_Types].xml").replace(
        b"</Types>",
        b'<Override PartName="/xl/sharedStrings.xml" ContentType="application/vnd.openxmlformats-'
        b'officedocument.spreadsheetml.sharedStrings+xml"/></Types>',
    )
    sheet = part_of(data, SHEET).replace(b't="inlineStr"><is><t>Alpha</t></is></c>', b't="s"><v>0</v></c>')
    strings = (
        b'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>Alpha</t></si></sst>'
    )
    out = io.BytesIO(with_part(with_part(data, "[Content_Types].xml", types), SHEET, sheet))
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr(STRINGS, strings)
    return out.getvalue()


def test_values_are_read_as_a_person_reads_them() -> None:
    rows = [HEADER, ["Alpha", "France", "laser;optique", 552081317.0], ["Beta", "DE", 3.5, True]]
    first, second = rows_of(workbook(rows))
    assert (first.line, first.fields["legal_id"]) == (2, "552081317")
    assert texts(first) == ["laser", "optique"]
    assert texts(second) == ["3.5"]


def test_dates_are_days() -> None:
    rows: list[list[Any]] = [["name", "country", "last confirmed"], ["Alpha", "FR", date(2026, 5, 1)]]
    assert rows_of(workbook(rows))[0].fields["last_confirmed"] == "2026-05-01"


def test_titles_blank_rows_and_blank_columns_do_no_harm() -> None:
    rows = [
        ["Liste des adhérents"],
        [],
        [None, *HEADER],
        [],
        [None, "Alpha", "FR"],
        [None],
        [None, "Beta", "FR"],
    ]
    assert [(row.line, row.name) for row in rows_of(workbook(rows))] == [(5, "Alpha"), (7, "Beta")]


def test_a_merged_name_stands_for_each_of_its_rows() -> None:
    rows = [HEADER, ["Alpha", "FR", "laser"], [None, None, "optique"], ["Beta", "FR", "vide"]]
    found = rows_of(workbook(rows, lambda sheet: sheet.merge_cells("A2:A3")))
    assert [(row.name, texts(row)) for row in found] == [
        ("Alpha", ["laser"]), ("Alpha", ["optique"]), ("Beta", ["vide"]),
    ]  # fmt: skip


def test_a_merged_heading_stands_above_each_of_its_columns() -> None:
    def merge(sheet: Any) -> None:
        sheet.merge_cells("A1:D1")
        sheet.merge_cells("C2:D2")

    rows = [["Members"], ["Company", "Country", "Capabilities"], ["Alpha", "FR", "laser", "optics"]]
    assert texts(rows_of(workbook(rows, merge))[0]) == ["laser", "optics"]


def test_a_formula_without_a_result_is_told() -> None:
    data = workbook([HEADER, ['="Al"&"pha"', "FR", "x"], ["Beta", "FR", "x"], ["Gamma", "FR", "x", "=1/0"]])
    assert [row.name for row in rows_of(data)] == ["Beta"]
    first, second = problems_of(data)
    assert (first.line, second.line) == (2, 4)
    assert "Cell A2 holds a formula" in first.reason


def test_a_formula_with_its_result_is_its_result() -> None:
    data = workbook([HEADER, ['="Al"&"pha"', "FR", "x"]])
    sheet = part_of(data, SHEET).replace(b"<v></v>", b"<v>Alpha</v>").replace(b"<v />", b"<v>Alpha</v>")
    sheet = sheet.replace(b'<c r="A2">', b'<c r="A2" t="str">')
    assert [row.name for row in rows_of(with_part(data, SHEET, sheet))] == ["Alpha"]


def test_an_error_in_a_cell_is_told() -> None:
    data = workbook([HEADER, ["Alpha", "FR", "#REF!"], ["Beta", "#N/A", "x"], ["#Hashtag AG", "FR", "x"]])
    assert [(one.line, one.reason) for one in problems_of(data)] == [
        (2, "Cell C2 holds the error #REF!."),
        (3, "Cell B3 holds the error #N/A."),
    ]
    assert [row.name for row in rows_of(data)] == ["#Hashtag AG"]


def test_the_sheet_with_the_header_is_taken() -> None:
    def more(sheet: Any) -> None:
        other = sheet.parent.create_sheet("Members")
        other.append(HEADER)
        other.append(["Alpha", "FR", "x"])

    assert [row.name for row in rows_of(workbook([["Read me first"]], more))] == ["Alpha"]
    with pytest.raises(InvalidInput, match="No sheet"):
        everything(workbook([["Read me first"]]))


def test_what_the_file_says_of_its_size_is_not_believed() -> None:
    data = workbook([HEADER, ["Alpha", "FR", "x"]])
    sheet = part_of(data, SHEET).replace(b'ref="A1:D2"', b'ref="A1:XFD1048576"')
    assert b"XFD1048576" in sheet
    assert len(everything(with_part(data, SHEET, sheet))) == 1


def test_a_row_at_the_end_of_the_world_is_not_counted_up_to() -> None:
    data = workbook([HEADER, ["Alpha", "FR", "x"], ["Beta", "FR", "x"]])
    sheet = part_of(data, SHEET).replace(b'<row r="3">', b'<row r="99999999999">')
    assert [row.name for row in rows_of(with_part(data, SHEET, sheet))][:1] == ["Alpha"]


def test_a_zip_bomb_is_not_unpacked() -> None:
    data = workbook([HEADER, ["Alpha", "FR", "x"]])
    bomb = with_part(data, SHEET, b"<x>" + b" " * (workbook_module.UNPACKED_MAX + 1))
    assert len(bomb) < 1_000_000
    tracemalloc.start()
    with pytest.raises(TooLarge, match="unpacks to more than"):
        everything(bomb)
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()


def test_a_bomb_of_entities_is_refused() -> None:
    data = with_shared_strings(workbook([HEADER, ["Alpha", "FR", "x"]]))
    assert [row.name for row in rows_of(data)] == ["Alpha"]
    entities = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">' + b"".join(
        b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(8)
    )
    for name in (SHEET, STRINGS):
        harmful = entities + b"]>" + part_of(data, name).replace(b"Alpha", b"&i;").replace(b">0<", b">&i;<")
        with pytest.raises(InvalidInput, match="no Excel file"):
            everything(with_part(data, name, harmful))


@pytest.mark.parametrize("name", [SHEET, "xl/workbook.xml", STRINGS, "[Content_Types].xml"])
@pytest.mark.parametrize("content", [b"", b"<", b"<worksheet/>", b"\x00" * 100])
def test_a_damaged_part_is_an_answer_not_a_crash(name: str, content: bytes) -> None:
    damaged = with_part(with_shared_strings(workbook([HEADER, ["Alpha", "FR", "x"]])), name, content)
    with suppress(InvalidInput, TooLarge):
        everything(damaged)


GOOD = workbook([HEADER, ["Alpha", "FR", "x"], ["Beta", "FR", "y"]])


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(GOOD) - 1), st.binary(min_size=1, max_size=8))
def test_no_damage_breaks_the_reader(at: int, patch: bytes) -> None:
    with suppress(InvalidInput, TooLarge):
        everything(GOOD[:at] + patch + GOOD[at + len(patch) :])


@given(st.integers(0, 20_000))
def test_columns_are_counted_as_excel_counts(number: int) -> None:
    letters = column_letters(number)
    assert column_number(letters) == number
    if number < 18_278:
        assert get_column_letter(number + 1) == letters
