"""A match suggestion: one challenge, one company, requirement by requirement, and why."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AwareDatetime, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from schemas.base import ChallengeId, CompanyId, Contract, MatchId, OrganisationId, Share, Version
from schemas.challenge import Challenge, RequirementKind
from schemas.codes import CountryCode
from schemas.company import Company, ProfileStanding
from schemas.links import Links
from schemas.text import Note


class MatchState(StrEnum):
    """The life of a suggestion. `notified`: a webhook with it, or a digest that lists it, was answered 2xx by
    the company's own endpoint, or by one of a cluster that receives for it; `seen`: one of them has opened
    it; `interested`, `dismissed`: what the company answered. None of them goes back, but for an answer that
    is taken back."""

    suggested = "suggested"
    notified = "notified"
    seen = "seen"
    interested = "interested"
    dismissed = "dismissed"
    superseded = "superseded"
    retracted = "retracted"
    expired = "expired"


class CompanyAnswer(StrEnum):
    """What a company says to a suggestion; in its life the state of the same name."""

    interested = "interested"
    dismissed = "dismissed"


class DismissalReason(StrEnum):
    """Why a suggestion is not for the company."""

    too_far = "too_far"
    no_capacity = "no_capacity"
    wrong_country = "wrong_country"
    already_known = "already_known"


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
    text; of a long one the passage that does. `across_languages`: the two were compared by what their words
    mean in English, because one of them is not in English."""

    capability: str
    text: str
    similarity: Share
    across_languages: bool = False


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


class Improvement(Contract):
    """What would change a score most: the mandatory requirement that is answered least (of those that are
    not mandatory, where none is), what the company has that comes nearest to it, and the words of it that
    nothing in the profile has."""

    requirement: str
    text: str
    mandatory: bool
    score: Share
    nearest: Annotated[Answer | None, Field(description="Null: the profile has no text at all")] = None
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

    @classmethod
    def of(cls, challenge: Challenge, *, page: str) -> Self:
        return cls(
            id=challenge.id,
            version=challenge.version,
            title=challenge.title,
            buyer=challenge.buyer,
            buyer_name=challenge.buyer_name,
            announced_by=challenge.announced_by,
            deadline=challenge.deadline,
            page=page,
        )


class MatchedCompany(Contract):
    """`version`: the one in which what the profile says last changed."""

    id: CompanyId
    version: Version
    name: str
    country: CountryCode
    owner: OrganisationId

    @classmethod
    def of(cls, company: Company) -> Self:
        return cls(
            id=company.id,
            version=company.matched_version,
            name=company.name,
            country=company.country,
            owner=company.owner,
        )


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
    likelihood: Annotated[
        Share | None,
        Field(
            description="Share of the pairs of this score that were right in the trial which GET /v1/scores "
            "tells of, where one pair in 400 is right by chance; null: made before this was told"
        ),
    ] = None
    headline: Annotated[str, Field(description="One sentence: why this company")]
    requirements: tuple[RequirementMatch, ...]
    gates: tuple[Gate, ...]
    gaps: Annotated[tuple[str, ...], Field(description="Ids of mandatory requirements not answered")] = ()
    improvement: Annotated[
        Improvement | None, Field(description="What would change the score most; null without requirements")
    ] = None
    because: Annotated[str, Field(description="What triggered it", examples=["challenge announced"])]
    scoring_page: Annotated[
        str | None,
        Field(description="Page on how scores come about: what weighs how much, how good they proved to be"),
    ] = None
    versions: MatchVersions
    suggested_at: AwareDatetime
    changed_at: AwareDatetime


class MatchAnswerContent(Contract):
    """What a company, or a cluster that acts for it, answers. Reason and note stay on the company's side."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {
                    "properties": {
                        "answer": {"const": CompanyAnswer.interested.value},
                        "reason": {"type": "null"},
                    }
                },
                {
                    "properties": {
                        "answer": {"const": CompanyAnswer.dismissed.value},
                        "reason": {"type": "string"},
                    },
                    "required": ["reason"],
                },
            ]
        }
    )

    answer: CompanyAnswer
    reason: Annotated[
        DismissalReason | None, Field(description="Why it is not for the company; with `dismissed` alone")
    ] = None
    note: Annotated[Note | None, Field(description="For the company's own file; no buyer reads it")] = None

    @model_validator(mode="after")
    def _reason_of_a_dismissal(self) -> Self:
        if (self.answer is CompanyAnswer.dismissed) != (self.reason is not None):
            raise PydanticCustomError(
                "dismissal_reason",
                "Give a reason with 'dismissed', and only then: too_far, no_capacity, wrong_country or "
                "already_known.",
            )
        return self


class MatchAnswer(Contract):
    """An answer as its reader may see it: `reason` and `note` are empty for all but the company's side.
    `by`: who gave it, the company's owner or a cluster that acts for it."""

    answer: CompanyAnswer
    reason: DismissalReason | None = None
    note: Note | None = None
    by: OrganisationId
    at: AwareDatetime


Nudged = Annotated[
    float, Field(ge=-1, le=1, allow_inf_nan=False, description="Added to the score for the order alone")
]


class Nudge(Contract):
    """How far the company's own answers move a suggestion in its own list, alerts and digests, and the title
    of the answered challenge that does most of it. The score is not changed."""

    by: Nudged
    like: str
    answer: CompanyAnswer


class Match(MatchSuggestion):
    """A suggestion as one reads it, with what the company has answered. `nudge` is for the company's side
    alone. `profile`: whether the profile was looked after lately, as of now."""

    answer: MatchAnswer | None = None
    profile: ProfileStanding | None = None
    nudge: Nudge | None = None
    links: Links | None = None


class Outreach(Contract):
    """How far the suggestions of a challenge have come, each counted in every line that it has reached.
    They are figures about the outreach, not about companies: nothing here orders or selects anybody."""

    suggested: Annotated[int, Field(ge=0, description="Suggestions that stand")]
    notified: Annotated[int, Field(ge=0, description="Of these, reached by webhook")]
    seen: Annotated[int, Field(ge=0, description="Of these, opened or answered")]
    interested: Annotated[int, Field(ge=0, description="Of these, answered with interest")]
    dismissed: Annotated[int, Field(ge=0, description="Of these, answered with 'not for us'")]
