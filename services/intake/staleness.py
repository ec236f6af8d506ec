"""Profiles whose year is over: nothing happens to them on that day, so somebody has to look."""

from __future__ import annotations

from services.intake import company_store as store
from services.intake import profile_life
from services.intake.company_writing import CompanyWriter
from services.intake.freshness import stale_before
from services.kernel.clock import Clock
from services.kernel.database import Database
from services.kernel.leases import acquire, new_holder

LEASE = "intake.staleness"
AT_ONCE = 200
"""Profiles in one transaction, as many as of an import: some 50 ms in which other writers wait on SQLite."""


class Staleness:
    """`run` is called now and then, in every process that handles events."""

    def __init__(self, database: Database, clock: Clock, writer: CompanyWriter, *, public_url: str) -> None:
        self._database = database
        self._clock = clock
        self._writer = writer
        self._public_url = public_url
        self._holder = new_holder()

    async def run(self) -> int:
        """Let active profiles that nobody has changed or confirmed for a year go stale; returns how many. 0
        where another process has its turn: the lease, the states and what is told are one transaction a
        batch."""
        told = 0
        while True:
            now = self._clock.now()
            due = store.is_unconfirmed_since(stale_before(now))
            async with self._database.read() as tx:
                if not await store.longest_unconfirmed(tx, due, limit=1):
                    return told
            async with self._database.write() as tx:
                if await acquire(tx, LEASE, self._holder, now=now) is None:
                    return told
                batch = await store.longest_unconfirmed(tx, due, limit=AT_ONCE, lock=True)
                steps = [profile_life.gone_stale(one, self._public_url) for one in batch]
                await self._writer.write(tx, steps, now=now)
            told += len(batch)
            if len(batch) < AT_ONCE:
                return told
