"""An investment plan: what a buyer means to buy in the coming years, row by row."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, Field, model_validator

from schemas.base import ChallengeId, Contract, Day, Handle, OrganisationId, PlanId, Version, Whole
from schemas.challenge import BudgetRange, ChallengeState, DraftReaders, Purchase, Volume
from schemas.codes import CpvCode, LanguageCode
from schemas.company import ImportProblem
from schemas.text import FreeId, Label, Name, Need, Title

NEEDS_MAX = 500
"""Needs sent as JSON at once, which come in together or not at all: half a second in which other writers
wait. A file may have more, and comes in by batches."""
CODES_MAX = 30

Year = Annotated[int, Field(ge=2000, le=2100), Whole]


class PlannedNeed(Contract):
    """One row of a plan. `reference` recognises it when the plan is sent again: the row's number in the
    buyer's own books, say. `need`: in functional terms; without it the title stands for it. `last_year`: the
    first one where it is left out. `deadline`: of answers, when it is announced; else the end of the first
    year."""

    reference: FreeId
    title: Title
    need: Need | None = None
    language: LanguageCode | None = None
    cpv: Annotated[tuple[CpvCode, ...], Field(max_length=CODES_MAX)] = ()
    first_year: Year
    last_year: Year | None = None
    volume: Volume | None = None
    unit: Label | None = None
    budget: BudgetRange | None = None
    deadline: Day | None = None
    readers: DraftReaders | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.last_year is not None and self.last_year < self.first_year:
            raise ValueError(f"the last year, {self.last_year}, is before the first, {self.first_year}")
        if self.volume is not None and self.unit is None:
            raise ValueError("the volume has no unit; say what is counted, for example 'pumps' or 'kWh'")
        return self


class PlanTerms(Contract):
    """What holds for a whole plan. A plan is recognised by its name: sending it again updates. `readers`: who
    may read its needs while they are drafts, where a row does not say; `language`: of rows that name none."""

    name: Name
    buyer: Annotated[Handle | OrganisationId, Field(description="The buyer: its handle or its id")]
    readers: DraftReaders = DraftReaders.buyers
    language: LanguageCode = "en"


class PlanContent(PlanTerms):
    needs: Annotated[tuple[PlannedNeed, ...], Field(min_length=1, max_length=NEEDS_MAX)]

    @model_validator(mode="after")
    def _recognisable(self) -> Self:
        seen: set[str] = set()
        for one in self.needs:
            if one.reference in seen:
                raise ValueError(f"needs: the reference {one.reference!r} is used more than once")
            seen.add(one.reference)
        return self


class Plan(Contract):
    """A plan as it is kept. `needs`: how many it holds."""

    id: PlanId
    version: Version
    name: Name
    owner: OrganisationId
    buyer: OrganisationId
    readers: DraftReaders
    needs: Annotated[int, Field(ge=0)]
    created_at: AwareDatetime
    changed_at: AwareDatetime


class PlanRow(Contract):
    """A need of a plan, as it stands now: a draft until it is announced."""

    reference: FreeId
    challenge: ChallengeId
    title: Title
    state: ChallengeState
    readers: DraftReaders
    purchase: Purchase | None
    page: str


class PlanReport(Contract):
    """What became of a plan that was sent. `absent`: needs that the plan had before and this time not; they
    stay as they are. `problems` lists the first of `problem_count`."""

    plan: Plan
    format: Literal["json", "csv", "xlsx", "jsonl"]
    encoding: str
    rows: Annotated[int, Field(ge=0)]
    created: Annotated[int, Field(ge=0)]
    updated: Annotated[int, Field(ge=0)]
    unchanged: Annotated[int, Field(ge=0)]
    absent: Annotated[int, Field(ge=0)]
    problem_count: Annotated[int, Field(ge=0)]
    problems: tuple[ImportProblem, ...]
    ignored_columns: tuple[str, ...]
