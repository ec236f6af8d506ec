"""The index of another process: what is told of it here, and what is ordered from here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from services.indexing.collections import COMPANIES, every_point
from services.indexing.elsewhere import LATE, Attendant, IndexElsewhere
from services.indexing.state import OwnIndex
from services.kernel.clock import SystemClock
from services.kernel.problems import Conflict, Unavailable
from tests.conftest import MovableClock
from tests.derivation import Derivation
from tests.eventually import eventually
from tests.matching.market import company


@asynccontextmanager
async def attended(local: Derivation) -> AsyncIterator[IndexElsewhere]:
    """Another process attends to the orders."""
    own = OwnIndex(local.mind.generations, local.mind.upkeep)
    # Real time for the attendant: it renews a lease and reports beside the test's own clock.
    attending = asyncio.create_task(Attendant(own, local.world.database, SystemClock()).run())
    try:
        yield IndexElsewhere(local.world.database, SystemClock())
    finally:
        attending.cancel()
        await asyncio.gather(attending, return_exceptions=True)


async def reported(index: IndexElsewhere) -> bool:
    try:
        await index.state()
    except Unavailable:
        return False
    return True


async def test_what_the_owner_reports_is_told_elsewhere_and_a_rebuild_is_ordered(local: Derivation) -> None:
    made = await company(local, "Cryosense")
    await local.settle()
    await local.mind.generations.serving.vectors.delete(COMPANIES, every_point(made.id))
    async with attended(local) as index:
        await eventually(lambda: reported(index))
        state = await index.state()
        assert (state.model, state.lost, state.rebuilt) == ("all-MiniLM-L6-v2", 2, None)

        ordered = await index.rebuild()
        assert ordered.rebuilt is not None
        with pytest.raises(Conflict):
            await index.rebuild()

        async def is_whole() -> bool:
            state = await index.state()
            return (state.lost, state.rebuilt, state.failed) == (0, None, None)

        await eventually(is_whole)
        assert await index.lacking() == 0


async def test_without_a_worker_nobody_can_tell(local: Derivation, clock: MovableClock) -> None:
    index = IndexElsewhere(local.world.database, clock)
    with pytest.raises(Unavailable, match="liaison worker"):
        await index.state()
    async with attended(local) as other:
        await eventually(lambda: reported(other))
    clock.advance((SystemClock().now() - clock.now() + LATE).total_seconds() + 60)
    with pytest.raises(Unavailable, match="liaison worker"):
        await index.state()
