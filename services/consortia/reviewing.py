"""Use case of the service itself: think the consortia of a challenge over, and tell what changed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from schemas.challenge import Challenge
from schemas.consortium import Consortium, ConsortiumState, GapBrief
from schemas.events import ConsortiumDissolved
from services.consortia import store, telling
from services.consortia.market import Markets
from services.consortia.pace import PACE, next_look
from services.consortia.review import Change, bound, dissolved, review
from services.consortia.telling import Clusters
from services.intake.completion import takes_answers
from services.kernel import journal
from services.kernel.clock import Clock
from services.kernel.database import Database
from services.kernel.problems import TransientError

AT_ONCE = 20
"""Challenges thought over in one round of what is due; the next round comes within seconds."""

Write = Callable[[AsyncSession], Awaitable[None]]

log = structlog.get_logger("liaison.consortia")


class ChangedMeanwhile(TransientError):
    """Somebody consented or declined while the teams were being thought over; do it again."""


class Reviewing:
    def __init__(
        self, database: Database, clock: Clock, *, markets: Markets, clusters: Clusters, public_url: str
    ) -> None:
        self._database = database
        self._clock = clock
        self._markets = markets
        self._clusters = clusters
        self._public_url = public_url

    async def reviewing(self, challenge: str, *, correlation_id: str | None = None) -> Write | None:
        """Think the teams over; what comes back writes the outcome in a transaction of the caller's. None for
        a challenge that is not there or takes no more answers: its teams stay as they are."""
        now = self._clock.now()
        present = await self._markets.challenge(challenge)
        if present is None or not takes_answers(present, now):
            return None
        async with self._database.read() as tx:
            standing = await store.standing(tx, challenge)
            declined = await store.declined(tx, challenge)
        named = {
            one.company.id
            for whole in standing
            for one in whole.members
            if one.company is not None and (one.fixed or whole.state is ConsortiumState.formed)
        }
        market = await self._markets.of(present, named=named, bound=bound(standing), without=declined)
        found = await asyncio.to_thread(review, market, standing, at=now, public_url=self._public_url)

        async def write(tx: AsyncSession) -> None:
            known = (await store.reviewed(tx, [challenge], lock=True)).get(challenge)
            await _must_be(tx, challenge, standing)
            for change in found.changes:
                await store.put(tx, change.after, new=change.before is None)
            await store.put_reviewed(tx, challenge, at=now, conflict=found.conflict, gaps=found.gaps)
            events = await telling.of_changes(
                tx, self._clusters, found.changes, correlation_id=correlation_id
            )
            brief = _news(present, None if known is None else known.gaps, found.gaps)
            if brief is not None:
                events.append(telling.of_gaps(brief, correlation_id=correlation_id))
            await journal.append(tx, events, now=now)

        return write

    async def dissolving(self, challenge: str, reason: str, *, correlation_id: str | None = None) -> Write:
        """All of them, because the challenge is no more."""
        now = self._clock.now()

        async def write(tx: AsyncSession) -> None:
            changes = []
            for whole in await store.standing(tx, challenge, lock=True):
                after = dissolved(whole, reason, now)
                await store.put(tx, after, new=False)
                changes.append(Change(ConsortiumDissolved, whole, after))
            await store.forget_review(tx, challenge)
            events = await telling.of_changes(tx, self._clusters, changes, correlation_id=correlation_id)
            await journal.append(tx, events, now=now)

        return write

    async def next_look(self, challenge: str, reviewed_at: datetime) -> datetime:
        """When the pace of the challenge allows to think over what was thought over then."""
        present = await self._markets.challenge(challenge)
        return reviewed_at + PACE if present is None else next_look(present, reviewed_at)

    async def review_due(self) -> int:
        """Those whose time has come; how many. One that changes meanwhile is left for the next round."""
        async with self._database.read() as tx:
            challenges = await store.due(tx, self._clock.now(), limit=AT_ONCE)
        for challenge in challenges:
            write = await self.reviewing(challenge)
            try:
                async with self._database.write() as tx:
                    if write is None:
                        await store.forget_review(tx, challenge)
                    else:
                        await write(tx)
            except ChangedMeanwhile:
                log.info("consortia changed while they were thought over", challenge=challenge)
        return len(challenges)


async def _must_be(tx: AsyncSession, challenge: str, standing: list[Consortium]) -> None:
    present = await store.standing(tx, challenge, lock=True)
    if [(one.id, one.version) for one in present] != [(one.id, one.version) for one in standing]:
        raise ChangedMeanwhile(f"the consortia of {challenge} changed while they were being thought over")


def _news(challenge: Challenge, before: GapBrief | None, now: GapBrief | None) -> GapBrief | None:
    """The brief to tell, None where nothing changed that anybody would act on."""
    old = () if before is None else before.gaps
    new = () if now is None else now.gaps
    said = [[(one.requirement, one.text, one.stages) for one in gaps] for gaps in (old, new)]
    return None if said[0] == said[1] else now
