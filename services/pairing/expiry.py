"""Candidates whose time is over: no event of a need says that its period has ended."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from sqlalchemy import select

from schemas.challenge import Challenge
from schemas.pairing import Pairing, PairingState
from services.intake.completion import last_open_day
from services.kernel import journal
from services.kernel.clock import Clock
from services.kernel.database import Database
from services.kernel.leases import acquire, new_holder
from services.pairing import changes, store, telling
from services.pairing.model import PairingRow

LEASE = "pairing.expiry"
AT_ONCE = 100
"""Pairings read, and dissolved, in one transaction."""


class Needs(Protocol):
    async def challenges(self, ids: Collection[str]) -> Mapping[str, Challenge]:
        """Those that exist, by id, whatever their state."""


class Expiry:
    """`run` is called now and then, in every process that handles pairings. What the buyers have confirmed is
    theirs to end."""

    def __init__(self, database: Database, clock: Clock, needs: Needs) -> None:
        self._database = database
        self._clock = clock
        self._needs = needs
        self._holder = new_holder()

    async def run(self) -> int:
        """Dissolve the candidates of which a need is no longer to be bought; returns how many. 0 where
        another process has its turn."""
        dissolved, last = 0, ""
        while True:
            page = await self._candidates(last)
            over = [one for one in page if self._is_over(one)]
            dissolved += await self._dissolve([one.id for one in over]) if over else 0
            if len(page) < AT_ONCE:
                return dissolved
            last = page[-1].id

    def _is_over(self, pairing: Pairing) -> bool:
        return min(pairing.first.ends, pairing.second.ends) < last_open_day(self._clock.now())

    async def _candidates(self, after: str) -> list[Pairing]:
        rows = PairingRow.__table__
        query = (
            select(rows.c.document)
            .where(rows.c.state == PairingState.candidate.value, rows.c.id > after)
            .order_by(rows.c.id)
            .limit(AT_ONCE)
        )
        async with self._database.read() as tx:
            return [Pairing.model_validate(document) for document in (await tx.execute(query)).scalars()]

    async def _dissolve(self, ids: Collection[str]) -> int:
        now, told = self._clock.now(), list[journal.NewEvent]()
        async with self._database.write() as tx:
            if await acquire(tx, LEASE, self._holder, now=now) is None:
                return 0
            found = [await store.find(tx, one, lock=True) for one in sorted(ids)]
            pairings = [one for one in found if one is not None]
            needs = await self._needs.challenges(
                {side.id for one in pairings for side in (one.first, one.second)}
            )
            for before in pairings:
                change = changes.closed(before, needs, now)
                if change is None:
                    continue
                await store.put(tx, change.pairing)
                reason = change.pairing.reason
                await store.log(tx, change.pairing, change.what, by=None, at=now, note=reason)
                event = telling.of_change(change)
                assert event is not None, "that a pairing is dissolved is told"
                told.append(event)
            await journal.append(tx, told, now=now)
        return len(told)
