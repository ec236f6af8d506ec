"""Columns are found by what people call them."""

from __future__ import annotations

import pytest

from services.intake.importing.columns import COLUMNS_MAX, plain, recognise


@pytest.mark.parametrize(
    ("heading", "field"),
    [
        ("name", "name"),
        ("Company", "name"),
        ("Company name", "name"),
        ("Nom", "name"),
        ("Raison sociale", "name"),
        ("Dénomination", "name"),
        ("FIRMA", "name"),
        ("Name des Unternehmens", None),
        ("Ragione sociale", "name"),
        ("Företag", "name"),
        ("Επωνυμία", "name"),
        ("Фирма", "name"),
        ("Pays", "country"),
        ("Land", "country"),
        ("Country (ISO)", "country"),
        ("VAT-No.", "legal_id"),
        ("N° TVA", "legal_id"),
        ("USt-IdNr.", "legal_id"),
        ("SIRET", "legal_id"),
        ("Größe", "size_class"),
        ("Web site", "website"),
        ("Compétences", "capabilities"),
        ("Kompetenzen", "capabilities"),
        ("capability_1", "capabilities"),
        ("Capability 12", "capabilities"),
        ("Compétence n°3", None),
        ("Products", "capabilities"),
        ("Références", "references"),
        ("CPV codes", "cpv"),
        ("TRL", "trl"),
        ("Ansprechpartner", None),
        ("E-mail", None),
        ("", None),
    ],
)
def test_headings(heading: str, field: str | None) -> None:
    found = recognise([heading]).found
    assert [column.field for column in found] == ([field] if field else [])


def test_the_more_specific_heading_wins() -> None:
    columns = recognise(["Name", "Company", "Land", "Country", "Name"])
    assert [(column.field, column.index) for column in columns.found] == [("name", 1), ("country", 3)]
    assert columns.ignored == ("Name", "Land", "Name")


def test_several_columns_may_hold_capabilities() -> None:
    columns = recognise(["Firma", "Produkte", "Leistungen", "Kompetenz 1"])
    assert [column.numbered for column in columns.found] == [False, False, False, True]


def test_a_sheet_of_16384_columns_is_looked_at_in_part() -> None:
    columns = recognise(["name", *[f"x{n}" for n in range(16_383)]])
    assert len(columns.ignored) == COLUMNS_MAX - 1


def test_plain_form() -> None:
    assert plain("  Größen-Klasse (2003/361/EC) ") == "grossenklasse"
