"""What a company's own answers change in its own list."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, Field

from schemas.base import ChallengeId, CompanyId, Contract, MatchId, Share
from schemas.links import Links
from schemas.match import CompanyAnswer, DismissalReason, Nudged


class AnswerThatCounts(Contract):
    """An answer of the company. `says`: what it says of challenges like this one, from -1 (not for us) to 1;
    0: nothing, because its reason has nothing to do with the subject."""

    match: MatchId
    challenge: ChallengeId
    title: str
    answer: CompanyAnswer
    reason: DismissalReason | None = None
    says: Annotated[float, Field(ge=-1, le=1)]
    at: AwareDatetime


class Moved(Contract):
    """An open suggestion that stands elsewhere in the company's list than its score alone would put it."""

    match: MatchId
    challenge: ChallengeId
    title: str
    score: Share
    by: Nudged
    like: Annotated[str, Field(description="Title of the challenge whose answer moves it most")]


class Feedback(Contract):
    """What the company's answers change, in its own list, alerts and digests alone. No score changes, and
    nobody else's list does."""

    company: CompanyId
    most: Annotated[float, Field(description="How far answers move a suggestion at the most")]
    answers: Annotated[tuple[AnswerThatCounts, ...], Field(description="The latest first")]
    moved: Annotated[tuple[Moved, ...], Field(description="Those moved furthest first")]
    since: Annotated[
        AwareDatetime | None, Field(description="Answers before this count no more: they were reset")
    ] = None
    links: Links
