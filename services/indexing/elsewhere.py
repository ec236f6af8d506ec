"""The index of another process: a row by which it reports, and by which it is told to write all anew.

The gateway has no index; whichever worker has one attends to this row, one at a time by lease.
"""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import Any

from sqlalchemy import case, null, select, update

from services.indexing.model import IndexReportRow
from services.indexing.state import IndexState, OwnIndex
from services.kernel.clock import Clock
from services.kernel.database import Database, wake_after_commit
from services.kernel.leases import Lease, LeaseLost, Leases, assert_held
from services.kernel.problems import Conflict, TransientError, Unavailable
from services.kernel.upsert import insert_or

INDEX = "index"
"""The row, the lease of who attends to it, and the wake-up topic: something was ordered or reported."""

REPORT_S = 15.0
"""Between reports while nothing happens."""
PROGRESS_S = 1.0
"""The same while a rebuild is running: somebody is watching a bar."""
LATE = timedelta(seconds=4 * REPORT_S)
"""A report older than this is of a process that is gone."""

_ROW: Any = IndexReportRow.__table__


class IndexElsewhere:
    """`state.Index` in a process that has none."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def state(self) -> IndexState:
        async with self._database.read() as tx:
            row = (await tx.execute(select(_ROW).where(_ROW.c.name == INDEX))).first()
        if row is None or row.reported_at < self._clock.now() - LATE:
            raise Unavailable(
                "No worker reports of the vector index. Start `liaison worker`, or see in its log why it "
                "does not run."
            )
        state = IndexState.model_validate(row.state)
        if row.ordered_at is not None and state.rebuilt is None:  # ordered, and not begun yet
            return state.model_copy(update={"rebuilt": 0, "failed": None})
        return state

    async def rebuild(self) -> IndexState:
        state = await self.state()
        if state.building is not None or state.rebuilt is not None:
            raise Conflict("The index is being rebuilt already. GET /v1/index shows how far it is.")
        async with self._database.write(durable=True) as tx:
            await tx.execute(
                update(IndexReportRow).where(_ROW.c.name == INDEX).values(ordered_at=self._clock.now())
            )
            wake_after_commit(tx, INDEX)
        return await self.state()

    async def lacking(self) -> int:
        return (await self.state()).lacking


class Attendant:
    """Reports of this process's index for the others, and rebuilds it when one of them orders that."""

    def __init__(self, index: OwnIndex, database: Database, clock: Clock) -> None:
        self._index = index
        self._database = database
        self._clock = clock
        self._leases = Leases(database, clock)

    async def run(self) -> None:
        """Run until cancelled; outages of the database and of the vector store are waited through."""
        while True:
            async with self._leases.holding(INDEX) as lease:
                while not lease.lost.is_set():
                    token = self._database.wakeups.token(INDEX)
                    with contextlib.suppress(TransientError, LeaseLost):
                        await self._attend(lease)
                    pause = PROGRESS_S if self._index.is_rebuilding else REPORT_S
                    await self._database.wakeups.wait(INDEX, token, pause)

    async def _attend(self, lease: Lease) -> None:
        query = select(_ROW.c.ordered_at).where(_ROW.c.name == INDEX)
        async with self._database.read() as tx:
            ordered_at = (await tx.execute(query)).scalar()
        if ordered_at is not None:
            with contextlib.suppress(Conflict):  # it is being written anew already, whoever began that
                await self._index.rebuild()
        state = await self._index.state()
        row = {"state": state.model_dump(mode="json"), "reported_at": self._clock.now()}
        # An order that came since is kept: the next look takes it up.
        open_order = case((_ROW.c.ordered_at == ordered_at, null()), else_=_ROW.c.ordered_at)
        async with self._database.write() as tx:
            report = insert_or(tx, IndexReportRow).values(name=INDEX, ordered_at=None, **row)
            fresh = row | {"ordered_at": open_order}
            await tx.execute(report.on_conflict_do_update(index_elements=["name"], set_=fresh))
            await assert_held(tx, lease.name, lease.fence)
