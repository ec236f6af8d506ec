"""A pairing: two needs of two buyers that could be bought together, and how far the buyers have come."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from schemas.base import (
    ChallengeId,
    Contract,
    Day,
    Flag,
    GroupId,
    Handle,
    ItemId,
    OrganisationId,
    PairingId,
    Share,
    Trl,
    Version,
)
from schemas.challenge import MONEY_MAX, BudgetRange, LegalRegime, RequirementKind
from schemas.codes import CountryCode
from schemas.text import Label, Name, Note, Title

Figure = Annotated[
    float, Field(ge=-MONEY_MAX, le=MONEY_MAX, allow_inf_nan=False, strict=True, description="Of a KPI")
]
MAILBOX = r"^[^@\s\x00-\x1f\x7f-\xa0]+@[^@\s\x00-\x1f\x7f-\xa0]+\.[^@\s\x00-\x1f\x7f-\xa0]+$"
"""The control characters are named besides: regular expressions do not agree whether they are blank."""

REMIND_DAYS = 7
"""Days before a deadline on which both buyers are reminded: a week is enough to hold the meeting it needs."""


class PairingState(StrEnum):
    """The way of a joint procurement. Each step forward is taken when both buyers want it; either may
    dissolve the pairing at any time before it is launched, with a reason."""

    candidate = "candidate"
    confirmed = "confirmed"
    financing = "financing"
    market_research = "market-research"
    agreement = "agreement"
    common_specification = "common-specification"
    launched = "launched"
    dissolved = "dissolved"


class PairingOrigin(StrEnum):
    """`found`: Liaison saw that the needs are alike. `joined`: a buyer that observed the other's need said
    so."""

    found = "found"
    joined = "joined"


class Closeness(StrEnum):
    """How a person reads the similarity."""

    close = "close"
    near = "near"
    possible = "possible"


class PairedNeed(Contract):
    """One side of a pairing: the need in the version that was compared. `starts`, `ends`: when it is to be
    bought; `stated`: the buyer said so, else it is taken to be the year that follows the deadline."""

    id: ChallengeId
    version: Version
    title: Title
    language: str
    buyer: OrganisationId
    buyer_name: Name
    announced_by: OrganisationId
    country: CountryCode | None
    legal_regime: LegalRegime | None
    cpv: tuple[str, ...]
    volume: float | None
    unit: str | None
    budget: BudgetRange | None
    starts: date
    ends: date
    stated: bool
    page: str


class PairingSide(Contract):
    """A side of a pairing in a few words, for events that tell of its way."""

    need: ChallengeId
    title: Title
    buyer: OrganisationId
    buyer_name: Name
    announced_by: OrganisationId


class ComparedRequirement(Contract):
    id: str
    text: str
    kind: RequirementKind
    mandatory: bool
    metric: str | None
    target: str | None
    unit: str | None
    trl_min: Trl | None


class SharedRequirement(Contract):
    """A requirement that both needs have. `differs` names the fields in which they do not say the same."""

    first: ComparedRequirement
    second: ComparedRequirement
    similarity: Share
    differs: tuple[str, ...]


class TimingOverlap(Contract):
    """The window in which both want to buy. `share`: of the shorter of the two periods."""

    starts: date
    ends: date
    days: Annotated[int, Field(ge=1)]
    share: Share


class VolumeOverlap(Contract):
    """Volumes in one unit. `ratio`: of the smaller to the larger."""

    first: float
    second: float
    unit: str
    together: float
    ratio: Share


class BudgetOverlap(Contract):
    """Budgets in one currency. `together`: from the sum of the lower to the sum of the upper ends."""

    together: BudgetRange
    ratio: Annotated[Share, Field(description="Of the smaller to the larger, by their upper ends")]


class Remark(Contract):
    """A benefit or a pitfall of this very pair: the rule that applies, and why it does."""

    rule: str
    reason: str


class Lead(Contract):
    """Who might lead, and why. A proposal: the buyers agree on it."""

    need: ChallengeId
    buyer: OrganisationId
    reason: str


class Comparison(Contract):
    """Two needs side by side, `first` and `second` in the order of their ids. `timing` is None where they do
    not want to buy at the same time, `volume` and `budget` where they cannot be compared."""

    similarity: Share
    closeness: Closeness
    shared: tuple[SharedRequirement, ...]
    only_first: tuple[ComparedRequirement, ...]
    only_second: tuple[ComparedRequirement, ...]
    timing: TimingOverlap | None
    volume: VolumeOverlap | None
    budget: BudgetOverlap | None
    same_language: bool
    same_regime: Annotated[bool | None, Field(description="null: one of them is not stated")]
    shared_cpv: tuple[str, ...]
    benefits: tuple[Remark, ...]
    pitfalls: tuple[Remark, ...]
    lead: Lead


class Pairing(Contract):
    """A pairing as it is kept. `asked`: the step that a buyer's side wants, by the buyer's id, while the
    other side has not agreed yet. `reason` is given when it is dissolved; `dissolved_by` is None where the
    needs themselves no longer go together."""

    id: PairingId
    version: Version
    state: PairingState
    origin: PairingOrigin
    first: PairedNeed
    second: PairedNeed
    comparison: Comparison
    asked: dict[str, PairingState]
    reason: str | None = None
    dissolved_by: OrganisationId | None = None
    created_at: AwareDatetime
    changed_at: AwareDatetime


class Step(Contract):
    """What a buyer's side wants next: the step that follows, the present state to take its wish back, or
    `dissolved` with a reason."""

    to: PairingState
    reason: Note | None = None


class Joining(Contract):
    """A buyer wants to buy together with a need that it has seen. `need`: its own; None: Liaison makes it
    one, a draft with the words of the other, that buyers may read. `buyer`: for whom, where it announces for
    several."""

    need: ChallengeId | None = None
    buyer: Handle | OrganisationId | None = None


class PersonContent(Contract):
    """Who is responsible. Prefer a role and its mailbox to a person's name; it can be erased at any time."""

    role: Label
    name: Label | None = None
    mailbox: Annotated[str | None, Field(pattern=MAILBOX, max_length=254)] = None
    stage: PairingState | None = None


