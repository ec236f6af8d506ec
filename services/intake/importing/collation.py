"""Rows of one company brought together: tables often have a row per capability, or merged names.

Done before anything is written, so that a file read again means the same as before, row by row.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from services.intake.identity import legal_key, name_key
from services.intake.importing.columns import SEVERAL
from services.intake.importing.fields import ENTRIES_MAX
from services.intake.importing.row import Problem, Row

SEVERAL_OF_THIS_NAME = "There are several companies of this name. Add the legal id, to tell which this is."


@dataclass(slots=True)
class Collation:
    """Companies in the order of their first rows, `combined` further rows that went into them, problems."""

    rows: list[Row] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    combined: int = 0
    read: int = 0


def collate(read: Iterable[Row | Problem], default_country: str | None) -> Collation:
    """Rows of the same legal id, else of the same country and name, become one: texts are put together, the
    first row that fills a field counts. A row without a country has that of an earlier row of its name."""
    made = Collation()
    known = _Known()
    countries: dict[str, str] = {}
    for one in read:
        made.read += 1
        if isinstance(one, Problem):
            made.problems.append(one)
            continue
        if one.name is None:
            made.problems.append(Problem(one.line, "The row has no company name."))
            continue
        country = one.fields.get("country")
        if isinstance(country, str):
            countries.setdefault(one.name, country)
        else:
            country = countries.get(one.name, default_country or "")
        legal = one.fields.get("legal_id")
        keys = legal_key(country, legal if isinstance(legal, str) else None), name_key("", country, one.name)
        places = known.places(*keys)
        if len(places) > 1:
            made.problems.append(Problem(one.line, SEVERAL_OF_THIS_NAME, one.name))
        elif places:
            known.add(*keys, places[0])
            made.rows[places[0]] = _together(made.rows[places[0]], one)
            made.combined += 1
        else:
            known.add(*keys, len(made.rows))
            filled = one if "country" in one.fields or not country else _with(one, "country", country)
            made.rows.append(filled)
    return made


class _Known:
    """Places of rows by what they are recognised by."""

    def __init__(self) -> None:
        self._legal: dict[str, int] = {}
        self._names: defaultdict[str, dict[int, str | None]] = defaultdict(dict)

    def add(self, legal: str | None, name: str, place: int) -> None:
        if legal is not None:
            self._legal[legal] = place
        self._names[name][place] = legal or self._names[name].get(place)

    def places(self, legal: str | None, name: str) -> list[int]:
        if legal is not None and legal in self._legal:
            return [self._legal[legal]]
        named = self._names.get(name, {})
        return [place for place, other in named.items() if legal is None or other is None]


def _together(first: Row, further: Row) -> Row:
    fields: dict[str, Any] = {**further.fields, **first.fields}
    for name in SEVERAL:
        one, other = first.fields.get(name), further.fields.get(name)
        if isinstance(one, list) and isinstance(other, list):
            fields[name] = [*one, *other][:ENTRIES_MAX]
    return replace(first, fields=fields, headings={**further.headings, **first.headings})


def _with(row: Row, name: str, value: str) -> Row:
    return replace(row, fields={**row.fields, name: value})
