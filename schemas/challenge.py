"""A challenge: a need that nobody sells yet, in functional terms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import AwareDatetime, Field, model_validator
from pydantic.config import JsonDict

from schemas.base import (
    ChallengeId,
    Contract,
    Day,
    Flag,
    Handle,
    OrganisationId,
    Trl,
    Version,
    Weight,
    Whole,
)
from schemas.codes import CountryCode, CpvCode, LanguageCode
from schemas.links import Links
from schemas.text import FreeId, Label, Name, Need, Note, RequirementText, Title

REQUIREMENTS_MAX = 50
"""A consultation with more separate questions is split into lots; it also bounds the work of a match."""
LOTS_MAX = 50
TRANSLATIONS_MAX = 23
"""The official languages of the Union, but the one that the need is written in."""
PHASES_MAX = 10
CODES_MAX = 30
"""CPV codes: eForms notices rarely carry more than ten; more say nothing."""
COUNTRIES_MAX = 250
ATTACHMENTS_MAX = 20
PARTIES_MAX = 200
"""Companies named under exclusions or conflicts of interest: each needs its own documented reason."""
MEMBERS_MAX = 12
"""Of a consortium. Those of PCP and of Horizon Europe rarely have more; with more nobody knows everybody."""
PACE_MAX = 43_200
"""Minutes: a month. Who wants consortia to rest for longer closes the consultation."""
MONEY_MAX = 10**15
"""A thousand times the dearest machine there is, in any currency; and JSON readers keep it exact."""

Money = Annotated[int, Field(ge=0, le=MONEY_MAX), Whole]
Volume = Annotated[float, Field(gt=0, le=MONEY_MAX, allow_inf_nan=False, strict=True)]
WebAddress = Annotated[str, Field(pattern=r"^https://[^\s]+$", max_length=2_000)]
Place = Annotated[int, Field(ge=0, le=2**31 - 1), Whole]
Span = tuple[Place, Place]


class RequirementKind(StrEnum):
    capability = "capability"
    performance = "performance"
    constraint = "constraint"


class LifecycleStage(StrEnum):
    research = "research"
    development = "development"
    manufacturing = "manufacturing"
    servicing = "servicing"


class PhaseStage(StrEnum):
    """Stages of the lifecycle, and the phases of a pre-commercial procurement."""

    research = "research"
    development = "development"
    manufacturing = "manufacturing"
    servicing = "servicing"
    design = "design"
    prototype = "prototype"
    validation = "validation"


class ProcurementRoute(StrEnum):
    undecided = "undecided"
    off_the_shelf = "off-the-shelf"
    ppi = "ppi"
    pcp = "pcp"
    innovation_partnership = "innovation-partnership"
    in_house = "in-house"


class LegalRegime(StrEnum):
    eu_directives = "eu-directives"
    eu_financial_regulation = "eu-financial-regulation"
    own_rules = "own-rules"
    eric = "eric"


class ChallengeState(StrEnum):
    draft = "draft"
    announced = "announced"
    consulting = "consulting"
    consultation_closed = "consultation-closed"
    reported = "reported"
    decided = "decided"
    withdrawn = "withdrawn"


class DecisionOutcome(StrEnum):
    """What comes of a challenge: the buyer calls for tenders, makes it itself, buys what is there, or gives
    the need up."""

    tender = "tender"
    make = "make"
    buy = "buy"
    abandoned = "abandoned"


class DraftReaders(StrEnum):
    """Who may read a challenge while it is a draft: its owner alone, every buyer (BSOs and ILOs), or
    everybody with a key."""

    owner = "owner"
    buyers = "buyers"
    public = "public"


OPEN_STATES = frozenset({ChallengeState.announced, ChallengeState.consulting})
"""States in which a challenge is matched."""

OVER_STATES = frozenset(
    {
        ChallengeState.consultation_closed,
        ChallengeState.reported,
        ChallengeState.decided,
        ChallengeState.withdrawn,
    }
)
"""States in which it takes no answers any more, whatever its deadline."""


class Requirement(Contract):
    """One thing the solution must do or be. `source` is the span [start, end) of the need it was cut from."""

    id: FreeId
    text: RequirementText
    kind: RequirementKind = RequirementKind.capability
    mandatory: Flag = False
    weight: Weight = 1.0
    metric: Label | None = None
    target: Label | None = None
    unit: Label | None = None
    trl_min: Trl | None = None
    phases: tuple[PhaseStage, ...] = ()
    source: Span | None = None


class Lot(Contract):
    id: FreeId
    title: Title
    text: Need | None = None


class BudgetRange(Contract):
    minimum: Money | None = None
    maximum: Money | None = None
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$", description="ISO 4217")] = "EUR"

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise ValueError("the minimum of the budget is above its maximum")
        return self


class CompositionChange(StrEnum):
    """How the members of a consortium in a phase may differ from those in the phase before."""

    same = "same"
    may_leave = "may-leave"
    may_join = "may-join"
    may_change = "may-change"


class Composition(Contract):
    """The composition rule of a phase, as far as a machine can keep it. Numbers are of members in this
    phase."""

    change: CompositionChange = CompositionChange.same
    members_min: Annotated[int, Field(ge=0, le=MEMBERS_MAX), Whole] | None = None
    members_max: Annotated[int, Field(ge=1, le=MEMBERS_MAX), Whole] | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.members_min and self.members_max and self.members_min > self.members_max:
            raise ValueError("composition: members_min is above members_max")
        return self


class ConsortiumRules(Contract):
    """What a consortium for the challenge must be like. `pace_minutes`: consortia that were suggested are
    thought over anew at most so often, whatever changes in between; None: every few minutes on the first day,
    then once an hour."""

    members_min: Annotated[int, Field(ge=1, le=MEMBERS_MAX), Whole] = 2
    members_max: Annotated[int, Field(ge=1, le=MEMBERS_MAX), Whole] = 5
    smes_min: Annotated[int, Field(ge=0, le=MEMBERS_MAX), Whole] = 0
    countries_min: Annotated[int, Field(ge=0, le=MEMBERS_MAX), Whole] = 0
    pace_minutes: Annotated[int, Field(ge=0, le=PACE_MAX), Whole] | None = None

    @model_validator(mode="after")
    def _possible(self) -> Self:
        for name, value in (
            ("members_min", self.members_min),
            ("smes_min", self.smes_min),
            ("countries_min", self.countries_min),
        ):
            if value > self.members_max:
                raise ValueError(
                    f"consortium: {name} is {value}, but a consortium has {self.members_max} members at most "
                    "(members_max)"
                )
        return self


class Phase(Contract):
    stage: PhaseStage
    starts: Day | None = None
    ends: Day | None = None
    budget: BudgetRange | None = None
    composition_rule: Note | None = None
    composition: Composition | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.starts and self.ends and self.starts > self.ends:
            raise ValueError("the phase ends before it starts")
        return self


class Translation(Contract):
    """The same need in another language, as the buyer itself publishes it. People read it; it is not
    matched."""

    language: LanguageCode
    title: Title
    need: Need


class Purchase(Contract):
    """What is to be bought: when, how much of it, for how much. A volume needs a unit to be compared by."""

    starts: Day | None = None
    ends: Day | None = None
    volume: Volume | None = None
    unit: Label | None = None
    budget: BudgetRange | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.starts and self.ends and self.starts > self.ends:
            raise ValueError("the purchase ends before it starts")
        if self.volume is not None and self.unit is None:
            raise ValueError("the volume has no unit; say what is counted, for example 'pumps' or 'kWh'")
        return self


class IpArrangement(Contract):
    owner_of_results: Label | None = None
    background: Note | None = None
    access_rights: Note | None = None


class Attachment(Contract):
    title: Title
    url: WebAddress


class ChallengeContent(Contract):
    """What the announcer writes. Title, need, buyer and deadline are enough."""

    title: Title
    need: Need
    buyer: Annotated[Handle | OrganisationId, Field(description="The buyer: its handle or its id")]
    deadline: Annotated[Day, Field(description="Last day for answers, in the buyer's time zone")]
    language: LanguageCode = "en"
    translations: Annotated[tuple[Translation, ...], Field(max_length=TRANSLATIONS_MAX)] = ()
    requirements: Annotated[tuple[Requirement, ...], Field(max_length=REQUIREMENTS_MAX)] = ()
    lots: Annotated[tuple[Lot, ...], Field(max_length=LOTS_MAX)] = ()
    phases: Annotated[tuple[Phase, ...], Field(max_length=PHASES_MAX)] = ()
    purchase: Purchase | None = None
    draft_readers: DraftReaders = DraftReaders.owner
    trl_start: Trl | None = None
    trl_target: Trl | None = None
    ip: IpArrangement | None = None
    route: ProcurementRoute = ProcurementRoute.undecided
    legal_regime: LegalRegime | None = None
    eligible_countries: Annotated[
        tuple[CountryCode, ...],
        Field(max_length=COUNTRIES_MAX, description="Empty: as the buyer's rules say, else every country"),
    ] = ()
    cpv: Annotated[tuple[CpvCode, ...], Field(max_length=CODES_MAX)] = ()
    attachments: Annotated[tuple[Attachment, ...], Field(max_length=ATTACHMENTS_MAX)] = ()
    conflicts_of_interest: Annotated[
        tuple[Name, ...],
        Field(max_length=PARTIES_MAX, description="Ids or legal ids of companies with a declared conflict"),
    ] = ()
    excluded: Annotated[
        tuple[Name, ...],
        Field(max_length=PARTIES_MAX, description="Ids or legal ids of companies excluded after a hearing"),
    ] = ()
    consortium: ConsortiumRules | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for name in ("requirements", "lots"):
            ids = [part.id for part in getattr(self, name)]
            repeated = sorted(name for name, uses in Counter(ids).items() if uses > 1)
            if repeated:
                raise ValueError(f"{name}: the id {repeated[0]!r} is used more than once")
        spoken = Counter([self.language, *(one.language for one in self.translations)])
        twice = sorted(language for language, times in spoken.items() if times > 1)
        if twice:
            raise ValueError(
                f"translations: the need is there in '{twice[0]}' already; give each language once"
            )
        if self.trl_start and self.trl_target and self.trl_start > self.trl_target:
            raise ValueError("trl_target is below trl_start")
        _check_compositions(self.phases, self.consortium or ConsortiumRules())
        return self

    @model_validator(mode="after")
    def _consortium_possible(self) -> Self:
        """What is asked together must be possible."""
        rules = self.consortium or ConsortiumRules()
        if self.eligible_countries and rules.countries_min > len(set(self.eligible_countries)):
            raise ValueError(
                f"consortium.countries_min is {rules.countries_min}, but eligible_countries names "
                f"{len(set(self.eligible_countries))}"
            )
        _check_stages(self.phases)
        _check_members(self.phases, rules)
        return self


def _check_stages(phases: Sequence[Phase]) -> None:
    """Raises ValueError where a stage has two composition rules: one of them would be kept."""
    said: dict[PhaseStage, Composition] = {}
    for phase in phases:
        if phase.composition and said.setdefault(phase.stage, phase.composition) != phase.composition:
            raise ValueError(
                f"phases: {phase.stage.value} has two different compositions; give one for each stage"
            )


def _check_members(phases: Sequence[Phase], rules: ConsortiumRules) -> None:
    """Raises ValueError where all phases together hold fewer members than a consortium has to have."""
    if not phases:
        return
    total, least, has_left = 0, 0, False
    for place, phase in enumerate(phases):
        said = phase.composition or Composition()
        most = said.members_max or rules.members_max
        if place == 0:
            total = most
        elif said.change is CompositionChange.may_change:
            total, has_left = total + most, True
        elif said.change is CompositionChange.may_join:
            total = total + most - least if has_left else most
        elif said.change is CompositionChange.may_leave:
            has_left = True
        elif not has_left:
            total = min(total, most)
        least = said.members_min or 0
    wanted = ("members_min", rules.members_min), ("smes_min", rules.smes_min)
    for name, value in (*wanted, ("countries_min", rules.countries_min)):
        if value > total:
            raise ValueError(
                f"consortium.{name} is {value}, but the compositions of the phases "
                f"({', '.join(phase.stage.value for phase in phases)}) let {total} members in at most"
            )


def _check_compositions(phases: Sequence[Phase], rules: ConsortiumRules) -> None:
    """Raises ValueError for rules of phases that no consortium can keep together, and names both."""
    before: tuple[PhaseStage, int, int] | None = None
    for phase in phases:
        said = phase.composition or Composition()
        least, most = said.members_min or 0, said.members_max or rules.members_max
        name = f"phases: {phase.stage.value}"
        if least > rules.members_max:
            raise ValueError(
                f"{name} wants at least {least} members, but consortium.members_max is {rules.members_max}"
            )
        if before is None:
            if said.change is not CompositionChange.same:
                raise ValueError(f"{name} is the first phase; there is none before it to change from")
        else:
            stage, low, high = before
            if said.change in (CompositionChange.same, CompositionChange.may_leave) and least > high:
                raise ValueError(
                    f"{name} wants at least {least} members and lets nobody join ({said.change.value}), but "
                    f"{stage.value} has {high} at most"
                )
            if said.change in (CompositionChange.same, CompositionChange.may_join) and most < low:
                raise ValueError(
                    f"{name} has {most} members at most and lets nobody leave ({said.change.value}), but "
                    f"{stage.value} wants at least {low}"
                )
            if said.change is CompositionChange.same:
                least, most = max(least, low), min(most, high)
            elif said.change is CompositionChange.may_leave:
                most = min(most, high)
            elif said.change is CompositionChange.may_join:
                least = max(least, low)
        before = (phase.stage, least, most)


def _unsaid(schema: JsonDict) -> None:
    """Left out means unchanged: there is no default to publish, and null is not accepted."""
    schema.pop("default", None)


_UNSAID: Any = Field(default=None, json_schema_extra=_unsaid)


class ChallengePatch(Contract):
    """What an amendment changes: fields that are sent replace the present ones, the others stay.

    An empty list empties; null clears where it is accepted.
    """

    title: Title = _UNSAID
    need: Need = _UNSAID
    deadline: Annotated[Day, Field(description="Last day for answers, in the buyer's time zone")] = _UNSAID
    language: LanguageCode = _UNSAID
    translations: Annotated[tuple[Translation, ...], Field(max_length=TRANSLATIONS_MAX)] = _UNSAID
    requirements: Annotated[
        tuple[Requirement, ...],
        Field(max_length=REQUIREMENTS_MAX, description="Empty: cut from the need anew"),
    ] = _UNSAID
    lots: Annotated[tuple[Lot, ...], Field(max_length=LOTS_MAX)] = _UNSAID
    phases: Annotated[tuple[Phase, ...], Field(max_length=PHASES_MAX)] = _UNSAID
    purchase: Purchase | None = None
    draft_readers: DraftReaders = _UNSAID
    trl_start: Trl | None = None
    trl_target: Trl | None = None
    ip: IpArrangement | None = None
    route: ProcurementRoute = _UNSAID
    legal_regime: LegalRegime | None = None
    eligible_countries: Annotated[
        tuple[CountryCode, ...],
        Field(max_length=COUNTRIES_MAX, description="Empty: as the buyer's rules say, else every country"),
    ] = _UNSAID
    cpv: Annotated[tuple[CpvCode, ...], Field(max_length=CODES_MAX)] = _UNSAID
    attachments: Annotated[tuple[Attachment, ...], Field(max_length=ATTACHMENTS_MAX)] = _UNSAID
    conflicts_of_interest: Annotated[tuple[Name, ...], Field(max_length=PARTIES_MAX)] = _UNSAID
    excluded: Annotated[tuple[Name, ...], Field(max_length=PARTIES_MAX)] = _UNSAID
    consortium: ConsortiumRules | None = None


class Withdrawal(Contract):
    """Why a challenge is taken back; everybody may read it."""

    reason: Note


class ConsultationReport(Contract):
    """Where everybody reads what the consultation has brought: a link, a title, or both."""

    title: Title | None = None
    url: WebAddress | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.title is None and self.url is None:
            raise ValueError("the report is empty; give its title, its url, or leave the report out")
        return self


class Decision(Contract):
    """What was decided. `notice`: of the procedure, once there is one; only a tender has one."""

    outcome: DecisionOutcome
    reason: Note | None = None
    notice: WebAddress | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.notice is not None and self.outcome is not DecisionOutcome.tender:
            raise ValueError(
                f"notice: only a tender has one, and the outcome is '{self.outcome.value}'; leave it out"
            )
        return self


class ChallengeStep(Contract):
    """A step on the way of a challenge. `report` goes with `reported`, `decision` with `decided`."""

    to: ChallengeState
    report: ConsultationReport | None = None
    decision: Decision | None = None


class Draft(Contract):
    """A text that requirements are to be proposed for."""

    title: Title
    need: Need
    language: LanguageCode = "en"


class Proposal(Contract):
    """What a text says, read by a machine, for a person to correct. Nothing of it is stored."""

    requirements: tuple[Requirement, ...]
    trl_start: Trl | None
    trl_target: Trl | None
    stage: LifecycleStage | None


class Challenge(ChallengeContent):
    """A challenge as it is kept: every amendment and every step is a new version. `buyer` is the id of the
    organisation; `announced_at` is, of a draft, when it was begun."""

    id: ChallengeId
    version: Version
    content_version: Annotated[
        Version,
        Field(
            default_factory=lambda known: known["version"],
            description="Version in which its content was last changed; later ones changed its state alone. "
            "A suggestion of this version or a later one is up to date",
        ),
    ]
    state: ChallengeState
    report: ConsultationReport | None = None
    decision: Decision | None = None
    buyer: OrganisationId
    buyer_name: Name
    announced_by: OrganisationId
    announced_at: AwareDatetime
    changed_at: AwareDatetime

    @model_validator(mode="after")
    def _consortium_possible(self) -> Self:
        """What is there is read in any case; where no team keeps its rules, that is said with the teams."""
        return self


class ChallengeView(Challenge):
    """A challenge as the API answers it."""

    links: Links


class Change(Contract):
    """One field that an amendment changed. `before` and `after` are JSON text."""

    field: str
    before: str | None
    after: str | None


class ChallengeVersion(Contract):
    """One version of a challenge: who changed what, and when. `reason` is given with a withdrawal; that of a
    decision stands in the change of `decision`."""

    version: Version
    state: ChallengeState
    title: Title
    changed_at: AwareDatetime
    changed_by: OrganisationId
    changes: tuple[Change, ...]
    reason: Note | None = None
