"""A consortium suggestion: a team of companies that covers a challenge together.

Who the others are is hidden from a member until all have consented, as the Enterprise Europe Network does it:
until then a member reads what the others cover and which country they are from, not who they are, how well
they score or what they answered. Whoever announced the challenge and its buyer, who see every match with its
company, see the teams as they are.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, Field

from schemas.base import ChallengeId, CompanyId, ConsortiumId, Contract, OrganisationId, Share, Version, Whole
from schemas.challenge import MEMBERS_MAX, PhaseStage
from schemas.codes import CountryCode
from schemas.match import MatchedChallenge, MatchedCompany
from schemas.text import Note

SOUGHT_MAX = MEMBERS_MAX - 1


class ConsortiumState(StrEnum):
    """`proposed`: its members are being asked; `consented`: all have consented; `introduced`: they know each
    other; `formed`: all have confirmed it; `declined`: a member declined and nobody could take its role;
    `dissolved`: the challenge, a member or a better team took its ground away."""

    proposed = "proposed"
    consented = "consented"
    introduced = "introduced"
    formed = "formed"
    declined = "declined"
    dissolved = "dissolved"


STANDING = frozenset(
    {
        ConsortiumState.proposed,
        ConsortiumState.consented,
        ConsortiumState.introduced,
        ConsortiumState.formed,
    }
)
"""States in which a consortium is there."""
KNOWN_TO_EACH_OTHER = frozenset({ConsortiumState.introduced, ConsortiumState.formed})


class ConsortiumOrigin(StrEnum):
    """`proposed`: by the product, after matching; `completed`: somebody began with some members and asked who
    is missing."""

    proposed = "proposed"
    completed = "completed"


class Consent(StrEnum):
    asked = "asked"
    consented = "consented"
    confirmed = "confirmed"
    """Consented, and said after the introduction that the consortium is formed."""


class CoveredCell(Contract):
    """A requirement in a stage (none where the challenge has no stages) that a member covers. `score`: of the
    match for it as far as the member works in the stage; hidden from the other members."""

    requirement: str
    stage: PhaseStage | None = None
    score: Share | None = None


class ConsortiumMember(Contract):
    """A role and who has it. `company`, `consent` and scores are empty where they are not the reader's to
    know. `only`: what nobody else covers; `contribution`: worth that would go with the member, its price
    saved; `stages`: those it is a member in, all where there are none; `alternates`: how many others could
    take the role; `alternate_companies`: who they are, best first, for whoever announced and buys. `speaks`:
    the reader may consent and decline for it."""

    role: Annotated[str, Field(description="A, B, C …: stays with the role when its company changes")]
    company: MatchedCompany | None = None
    country: CountryCode
    yours: bool = False
    speaks: bool = False
    fixed: bool = False
    consent: Consent | None = None
    stages: tuple[PhaseStage, ...] = ()
    covers: tuple[CoveredCell, ...] = ()
    only: tuple[CoveredCell, ...] = ()
    contribution: float | None = None
    alternates: Annotated[int, Field(ge=0)] = 0
    alternate_companies: tuple[MatchedCompany, ...] = ()


class ConsortiumCell(Contract):
    """A cell of the picture: a requirement in a stage, and the roles that cover it, the best first; for the
    members themselves by letter."""

    requirement: str
    text: str
    stage: PhaseStage | None = None
    mandatory: bool
    weight: Share
    roles: tuple[str, ...]


class Gap(Contract):
    """What nobody in the team covers. `stages`: those in which it is open; `missing`: words of the
    requirement that no profile of the market has; `best`: the best score that anybody in the market has for
    it."""

    requirement: str
    text: str
    mandatory: bool
    stages: tuple[PhaseStage, ...] = ()
    missing: tuple[str, ...] = ()
    best: Share = 0.0


class GapBrief(Contract):
    """What kind of partner the best team for a challenge still lacks; where there is no team, what nobody
    covers. It names nobody. `countries`: those that are eligible; empty: all."""

    challenge: MatchedChallenge
    gaps: tuple[Gap, ...]
    countries: tuple[CountryCode, ...] = ()
    sought: Annotated[str, Field(description="One sentence: the partner that would cover it")]


class ConsortiumContent(Contract):
    """What a consortium is, whoever knows of it. `coverage`: weighted share of what is wanted; `competing`:
    roles who could each do all of it alone, which competition law has questions about; `proven`: no team is
    better, as far as the scores say."""

    challenge: MatchedChallenge
    members: Annotated[tuple[ConsortiumMember, ...], Field(min_length=1)]
    cells: tuple[ConsortiumCell, ...]
    gaps: tuple[Gap, ...]
    coverage: Share
    worth: float
    countries: tuple[CountryCode, ...]
    smes: Annotated[int, Field(ge=0)]
    competing: tuple[str, ...] = ()
    proven: bool = True


class Consortium(ConsortiumContent):
    """A consortium as its reader may see it. `consented`: how many members have, for whoever announced and
    buys; `reason`: why it was changed last or is no more."""

    id: ConsortiumId
    version: Version
    state: ConsortiumState
    origin: ConsortiumOrigin
    headline: Annotated[str, Field(description="One sentence: what the reader is to do or to know")]
    consented: int | None = None
    reason: str | None = None
    page: str
    proposed_at: AwareDatetime
    changed_at: AwareDatetime


class Consortia(Contract):
    """The consortia of a challenge that the reader sees, the best first. `conflict`: why there is none, for
    whoever announced and buys; `gaps`: what the best team lacks."""

    consortia: tuple[Consortium, ...]
    conflict: str | None = None
    gaps: GapBrief | None = None


class ConsortiumAnswer(Contract):
    """For which member; may be left out by who speaks for one alone."""

    company: CompanyId | None = None


class ConsortiumDecline(ConsortiumAnswer):
    """`note` stays on the company's side."""

    note: Note | None = None


class CompletionContent(Contract):
    """A team that has begun: who is in it already, and how many it may have in all (the challenge's own limit
    where that is left out)."""

    challenge: ChallengeId
    members: Annotated[tuple[CompanyId, ...], Field(min_length=1, max_length=SOUGHT_MAX)]
    members_max: Annotated[int | None, Field(ge=1, le=MEMBERS_MAX), Whole] = None


class Completion(Contract):
    """Who is missing: the best different ways to complete the team, the members given being the first
    roles."""

    teams: tuple[ConsortiumContent, ...]
    conflict: str | None = None


class SoughtPartner(Contract):
    """A consortium needs somebody like this company: what it would cover there. No other member is named."""

    consortium: ConsortiumId
    challenge: MatchedChallenge
    company: MatchedCompany
    asked_by: OrganisationId | None = None
    covers: tuple[CoveredCell, ...]
    headline: str
