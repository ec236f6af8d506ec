"""Columns of an investment plan, and what people write into their cells. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from services.intake.importing import Kind, cells
from services.intake.importing.columns import Columns, Vocabulary
from services.pairing.plans.money import budget, number

HEADINGS: Mapping[str, str] = {
    "reference": """
        reference ref needid planid itemid id number no nr position pos reference numero referenznummer
        lfdnr laufendenummer nummer referencia numero riferimento codice poz numer cislo sorszam""",
    "title": """
        title need needtitle subject item project projecttitle whatisneeded titre objet objetdumarche besoin
        intitule titel bezeichnung gegenstand bedarf vorhaben titulo objeto necesidad titolo oggetto
        fabbisogno onderwerp behoefte titel rubrik overskrift otsikko tytul przedmiot nazev predmet targy
        megnevezes obiect naslov predmetnabave name nom nombre nome naam navn namn nazwa""",
    "need": """
        description needdescription functionalneed details text scope descriptif descriptiondubesoin
        beschreibung bedarfsbeschreibung descripcion descrizione omschrijving beskrivning beskrivelse kuvaus
        opis popis leiras descriere""",
    "language": "language langue sprache idioma lingua taal sprak sprog jezyk jazyk nyelv limba",
    "cpv": "cpv cpvcode cpvcodes codecpv codescpv codigocpv codicecpv kodcpv",
    "first_year": """
        firstyear year years startyear from yearfrom plannedyear procurementyear purchaseyear annee annees
        anneedebut jahr jahre startjahr vonjahr beschaffungsjahr ano anoinicio anno annoinizio jaar ar rok
        lata ev vuosi godina leto""",
    "last_year": "lastyear endyear to until yearto anneefin endjahr bisjahr anofin annofine eindjaar slutar",
    "volume": """
        volume quantity qty amountofunits count quantite menge anzahl stueckzahl stuckzahl cantidad quantita
        hoeveelheid aantal mangd antal maara ilosc mnozstvi mennyiseg cantitate kolicina""",
    "unit": """
        unit unitofmeasure units unite einheit mengeneinheit unidad unita eenheid enhet enhed yksikko
        jednostka jednotka egyseg unitate enota""",
    "budget": """
        budget estimatedvalue estimatedbudget value cost estimatedcost price valeur montant montantestime
        cout wert schaetzwert schatzwert kosten auftragswert presupuesto importe valor valore importo
        waarde begroting varde vaerdi arvo wartosc szacowanawartosc hodnota ertek valoare vrijednost""",
    "budget_min": "budgetmin minimumbudget budgetfrom minbudget budgetminimum budgetvon",
    "budget_max": "budgetmax maximumbudget budgetto maxbudget budgetmaximum budgetbis",
    "currency": "currency devise monnaie waehrung wahrung moneda divisa valuta valuutta waluta mena penznem",
    "deadline": "deadline datelimite frist plazo scadenza termijn termin lhuta hatarido",
    "readers": "readers visibility visible visibilite sichtbarkeit visibilidad visibilita zichtbaarheid",
}
"""As `services.intake.importing.columns.HEADINGS`."""

_YEARS = re.compile(
    r"(?:fy\s*)?([0-9]{4})(?:\s*(?:-|–|—|to|bis|à|a|/)\s*([0-9]{4}|[0-9]{2}))?", re.IGNORECASE
)
_QUANTITY = re.compile(r"([0-9][0-9.,'\u2019\u00a0\u202f ]*)\s*(\D.*)?", re.DOTALL)


def from_cells(columns: Columns, row: Sequence[str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Fields of a `PlannedNeed` that the row fills, and the heading each came from."""
    said: dict[str, str] = {}
    headings: dict[str, str] = {}
    for column in columns.found:
        cell = row[column.index].strip() if column.index < len(row) else ""
        if not cells.is_blank(cell, column.field):
            said[column.field] = cell
            headings[column.field] = column.heading
    return fields_of(said), headings


def from_object(document: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str], list[str]]:
    """The same of an object of a JSON Lines file; also the keys that mean nothing here."""
    said: dict[str, str] = {}
    plain: dict[str, Any] = {}
    headings: dict[str, str] = {}
    ignored: list[str] = []
    for key, value in document.items():
        known = PLAN.field_of(key)
        if known is None:
            ignored.append(key)
        elif isinstance(value, list | dict):
            plain[known[0]] = value
            headings[known[0]] = key
        elif value is not None and not cells.is_blank(str(value), known[0]):
            said[known[0]] = str(value)
            headings[known[0]] = key
    return {**fields_of(said), **plain}, headings, ignored


def fields_of(said: Mapping[str, str]) -> dict[str, Any]:
    """What is not understood is left as it is: validation says what is wrong with it."""
    found: dict[str, Any] = {
        name: said[name] for name in ("reference", "title", "need", "deadline", "unit") if name in said
    }
    if "language" in said:
        found["language"] = cells.language(said["language"])
    if "cpv" in said:
        found["cpv"] = cells.cpv(said["cpv"])
    if "readers" in said:
        found["readers"] = said["readers"].casefold()
    _years(said, found)
    if "volume" in said:
        found |= _volume(said["volume"], "unit" in said)
    amount = budget(said)
    if amount is not None:
        found["budget"] = amount
    if "deadline" in found:
        found["deadline"] = found["deadline"][:10]
    return found


def unread(fields: Mapping[str, Any]) -> dict[str, str]:
    """By field, what to say of a cell that was left as it is because it was not understood."""
    return {
        name: f"'{fields[name]}' is no {wanted}"
        for name, wanted in _WANTED.items()
        if isinstance(fields.get(name), str)
    }


_WANTED = {
    "first_year": "year; write 2027, or 2027-2029",
    "last_year": "year; write 2029",
    "volume": "quantity; write a number and what is counted, for example 24 pumps",
    "budget": "amount of money; write for example 250 000 EUR, or 0.25 M EUR",
}


def _years(said: Mapping[str, str], found: dict[str, Any]) -> None:
    """`2027`, `2027-2029`, `2027/28`, `FY 2027`."""
    if "first_year" in said:
        read = _YEARS.fullmatch(said["first_year"])
        found["first_year"] = int(read[1]) if read else said["first_year"]
        if read and read[2]:
            found["last_year"] = int(read[2]) if len(read[2]) == 4 else int(read[1][:2] + read[2])
    if "last_year" in said:
        read = _YEARS.fullmatch(said["last_year"])
        found["last_year"] = int(read[1]) if read else said["last_year"]


def _volume(cell: str, with_unit: bool) -> dict[str, Any]:
    """`1 200`, `700 pumps`."""
    read = _QUANTITY.fullmatch(cell)
    amount = number(read[1]) if read else None
    if read is None or amount is None:
        return {"volume": cell}
    named = (read[2] or "").strip()
    return {"volume": amount} | ({"unit": named} if named and not with_unit else {})


PLAN = Vocabulary(HEADINGS, required="title", several=frozenset())
PLANS = Kind(
    PLAN,
    from_cells,
    from_object,
    no_header="No column with the titles of the needs was found. The first row must hold headings, at least "
    "'title' and 'year', for example: reference;title;description;year;volume;unit;budget. "
    "GET /v1/plans/template has a file to fill in.",
    no_sheet="No sheet has a column with the titles of the needs. Give the columns headings, at least "
    "'title' and 'year'. GET /v1/plans/template has a file to fill in.",
    no_object="The line is no JSON object. One need is one object: {…}.",
)
