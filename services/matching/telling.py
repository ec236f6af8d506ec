"""The events that matching writes into the journal."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from schemas.challenge import Challenge
from schemas.events import (
    ChallengeMatched,
    MatchAnswered,
    MatchRetracted,
    MatchSuggested,
    MatchUpdated,
    SpecialistsFound,
)
from schemas.match import MatchSuggestion
from services.kernel import journal
from services.kernel.journal import Event
from services.matching.changes import Change
from services.matching.scoring import ANSWERED


def of_pair(
    data: MatchSuggested | MatchUpdated | MatchRetracted | MatchAnswered,
    clusters: Collection[str],
    *,
    correlation_id: str | None = None,
) -> journal.NewEvent:
    """For the company's owner, its clusters with the mandate to receive (`clusters`), the buyer and whoever
    announced."""
    challenge, company = data.challenge, data.company
    return journal.NewEvent(
        type=data.TYPE,
        subject=f"challenge/{challenge.id}/company/{company.id}",
        key=challenge.id,
        data=data.model_dump(mode="json"),
        audience=frozenset({company.owner, challenge.buyer, challenge.announced_by, *clusters}),
        correlation_id=correlation_id,
    )


def of_change(
    change: Change, audiences: Mapping[str, Collection[str]], cause: Mapping[str, Event]
) -> journal.NewEvent:
    """`audiences`: the clusters that receive, by company; `cause`: the event handled, by the id of a
    challenge or a company."""
    data = change.data
    caused_by = cause.get(data.challenge.id) or cause.get(data.company.id)
    return of_pair(
        data,
        audiences.get(data.company.id, ()),
        correlation_id=caused_by.correlation_id if caused_by else None,
    )


def of_settled(settled: ChallengeMatched, cause: Mapping[str, Event]) -> journal.NewEvent:
    """For everybody: it names nobody."""
    caused_by = cause.get(settled.challenge)
    return journal.NewEvent(
        type=settled.TYPE,
        subject=f"challenge/{settled.challenge}",
        key=settled.challenge,
        data=settled.model_dump(mode="json"),
        public=True,
        correlation_id=caused_by.correlation_id if caused_by else None,
    )


def of_specialists(challenges: Sequence[str]) -> journal.NewEvent:
    """For the service itself."""
    data = SpecialistsFound(challenges=tuple(challenges))
    return journal.NewEvent(
        type=data.TYPE,
        subject=f"challenge/{challenges[0]}",
        key=challenges[0],
        data=data.model_dump(mode="json"),
    )


def settled(challenge: Challenge, found: Sequence[MatchSuggestion], companies: int) -> ChallengeMatched:
    """`companies`: how many there are to be found."""
    answered = {
        requirement.id for one in found for requirement in one.requirements if requirement.score >= ANSWERED
    }
    return ChallengeMatched(
        challenge=challenge.id,
        version=challenge.version,
        suggestions=len(found),
        companies=companies,
        countries=len({one.company.country for one in found}),
        unanswered=tuple(one.id for one in challenge.requirements if one.id not in answered),
    )
