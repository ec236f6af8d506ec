"""From the fields of the form to a challenge: what the announcer wrote, and the requirements as corrected."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from schemas.challenge import ChallengeContent, Draft, Proposal, Requirement, RequirementKind
from schemas.codes import find_country
from services.gateway.board.forms import Form, build, listed, number
from services.intake import completion

TEXT_FIELDS = ("title", "need", "buyer", "deadline", "language")
MORE_FIELDS = ("eligible_countries", "cpv", "trl_start", "trl_target", "route")
FIELDS = (*TEXT_FIELDS, *MORE_FIELDS)
BLANK_ROWS = 2
"""Empty rows under the proposed requirements, for what the text does not say."""
ROWS_MAX = 60
"""More than a challenge may have, so that the one too many is refused with a reason."""

_SOURCE = re.compile(r"([0-9]{1,6})-([0-9]{1,6})", re.ASCII)


class Requirements(BaseModel):
    """Requirements alone, so that what is wrong with one is told by its place."""

    requirements: tuple[Requirement, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """A requirement in the form. `source`: `12-64`, the span of the need it was cut from, or empty."""

    text: str
    kind: str = RequirementKind.capability.value
    mandatory: bool = False
    source: str = ""
    kept: bool = True

    def span(self) -> tuple[int, int] | None:
        found = _SOURCE.fullmatch(self.source)
        return (int(found[1]), int(found[2])) if found else None


def written(form: Form) -> dict[str, str]:
    """Everything but the requirements, as it was typed."""
    return {name: form.text(name) for name in FIELDS}


def content(fields: Mapping[str, str], requirements: Sequence[Requirement] = ()) -> ChallengeContent:
    """Raises `InvalidInput` with a sentence per wrong field."""
    values: dict[str, Any] = {name: fields[name] for name in TEXT_FIELDS if fields.get(name)}
    if fields.get("route"):
        values["route"] = fields["route"]
    for name in ("trl_start", "trl_target"):
        if fields.get(name):
            values[name] = number(fields[name])
    for name, parsed in (("eligible_countries", _country), ("cpv", str)):
        parts = listed(fields.get(name, ""))
        if parts:
            values[name] = [parsed(part) for part in parts]
    return build(ChallengeContent, values | {"requirements": tuple(requirements)})


def proposed(fields: Mapping[str, str]) -> Proposal:
    """What the text says by itself; `content` has accepted its fields before."""
    draft = {name: fields[name] for name in ("title", "need", "language") if fields.get(name)}
    return completion.proposal(build(Draft, draft))


def rows_of(proposal: Proposal) -> list[Row]:
    return [
        Row(
            one.text,
            one.kind.value,
            one.mandatory,
            "-".join(str(edge) for edge in one.source) if one.source else "",
        )
        for one in proposal.requirements
    ]


def rows(form: Form) -> list[Row]:
    """The requirements as they were corrected; empty rows are left out."""
    found = [
        Row(
            form.text(f"text-{place}"),
            form.text(f"kind-{place}") or RequirementKind.capability.value,
            form.flag(f"mandatory-{place}"),
            form.text(f"source-{place}"),
            not form.flag(f"drop-{place}"),
        )
        for place in range(ROWS_MAX)
    ]
    return [row for row in found if row.text]


def requirements(kept: Sequence[Row], proposal: Proposal) -> tuple[Requirement, ...]:
    """r1, r2, … in their order. One whose text was left as proposed keeps the figures read from it.

    Raises `InvalidInput`, naming rows by their place.
    """
    figures = {(one.text, one.source): one for one in proposal.requirements}
    made = []
    for place, row in enumerate(kept, start=1):
        known = figures.get((row.text, row.span()))
        values: dict[str, Any] = dict(known) if known else {"source": row.span()}
        values |= {
            "id": f"r{place}",
            "text": row.text,
            "kind": row.kind,
            "mandatory": row.mandatory,
        }
        made.append(values)
    return build(Requirements, {"requirements": made}).requirements


def _country(text: str) -> str:
    return find_country(text) or text
