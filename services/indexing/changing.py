"""A change of the model by several processes on one store: one builds, by lease; the others go over to it."""

from __future__ import annotations

import asyncio

import structlog

from services.indexing.generation import Generations
from services.indexing.upkeep import Upkeep
from services.kernel.clock import Clock
from services.kernel.database import Database
from services.kernel.leases import Lease, LeaseLost, Leases, assert_held

LEASE = "index.build"

FOLLOW_S = 2.0
"""Between looks at whether another process has switched. The old collections stay far longer
(`upkeep.RETIRED_S`), so that nobody asks one that is gone."""

log = structlog.get_logger("liaison.indexing")


class Changing:
    """Returns from `run` when the new model serves in this process, whoever has built its index."""

    def __init__(self, generations: Generations, upkeep: Upkeep, database: Database, clock: Clock) -> None:
        self._generations = generations
        self._upkeep = upkeep
        self._database = database
        self._clock = clock
        self._leases = Leases(database, clock)

    async def run(self) -> None:
        """Raises `TransientError` where the store or the database is out of reach: then again."""
        mine = asyncio.Event()
        building = asyncio.create_task(self._build(mine), name="index build")
        try:
            while not (mine.is_set() or building.done()):
                if await self._generations.follow() and not mine.is_set():
                    log.info("the new index serves; another process has built it")
                    return
                await self._clock.sleep(FOLLOW_S)
            await building
        finally:
            building.cancel()
            await asyncio.gather(building, return_exceptions=True)

    async def _build(self, mine: asyncio.Event) -> None:
        while True:
            async with self._leases.holding(LEASE) as lease:
                mine.set()
                if await self._generations.follow():
                    return
                try:
                    await self._upkeep.change_model(may_switch=lambda: self._still_mine(lease))
                except LeaseLost:
                    log.warning("another process builds the index by now")
                    mine.clear()
                    continue
                return

    async def _still_mine(self, lease: Lease) -> None:
        """A builder that was paused finds its collections emptied by its successor."""
        async with self._database.write() as tx:
            await assert_held(tx, lease.name, lease.fence)
