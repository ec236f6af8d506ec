"""The sequencer loop: positions soon after the commit, and never from two at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from sqlalchemy import text, update

from services.kernel import journal
from services.kernel.clock import SystemClock
from services.kernel.database import Database
from services.kernel.journal.model import JournalEntry
from services.kernel.journal.reading import verify
from services.kernel.journal.sequencer import LEASE, Sequencer
from services.kernel.leases import LEASE_S, LeaseLost, Leases
from tests.conftest import MovableClock
from tests.eventually import eventually
from tests.kernel.journal.test_journal import an_event, append_only

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@asynccontextmanager
async def running(*sequencers: Sequencer) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(sequencer.run()) for sequencer in sequencers]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task


async def head(database: Database) -> int:
    async with database.read() as tx:
        return await journal.head(tx)


async def test_everything_appended_by_many_gets_its_place(database: Database) -> None:
    clock = MovableClock()
    rivals = [Sequencer(database, SystemClock()) for _ in range(3)]
    async with running(*rivals):
        await asyncio.gather(*(append_only(database, clock, n) for n in range(40)))

        async def is_done() -> bool:
            return await head(database) == 40

        await eventually(is_done)
    async with database.read() as tx:
        assert (await verify(tx)).broken_at is None


async def test_what_another_process_appends_is_found_without_a_hint(database: Database) -> None:
    other = Database(database.url.render_as_string(hide_password=False))
    async with running(Sequencer(database, SystemClock())):
        await append_only(other, MovableClock(), 1)

        async def is_done() -> bool:
            return await head(database) == 1

        await eventually(is_done)
    await other.close()


async def test_a_paused_sequencer_changes_nothing_when_it_wakes_up(
    database: Database, clock: MovableClock
) -> None:
    paused = await Leases(database, clock, holder="a").acquire(LEASE)
    assert paused is not None
    clock.advance(LEASE_S)
    successor = await Leases(database, clock, holder="b").acquire(LEASE)
    assert successor is not None
    async with database.write() as tx:
        await journal.append(tx, [an_event(1)], now=clock.now())
    sequencer = Sequencer(database, clock)
    with pytest.raises(LeaseLost):
        await sequencer.step(paused)
    assert await head(database) == 0
    assert await sequencer.step(successor) == 1
    assert await head(database) == 1


async def test_one_that_was_paused_amid_its_work_gives_no_place_twice(
    database: Database, clock: MovableClock
) -> None:
    """It has read where the journal ends; before it writes, its successor has written there."""
    paused = await Leases(database, clock, holder="a").acquire(LEASE)
    assert paused is not None
    clock.advance(LEASE_S)
    assert await Leases(database, clock, holder="b").acquire(LEASE) is not None
    for number in (1, 2):
        await append_only(database, clock, number)
    async with database.write() as tx:
        given = update(JournalEntry).where(JournalEntry.number == 2).values(position=1, hash="0" * 64)
        await tx.execute(given)
        waking = asyncio.create_task(Sequencer(database, clock).step(paused))

        async def waits_for_the_successor() -> bool:
            async with database.read() as other:
                waiting = await other.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted"))
                return bool(waiting.scalar())

        await eventually(waits_for_the_successor)
    with pytest.raises(LeaseLost):
        await waking
    assert await head(database) == 1


async def test_it_goes_on_after_its_connections_were_cut(database: Database) -> None:
    async with running(Sequencer(database, SystemClock())):
        await append_only(database, MovableClock(), 1)

        async def has(entries: int) -> bool:
            return await head(database) == entries

        await eventually(lambda: has(1))
        await cut(database)
        await append_only(database, MovableClock(), 2)
        await eventually(lambda: has(2))


async def cut(database: Database) -> None:
    """End every connection to this database, as a restart of the server does."""
    other = Database(database.url.render_as_string(hide_password=False))
    async with other.engine.connect() as connection:
        await connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    await other.close()
