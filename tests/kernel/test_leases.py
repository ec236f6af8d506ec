"""Leases on both databases: one holder, and a fence against whoever was paused."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from datetime import timedelta

import pytest
from sqlalchemy import select

from services.kernel import leases
from services.kernel.database import Database
from services.kernel.leases import LEASE_S, Lease, LeaseLost, Leases
from tests.conftest import MovableClock
from tests.eventually import eventually


async def take(database: Database, clock: MovableClock, holder: str, name: str = "job") -> Lease | None:
    return await Leases(database, clock, holder=holder).acquire(name)


async def check(database: Database, lease: Lease) -> None:
    async with database.write() as tx:
        await leases.assert_held(tx, lease.name, lease.fence)


async def test_one_holder_until_it_expires(database: Database, clock: MovableClock) -> None:
    first = await take(database, clock, "a")
    assert first is not None
    assert await take(database, clock, "b") is None
    clock.advance(LEASE_S - 1)
    assert await take(database, clock, "b") is None
    clock.advance(1)
    second = await take(database, clock, "b")
    assert second is not None
    assert second.fence > first.fence
    assert await take(database, clock, "a") is None


async def test_a_paused_holder_that_wakes_up_cannot_write(database: Database, clock: MovableClock) -> None:
    paused = await take(database, clock, "a")
    assert paused is not None
    await check(database, paused)
    clock.advance(LEASE_S)
    await check(database, paused)  # expired, but nobody else has come: no harm in writing
    successor = await take(database, clock, "b")
    assert successor is not None
    with pytest.raises(LeaseLost, match="job"):
        await check(database, paused)
    await check(database, successor)


async def test_renewal_prolongs_and_ends_when_another_has_it(database: Database, clock: MovableClock) -> None:
    lease = await take(database, clock, "a")
    assert lease is not None
    for _ in range(3):
        clock.advance(LEASE_S - 1)
        async with database.write() as tx:
            await leases.renew(tx, lease, now=clock.now())
    assert await take(database, clock, "b") is None
    clock.advance(LEASE_S)
    assert await take(database, clock, "b") is not None

    async def renew() -> None:
        async with database.write() as tx:
            await leases.renew(tx, lease, now=clock.now())

    with pytest.raises(LeaseLost):
        await renew()


async def test_released_it_is_free_at_once_and_a_late_release_harms_nobody(
    database: Database, clock: MovableClock
) -> None:
    first = await take(database, clock, "a")
    assert first is not None
    async with database.write() as tx:
        await leases.release(tx, first, now=clock.now())
    second = await take(database, clock, "b")
    assert second is not None
    async with database.write() as tx:
        await leases.release(tx, first, now=clock.now())
    assert await take(database, clock, "c") is None


async def test_nobody_takes_it_between_the_check_and_the_commit(
    database: Database, clock: MovableClock
) -> None:
    lease = await take(database, clock, "a")
    assert lease is not None
    clock.advance(LEASE_S)
    async with database.write() as tx:
        await leases.assert_held(tx, lease.name, lease.fence)
        rival = asyncio.create_task(take(database, clock, "b"))
        _, pending = await asyncio.wait({rival}, timeout=0.1)
        assert pending == {rival}
    taken = await rival
    assert taken is not None


async def test_many_rivals_one_winner(database: Database, clock: MovableClock) -> None:
    taken = await asyncio.gather(*(take(database, clock, f"rival {n}") for n in range(8)))
    assert sum(lease is not None for lease in taken) == 1


async def test_holding_renews_and_gives_back(database: Database, clock: MovableClock) -> None:
    mine = Leases(database, clock, holder="a")
    async with mine.holding("job") as lease:
        for _ in range(6):
            before = await _expiry(database)
            clock.advance(LEASE_S / 3)

            async def is_renewed(before: object = before) -> bool:
                return await _expiry(database) != before

            await eventually(is_renewed)
        assert not lease.lost.is_set()
        assert await take(database, clock, "b") is None
    assert await take(database, clock, "b") is not None


async def _expiry(database: Database) -> object:
    async with database.read() as tx:
        return (await tx.execute(select(leases.LeaseRow.expires_at))).scalar()


async def test_holding_tells_when_it_was_lost(sqlite: Database, clock: MovableClock) -> None:
    async with Leases(sqlite, clock, holder="a").holding("job") as lease:
        async with sqlite.write() as tx:  # as if this process had been stopped for long
            await leases.acquire(tx, "job", "b", now=timedelta(days=1) + clock.now())
        clock.advance(LEASE_S / 3)
        await asyncio.wait_for(lease.lost.wait(), 10)


async def test_a_dead_process_of_this_machine_is_succeeded_at_once(
    database: Database, clock: MovableClock
) -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", "pass")
    await process.wait()
    dead = f"{socket.gethostname()}/{process.pid}/01J/01J"
    assert await take(database, clock, dead) is not None
    assert await take(database, clock, leases.new_holder()) is not None


async def test_a_living_process_and_one_elsewhere_are_not(database: Database, clock: MovableClock) -> None:
    living = f"{socket.gethostname()}/{os.getppid()}/01J/01J"
    elsewhere = f"another-host/{2**22 + 1}/01J/01J"
    for name, holder in (("x", living), ("y", elsewhere), ("z", leases.new_holder())):
        assert await take(database, clock, holder, name) is not None
        assert await take(database, clock, leases.new_holder(), name) is None


async def test_a_restart_with_the_same_process_id_succeeds_itself(
    sqlite: Database, clock: MovableClock
) -> None:
    former = f"{socket.gethostname()}/{os.getpid()}/an-earlier-process/01J"  # as in a restarted container
    assert await take(sqlite, clock, former) is not None
    assert await take(sqlite, clock, leases.new_holder()) is not None
