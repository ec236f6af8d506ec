"""Needs meet needs: what other buyers may know of is held against the needs of other buyers."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from schemas.challenge import Challenge
from schemas.events import (
    ChallengeAmended,
    ChallengeAnnounced,
    ChallengeDrafted,
    ChallengeStepped,
    ChallengeWithdrawn,
)
from services.kernel import journal
from services.kernel.clock import Clock
from services.kernel.database import Database
from services.kernel.journal import Event
from services.kernel.stream.port import Plan
from services.pairing import changes, store, telling
from services.pairing.comparison import CANDIDATE, Compared
from services.pairing.index import IndexedNeed, NeedsIndex
from services.pairing.looking import Looking
from services.pairing.needs import PAIRED_STATES, is_pairable
from services.pairing.store import Pair

BATCH = 64
"""Events at once: an imported plan is compared in portions of a few seconds."""
LINGER_S = 0.5
"""Needs are compared so long after they were announced: companies are told first, and while somebody waits
for that matching has the machine to itself."""
SUGGESTED_MAX = 10
"""New pairings told of one need at a time, the best: more would be a list and no suggestion."""


class Needs(Protocol):
    async def challenges(self, ids: Collection[str]) -> Mapping[str, Challenge]:
        """Those that exist, by id, whatever their state."""


def _is_paired_as_before(event: Event) -> bool:
    """A step by which nothing changes here: the same need, and it is to be bought still."""
    return event.type == ChallengeStepped.TYPE and event.data["challenge"]["state"] in PAIRED_STATES


async def _nothing(_tx: AsyncSession) -> None:
    """There is nothing to write."""


class PairNeeds:
    """Handler `pairing`. It looks at needs as they are now, whatever the event said: a draft that only its
    owner reads has no events, and must not be told of by an older one."""

    name = "pairing"
    consumes = frozenset(
        {
            ChallengeDrafted.TYPE,
            ChallengeAnnounced.TYPE,
            ChallengeAmended.TYPE,
            ChallengeStepped.TYPE,
            ChallengeWithdrawn.TYPE,
        }
    )
    batch = BATCH

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        needs: Needs,
        index: NeedsIndex,
        looking: Looking,
        linger_s: float = 0.0,
    ) -> None:
        """`linger_s`: how long others are let go first."""
        self._linger_s = linger_s
        self._database = database
        self._clock = clock
        self._needs = needs
        self._index = index
        self._looking = looking

    async def prepare(self, events: Sequence[Event]) -> Plan:
        causes = {one.data["challenge"]["id"]: one for one in events if not _is_paired_as_before(one)}
        if not causes:
            return _nothing
        await asyncio.sleep(self._linger_s)
        async with self._index.writing:
            known = dict(await self._needs.challenges(causes))
            open_ = await self._indexed(known)
        async with self._database.read() as tx:
            standing = await store.of_needs(tx, causes)
        near = await self._index.near(open_)
        candidates = set().union(*near, *standing) - known.keys()
        known |= await self._needs.challenges(candidates)
        pairs = await self._pairs([one.need for one in open_], near, known)
        pairs |= {pair for pair in standing if self._may_pair(*pair, known)}
        compared = await self._looking.compare(pairs, known)

        async def plan(tx: AsyncSession) -> None:
            await self._write(tx, causes, known, compared)

        return plan

    async def _indexed(self, needs: Mapping[str, Challenge]) -> list[IndexedNeed]:
        """Bring the index up to date; returns those that can be paired."""
        now = self._clock.now()
        open_ = [need for need in needs.values() if is_pairable(need, now)]
        vectors = await asyncio.to_thread(lambda: [self._looking.vectors.of(need) for need in open_])
        found = [IndexedNeed(need, made) for need, made in zip(open_, vectors, strict=True)]
        await self._index.write(found)
        await self._index.remove(sorted(needs.keys() - {need.id for need in open_}))
        return found

    async def _pairs(
        self, needs: Sequence[Challenge], near: Sequence[set[str]], known: Mapping[str, Challenge]
    ) -> set[Pair]:
        """The best of those that the index found near, in the order of `NeedVectors.alike`."""
        found: set[Pair] = set()
        for need, ids in zip(needs, near, strict=True):
            others = [known[other] for other in ids if self._may_pair(need.id, other, known)]
            alike = await self._looking.alike(need, others)
            candidates = [other.id for similarity, other in alike if similarity >= CANDIDATE]
            for other in candidates[:SUGGESTED_MAX]:
                found.add((need.id, other) if need.id < other else (other, need.id))
        return found

    def _may_pair(self, one: str, other: str, known: Mapping[str, Challenge]) -> bool:
        """Both are there, open to other buyers, and of different buyers."""
        if one not in known or other not in known or known[one].buyer == known[other].buyer:
            return False
        now = self._clock.now()
        return is_pairable(known[one], now) and is_pairable(known[other], now)

    async def _write(
        self,
        tx: AsyncSession,
        causes: Mapping[str, Event],
        known: Mapping[str, Challenge],
        compared: Mapping[Pair, Compared],
    ) -> None:
        now = self._clock.now()
        before = await store.of_needs(tx, causes, lock=True)
        told: list[journal.NewEvent] = []
        for pair in sorted({*before, *compared}):
            if pair in compared:
                change = changes.look(before.get(pair), compared[pair], now)
            else:
                change = changes.closed(before[pair], known, now)
            if change is None:
                continue
            await store.put(tx, change.pairing)
            if change.what != "silent":
                reason = change.pairing.reason if change.what == "dissolved" else None
                await store.log(tx, change.pairing, change.what, by=None, at=now, note=reason)
            cause = next(causes[need] for need in pair if need in causes)
            event = telling.of_change(change, correlation_id=cause.correlation_id)
            if event is not None:
                told.append(event)
        await journal.append(tx, told, now=now)