class DeadlineContent(Contract):
    """Something that is due. Both buyers are reminded once, a week before."""

    title: Title
    due: Day
    stage: PairingState | None = None
    responsible: Annotated[ItemId | None, Field(description="A person of this pairing")] = None
    done: Flag = False


class DocumentContent(Contract):
    """A document by its address; Liaison keeps no files."""

    title: Title
    url: Annotated[str, Field(pattern=r"^https://[^\s]+$", max_length=2_000)]
    stage: PairingState | None = None
    note: Note | None = None


class KpiContent(Contract):
    """A figure that both want to watch, for example the savings over buying alone."""

    name: Label
    unit: Label | None = None
    target: Figure | None = None
    value: Figure | None = None
    stage: PairingState | None = None


class Item(Contract):
    """What every entry of the toolbox has."""

    id: ItemId
    version: Version
    added_by: OrganisationId
    changed_at: AwareDatetime


class Person(PersonContent, Item):
    pass


class Deadline(DeadlineContent, Item):
    reminded_at: AwareDatetime | None


class Document(DocumentContent, Item):
    pass


class Kpi(KpiContent, Item):
    pass


class LogEntry(Contract):
    """One line of the audit trail. `by` is None where Liaison itself did it."""

    number: Annotated[int, Field(ge=1)]
    at: AwareDatetime
    by: OrganisationId | None
    action: Literal["suggested", "updated", "asked", "took-back", "stepped", "dissolved", "reopened", "noted"]
    state: PairingState
    to: PairingState | None = None
    note: str | None = None


class PairingFile(Pairing):
    """A pairing with its toolbox and its audit trail, as the API answers it. `may`: what the reader's side
    can do next."""

    people: tuple[Person, ...]
    deadlines: tuple[Deadline, ...]
    documents: tuple[Document, ...]
    kpis: tuple[Kpi, ...]
    log: tuple[LogEntry, ...]
    may: tuple[PairingState, ...]


class GroupState(StrEnum):
    """`dissolved`: fewer than three of its needs still hang together."""

    formed = "formed"
    dissolved = "dissolved"


class Group(Contract):
    """Needs of more than two buyers of which every two are paired, and which all want to buy at one time.
    `similarity`: of the least alike two. `reason` is given when it is dissolved."""

    id: GroupId
    version: Version
    state: GroupState
    needs: tuple[PairedNeed, ...]
    similarity: Share
    starts: date
    ends: date
    lead: Lead
    reason: str | None = None
    page: str
    formed_at: AwareDatetime
    changed_at: AwareDatetime
