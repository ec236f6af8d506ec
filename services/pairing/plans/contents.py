"""From a row of a plan to the need it stands for. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from pydantic import ValidationError

from schemas.challenge import Challenge, ChallengeContent, Purchase
from schemas.plan import PlannedNeed, PlanTerms
from services.intake.importing import Problem, Row
from services.intake.importing.merging import reasons
from services.kernel.problems import FieldError, InvalidInput
from services.pairing.plans.columns import unread

DIGEST = 8
"""Bytes of a title's digest: the reference of a row that names none."""


@dataclass(slots=True)
class Planned:
    """Needs by the line that they stand in, rows that are none, the references of those (they were sent all
    the same), and how many rows there were."""

    needs: list[tuple[int, PlannedNeed]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)
    read: int = 0


def planned(rows: Iterable[Row | Problem]) -> Planned:
    """What the rows of a file plan. A row without a reference is recognised by its title."""
    made = Planned()
    lines: dict[str, int] = {}
    for row in rows:
        made.read += 1
        if isinstance(row, Problem):
            made.problems.append(row)
            continue
        fields = {"reference": _reference(row.fields), **row.fields}
        try:
            need = PlannedNeed.model_validate(fields)
        except ValidationError as error:
            made.broken.add(str(fields["reference"]).strip())
            said = reasons(error, row, unread(row.fields))
            made.problems.append(Problem(row.line, said, _title(row.fields)))
            continue
        earlier = lines.setdefault(need.reference, row.line)
        if earlier != row.line:
            named = "reference" if "reference" in row.fields else "title"
            reason = f"This is the same {named} as in line {earlier}. Give each row a reference of its own."
            made.problems.append(Problem(row.line, reason, need.title))
        else:
            made.needs.append((row.line, need))
    return made


def _reference(fields: Mapping[str, Any]) -> str:
    title = " ".join((_title(fields) or "").casefold().split())
    return "title-" + hashlib.blake2b(title.encode(), digest_size=DIGEST).hexdigest()


def _title(fields: Mapping[str, Any]) -> str | None:
    title = fields.get("title")
    return title if isinstance(title, str) else None


def fields_of(need: PlannedNeed, terms: PlanTerms, today: date) -> dict[str, Any]:
    """The fields of a challenge that the row decides. Raises InvalidInput for years that are over."""
    last = need.last_year or need.first_year
    if last < today.year:
        detail = (
            f"{last} is over, and a plan holds what is still to be bought: correct the year, or leave the "
            "row out."
        )
        raise InvalidInput(detail, errors=[FieldError(pointer="/first_year", detail=detail)])
    starts, ends = date(need.first_year, 1, 1), date(last, 12, 31)
    return {
        "title": need.title,
        "need": need.need or need.title,
        "language": need.language or terms.language,
        "cpv": need.cpv,
        "deadline": need.deadline or date(max(need.first_year, today.year), 12, 31),
        "purchase": Purchase(
            starts=starts, ends=ends, volume=need.volume, unit=need.unit, budget=need.budget
        ),
        "draft_readers": need.readers or terms.readers,
    }


def content_of(fields: Mapping[str, Any], buyer: str) -> ChallengeContent:
    return ChallengeContent.model_validate({**fields, "buyer": buyer})


def kept(need: PlannedNeed, fields: Mapping[str, Any], before: Challenge) -> dict[str, Any]:
    """The fields that a row changes in a need that is there: a deadline that the plan does not name is left
    as the buyer has set it, as long as the years are the same."""
    same_years = before.purchase is not None and before.purchase.starts == fields["purchase"].starts
    if need.deadline is None and same_years:
        return {name: value for name, value in fields.items() if name != "deadline"}
    return dict(fields)
