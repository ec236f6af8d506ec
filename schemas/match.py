"""A match suggestion: one challenge, one company, requirement by requirement, and why."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, Field

from schemas.base import ChallengeId, CompanyId, Contract, MatchId, OrganisationId, Share, Version
from schemas.challenge import RequirementKind
from schemas.codes import CountryCode


class MatchState(StrEnum):
    suggested = "suggested"
    notified = "notified"
    seen = "seen"
    interested = "interested"
    dismissed = "dismissed"
    superseded = "superseded"
    retracted = "retracted"
    expired = "expired"


class Strength(StrEnum):
    """How a person reads the score."""

    strong = "strong"
    good = "good"
    possible = "possible"


class GateState(StrEnum):
    passed = "passed"
    failed = "failed"
    unknown = "unknown"


class GateName(StrEnum):
    eligible_country = "eligible_country"
    trl = "trl"
    conflict_of_interest = "conflict_of_interest"
    exclusion = "exclusion"


class Gate(Contract):
    """A condition beside the score, never in it. `failed` does not hide the suggestion: it says why."""

    gate: GateName
    state: GateState
    reason: str


class CarryingWord(Contract):
    """A word that carries the similarity: its span [start, end) in the requirement and in the capability."""

    word: str
    weight: Share
    in_requirement: tuple[int, int] | None = None
    in_capability: tuple[int, int] | None = None


class Answer(Contract):
    """The capability (or reference) that answers a requirement best, by its id in the profile, and its
    text; of a long one the passage that does."""

    capability: str
    text: str
    similarity: Share


class RequirementMatch(Contract):
    """How well one requirement is answered. `missing`: its words that nothing in the profile has."""

    id: str
    text: str
    kind: RequirementKind
    mandatory: bool
    score: Share
    answered_by: Answer | None = None
    words: tuple[CarryingWord, ...] = ()
    missing: tuple[str, ...] = ()


class MatchedChallenge(Contract):
    id: ChallengeId
    version: Version
    title: str
    buyer: OrganisationId
    buyer_name: str
    announced_by: OrganisationId
    deadline: date
    page: str


class MatchedCompany(Contract):
    id: CompanyId
    version: Version
    name: str
    country: CountryCode
    owner: OrganisationId


class MatchVersions(Contract):
    """What made the score: the embedding model, the index's background, the scoring formula."""

    model: str
    index: str
    scoring: str


class MatchSuggestion(Contract):
    """The state of a pair. Outreach on top of a public announcement, never a preselection."""

    id: MatchId
    state: MatchState
    challenge: MatchedChallenge
    company: MatchedCompany
    score: Share
    strength: Strength
    headline: Annotated[str, Field(description="One sentence: why this company")]
    requirements: tuple[RequirementMatch, ...]
    gates: tuple[Gate, ...]
    gaps: Annotated[tuple[str, ...], Field(description="Ids of mandatory requirements not answered")] = ()
    because: Annotated[str, Field(description="What triggered it", examples=["challenge announced"])]
    versions: MatchVersions
    suggested_at: AwareDatetime
    changed_at: AwareDatetime
