"""The sequencer: gives committed entries their positions, where the database does not serialise writers."""

from __future__ import annotations

import asyncio

import structlog
from sqlalchemy.exc import IntegrityError

from services.kernel import metrics
from services.kernel.clock import Clock
from services.kernel.database import Database
from services.kernel.journal.append import SEQUENCE_BATCH, UNSEQUENCED, sequence
from services.kernel.leases import Lease, LeaseLost, Leases, assert_held
from services.kernel.problems import TransientError

LEASE = "sequencer"

POLL_S = 0.2
"""The safety net while hints of other processes do not arrive: too short for anybody to notice, long enough
that an idle poll (one look into an empty partial index) is not load."""

RETRY_S = 1.0
"""Between looks at a database that is out of reach."""

log = structlog.get_logger("liaison.sequencer")


class Sequencer:
    """One active per database, by lease; any number may run. Needed only where `database.is_serial` is false.

    Every transaction checks the fence of the lease, so a sequencer that was paused and wakes up beside its
    successor changes nothing.
    """

    def __init__(self, database: Database, clock: Clock, *, leases: Leases | None = None) -> None:
        self._database = database
        self._clock = clock
        self._leases = leases or Leases(database, clock)

    async def run(self) -> None:
        """Run until cancelled."""
        while True:
            try:
                async with self._leases.holding(LEASE) as lease:
                    await self._run_as_holder(lease)
            except LeaseLost as error:
                log.warning("sequencer superseded", error=str(error))

    async def _run_as_holder(self, lease: Lease) -> None:
        while not lease.lost.is_set():
            token = self._database.wakeups.token(UNSEQUENCED)
            try:
                given = await self.step(lease)
            except TransientError as error:
                log.warning("sequencer waits for the database", error=str(error))
                await self._clock.sleep(RETRY_S)
                continue
            if given < SEQUENCE_BATCH:
                await self._database.wakeups.wait(UNSEQUENCED, token, self._database.wakeups.poll_s(POLL_S))
            else:
                await asyncio.sleep(0)

    async def step(self, lease: Lease) -> int:
        """Sequence one batch; returns how many. Raises `LeaseLost`, and then nothing was changed."""
        try:
            async with self._database.write() as tx:
                given = await sequence(tx)
                if given:
                    await assert_held(tx, lease.name, lease.fence)
        except IntegrityError:
            # Paused between reading the head and writing behind it: its successor has given these positions.
            async with self._database.write() as tx:
                await assert_held(tx, lease.name, lease.fence)
            raise
        metrics.SEQUENCED.inc(given)
        return given
