"""The events of the dialogue: who asked is in none of them."""

from __future__ import annotations

from collections.abc import Sequence

from schemas.challenge import Challenge
from schemas.dialogue import Entry
from schemas.events import DialoguePublished, EventData, QuestionDeclined, QuestionReceived
from schemas.match import MatchedChallenge
from services.kernel import journal


def received(challenge: Challenge, question: str, public_url: str) -> journal.NewEvent:
    """For the buyer's side."""
    data = QuestionReceived(challenge=_named(challenge, public_url), question=question)
    return _event(data, challenge, audience=frozenset({challenge.buyer, challenge.announced_by}))


def declined(
    challenge: Challenge, question: str, reason: str, public_url: str, *, asker: str
) -> journal.NewEvent:
    """For who asked alone: an audience with the buyer in it would tie the two together."""
    data = QuestionDeclined(challenge=_named(challenge, public_url), question=question, reason=reason)
    return _event(data, challenge, audience=frozenset({asker}))


def published(challenge: Challenge, entries: Sequence[Entry], public_url: str) -> journal.NewEvent:
    """For everybody."""
    data = DialoguePublished(challenge=_named(challenge, public_url), entries=tuple(entries))
    return _event(data, challenge, public=True)


def _event(
    data: EventData, challenge: Challenge, *, audience: frozenset[str] = frozenset(), public: bool = False
) -> journal.NewEvent:
    return journal.NewEvent(
        type=data.TYPE,
        subject=f"challenge/{challenge.id}/dialogue",
        key=challenge.id,
        data=data.model_dump(mode="json"),
        audience=audience,
        public=public,
    )


def _named(challenge: Challenge, public_url: str) -> MatchedChallenge:
    return MatchedChallenge.of(challenge, page=f"{public_url}/challenges/{challenge.id}/dialogue")
