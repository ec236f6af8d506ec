"""When consortia are thought over: after matching has settled on a challenge, and when a match of it
changes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from schemas.challenge import DecisionOutcome
from schemas.events import (
    ChallengeMatched,
    ChallengeStepped,
    ChallengeWithdrawn,
    CompanyIndexed,
    CompanyWithdrawn,
    MatchAnswered,
    MatchRetracted,
    MatchSuggested,
    MatchUpdated,
    SpecialistsFound,
)
from schemas.match import CompanyAnswer
from services.consortia import store
from services.consortia.reviewing import Reviewing, Write
from services.kernel.clock import Clock
from services.kernel.database import Database
from services.kernel.journal import Event
from services.kernel.stream.port import Plan

BATCH = 200
"""Events at once: the hundreds of a challenge's matches make one look at its teams."""
MATCHES = frozenset(
    {
        MatchSuggested.TYPE,
        MatchUpdated.TYPE,
        MatchRetracted.TYPE,
        MatchAnswered.TYPE,
        SpecialistsFound.TYPE,
    }
)
PROFILES = frozenset({CompanyIndexed.TYPE, CompanyWithdrawn.TYPE})
MATCHED_AFTER = timedelta(seconds=10)
"""A profile that changed is matched beside this handler; teams are thought over when that is done. A member
who was a specialist and is one no longer has no suggestion whose change would tell."""


class FormConsortia:
    """Handler `consortia`: settled matches in, teams and their gaps out.

    The first look is at once. Later ones keep the challenge's pace: within it a change only makes the
    challenge due, and whoever keeps time (`Reviewing.review_due`) looks then.
    """

    name = "consortia"
    consumes = frozenset(
        {ChallengeMatched.TYPE, ChallengeStepped.TYPE, ChallengeWithdrawn.TYPE, *MATCHES, *PROFILES}
    )
    batch = BATCH

    def __init__(self, database: Database, clock: Clock, reviewing: Reviewing) -> None:
        self._database = database
        self._clock = clock
        self._reviewing = reviewing

    async def prepare(self, events: Sequence[Event]) -> Plan:
        over = {event.key: (event, why) for event in events if (why := _why_over(event)) is not None}
        settled = {event.key: event for event in events if event.type == ChallengeMatched.TYPE}
        changed: dict[str, Event] = {}
        for event in events:
            if event.type == SpecialistsFound.TYPE:
                changed |= dict.fromkeys(event.data["challenges"], event)
            elif event.type in MATCHES and _changes_a_team(event):
                changed[event.key] = event
        profiles = {event.data["company"] for event in events if event.type in PROFILES}
        async with self._database.read() as tx:
            members = await store.challenges_of(tx, profiles)
            known = await store.reviewed(tx, settled.keys() | changed.keys() | members)
        writes: list[Write] = []
        due: dict[str, datetime] = {}
        now = self._clock.now()
        for challenge, event in {**changed, **settled}.items():
            if challenge in over or (challenge not in known and challenge not in settled):
                continue  # matching has not settled on it yet
            if challenge in known:
                at = await self._reviewing.next_look(challenge, known[challenge].reviewed_at)
                if at > now:
                    due[challenge] = at
                    continue
            write = await self._reviewing.reviewing(challenge, correlation_id=event.correlation_id)
            if write is not None:
                writes.append(write)
        for challenge in (members & known.keys()) - settled.keys() - changed.keys() - over.keys():
            at = await self._reviewing.next_look(challenge, known[challenge].reviewed_at)
            due[challenge] = max(at, now + MATCHED_AFTER)
        for challenge, (event, reason) in over.items():
            writes.append(
                await self._reviewing.dissolving(challenge, reason, correlation_id=event.correlation_id)
            )

        async def plan(tx: AsyncSession) -> None:
            for write in writes:
                await write(tx)
            for challenge, at in due.items():
                await store.put_due(tx, challenge, at)

        return plan


_NOTHING_TO_DO_TOGETHER = {
    DecisionOutcome.make: "The buyer makes it itself.",
    DecisionOutcome.abandoned: "The buyer has given the need up.",
}
"""Decisions upon which no team is needed. Where there is something to sell, its members end a team."""


def _why_over(event: Event) -> str | None:
    """Why all teams of a challenge are no more; None: nothing says so."""
    if event.type == ChallengeWithdrawn.TYPE:
        return "The challenge was withdrawn."
    if event.type != ChallengeStepped.TYPE:
        return None
    decision = event.data["challenge"]["decision"]
    return _NOTHING_TO_DO_TOGETHER.get(decision["outcome"]) if decision else None


def _changes_a_team(event: Event) -> bool:
    """Interest is no news to a team: no answer makes anybody a better member. A dismissal is."""
    return event.type != MatchAnswered.TYPE or event.data["answer"] != CompanyAnswer.interested
