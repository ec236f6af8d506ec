"""From the fields of the form to a profile: what its keeper wrote, and what the form does not show kept as it
is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from schemas.codes import find_country, find_language
from schemas.company import CAPABILITIES_MAX, Capability, Company, CompanyContent, Reference
from services.gateway.board.forms import Form, build, complaints, listed, number
from services.intake.company_store import content_of
from services.kernel.problems import InvalidInput

PLAIN = ("name", "country", "website", "size_class", "legal_id", "nuts", "ip_position")
LISTED = ("languages", "cpv")
FIELDS = (*PLAIN, *LISTED)
KINDS = {"capability": "capabilities", "reference": "references"}
"""Of the rows, and what a profile calls them."""
PREFIXES = {"capability": "c", "reference": "x"}
"""What the ids of new texts begin with, as those of imported tables do."""
BLANK_ROWS = 2
"""Empty rows under the texts of each kind."""
ROWS_MAX = CAPABILITIES_MAX + 20
"""More than a profile may have, so that the one too many is refused with a reason."""
SAID = {"website": "An address begins with https:// or http://, and has no blanks in it."}
"""Instead of the pattern that programs are told of."""
FORM_FIELDS_MAX = 6_000
"""Six fields a row, two kinds of rows."""


@dataclass(frozen=True, slots=True)
class Row:
    """A capability or a reference in the form. `id`: empty for a new one. Years and levels as typed."""

    text: str = ""
    id: str = ""
    language: str = ""
    trl: str = ""
    client: str = ""
    year: str = ""


Rows = Mapping[str, Sequence[Row]]
"""By kind."""


def written(form: Form) -> dict[str, str]:
    """Everything but the rows, as it was typed."""
    return {name: form.text(name) for name in FIELDS}


def fields_of(company: Company | None) -> dict[str, str]:
    if company is None:
        return dict.fromkeys(FIELDS, "")
    said = {name: str(getattr(company, name) or "") for name in PLAIN}
    return said | {name: ", ".join(getattr(company, name)) for name in LISTED}


def rows(form: Form) -> dict[str, list[Row]]:
    """Both kinds as they were written; a row whose text was emptied is left out."""
    return {kind: [row for row in _rows(form, kind) if row.text] for kind in KINDS}


def _rows(form: Form, kind: str) -> list[Row]:
    return [
        Row(**{name: form.text(f"{kind}-{name}-{place}") for name in Row.__dataclass_fields__})
        for place in range(ROWS_MAX)
    ]


def rows_of(company: Company | None) -> dict[str, list[Row]]:
    if company is None:
        return {kind: [] for kind in KINDS}
    return {kind: [_row(one) for one in _stated(company, kind)] for kind in KINDS}


def _row(one: Capability | Reference) -> Row:
    return Row(
        text=one.text,
        id=one.id,
        language=one.language,
        trl=str(one.trl or ""),
        client=(one.client or "") if isinstance(one, Reference) else "",
        year=str(one.year or "") if isinstance(one, Reference) else "",
    )


def usual_language(company: Company | None) -> str:
    """The one that most of its texts are in; of a new profile English."""
    stated = [one.language for kind in KINDS for one in _stated(company, kind)] if company else []
    return max(sorted(set(stated)), key=stated.count) if stated else "en"


def content(fields: Mapping[str, str], written_rows: Rows, present: Company | None) -> CompanyContent:
    """The profile; facts that the form does not show are those of `present`.

    Raises `InvalidInput` with a sentence per wrong field.
    """
    values: dict[str, Any] = dict(content_of(present)) if present else {}
    values |= {name: fields[name] or None for name in PLAIN}
    values["country"] = find_country(fields["country"]) or fields["country"]
    values["languages"] = [find_language(part) or part for part in listed(fields["languages"])]
    values["cpv"] = listed(fields["cpv"])
    taken = {row.id for kind in KINDS for row in written_rows[kind]}
    for kind, name in KINDS.items():
        known = {one.id: one for one in _stated(present, kind)} if present else {}
        values[name] = [_stating(kind, row, known, taken) for row in written_rows[kind]]
    return build(CompanyContent, values)


def wrong(problem: InvalidInput) -> dict[str, str]:
    """What is wrong, by field, and by kind and place of a row (`capability-0`); what concerns neither comes
    under the empty name."""
    kinds = {name: kind for kind, name in KINDS.items()}
    found: dict[str, str] = {}
    for pointer, detail in complaints(problem).items():
        first, *rest = pointer.split("/")
        named = first if first in FIELDS else ""
        place = f"{kinds[first]}-{rest[0]}" if first in kinds and rest else named
        sentence = SAID.get(place, detail)
        found[place] = f"{found[place]} {sentence}" if place in found else sentence
    return found


def _stated(company: Company, kind: str) -> Sequence[Capability | Reference]:
    return company.capabilities if kind == "capability" else company.references


def _stating(
    kind: str, row: Row, known: Mapping[str, Capability | Reference], taken: set[str]
) -> dict[str, Any]:
    """As a capability or a reference is written. A new one gets an id that is free, and takes it."""
    before = known.get(row.id)
    made = before.model_dump() if before is not None else {}
    made |= {"id": row.id or _new_id(kind, taken), "text": row.text}
    made["language"] = find_language(row.language) or row.language or "en"
    made["trl"] = number(row.trl) if row.trl else None
    if kind == "reference":
        made |= {"client": row.client or None, "year": number(row.year) if row.year else None}
    return made


def _new_id(kind: str, taken: set[str]) -> str:
    free = next(
        name for name in (f"{PREFIXES[kind]}{n}" for n in range(1, len(taken) + 2)) if name not in taken
    )
    taken.add(free)
    return free
