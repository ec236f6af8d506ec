"""The journal on both databases: order, slices, and a chain that shows every tampering."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text

from services.kernel import journal
from services.kernel.database import Database
from services.kernel.journal.reading import verify
from tests.conftest import MovableClock


def an_event(
    number: int, *, audience: frozenset[str] = frozenset(), public: bool = False
) -> journal.NewEvent:
    return journal.NewEvent(
        type="liaison.test.happened.v1",
        subject=f"test/{number}",
        key=f"test_{number % 3}",
        data={"number": number, "share": 0.1 * number, "words": ["naïve", "Ωμέγα"], "large": 1e22},
        audience=audience,
        public=public,
    )


async def append(database: Database, clock: MovableClock, *events: journal.NewEvent) -> None:
    async with database.write() as tx:
        await journal.append(tx, events, now=clock.now())
    if not database.is_serial:
        async with database.write() as tx:
            await journal.sequence(tx)


async def test_positions_are_gapless_and_events_come_back_as_written(
    database: Database, clock: MovableClock
) -> None:
    await append(database, clock, *(an_event(n) for n in range(5)))
    await append(database, clock, an_event(5))
    async with database.read() as tx:
        events = await journal.read(tx, after=0, limit=10)
        assert await journal.head(tx) == 6
    assert [event.position for event in events] == [1, 2, 3, 4, 5, 6]
    assert [event.data["number"] for event in events] == [0, 1, 2, 3, 4, 5]
    assert events[3].data["words"] == ["naïve", "Ωμέγα"]
    assert events[0].time == clock.now()
    assert events[0].correlation_id == events[0].id


async def test_an_organisation_reads_its_own_slice_and_what_is_public(
    database: Database, clock: MovableClock
) -> None:
    await append(
        database,
        clock,
        an_event(0, audience=frozenset({"org_a"})),
        an_event(1, audience=frozenset({"org_a", "org_b"})),
        an_event(2, public=True),
        an_event(3),
    )
    async with database.read() as tx:
        seen = {
            reader: [
                event.data["number"] for event in await journal.read(tx, after=0, limit=9, reader=reader)
            ]
            for reader in ("org_a", "org_b", "org_c")
        }
    assert seen == {"org_a": [0, 1, 2], "org_b": [1, 2], "org_c": [2]}


async def test_a_transaction_that_fails_leaves_no_event(database: Database, clock: MovableClock) -> None:
    async def announce_and_fail() -> None:
        async with database.write() as tx:
            await journal.append(tx, [an_event(1)], now=clock.now())
            raise RuntimeError("the effect failed")

    with pytest.raises(RuntimeError):
        await announce_and_fail()
    await append(database, clock, an_event(2))
    async with database.read() as tx:
        events = await journal.read(tx, after=0, limit=10)
    assert [(event.position, event.data["number"]) for event in events] == [(1, 2)]


async def test_concurrent_writers_leave_one_unbroken_chain(database: Database, clock: MovableClock) -> None:
    await asyncio.gather(*(append_only(database, clock, n) for n in range(30)))
    if not database.is_serial:
        async with database.write() as tx:
            assert await journal.sequence(tx) == 30
    async with database.read() as tx:
        verdict = await verify(tx)
    assert (verdict.entries, verdict.broken_at) == (30, None)


async def append_only(database: Database, clock: MovableClock, number: int) -> None:
    async with database.write() as tx:
        await journal.append(tx, [an_event(number)], now=clock.now())


@pytest.mark.parametrize(
    ("tamper", "broken_at"),
    [
        ("UPDATE journal SET data = '{\"number\": 99}' WHERE position = 4", 4),
        ("UPDATE journal SET public = true WHERE position = 2", 2),
        ("DELETE FROM journal WHERE position = 3", 3),
        ("UPDATE journal SET position = CASE position WHEN 2 THEN -5 ELSE 2 END WHERE position IN (2, 5)", 2),
    ],
)
async def test_tampering_is_found_at_its_place(
    database: Database, clock: MovableClock, tamper: str, broken_at: int
) -> None:
    await append(database, clock, *(an_event(n) for n in range(6)))
    async with database.write() as tx:
        if "CASE" in tamper:  # one row at a time: positions are unique
            await tx.execute(text("UPDATE journal SET position = -5 WHERE position = 2"))
            await tx.execute(text("UPDATE journal SET position = 2 WHERE position = 5"))
        else:
            await tx.execute(text(tamper))
    async with database.read() as tx:
        verdict = await verify(tx)
    assert verdict.broken_at == broken_at


async def test_a_wake_up_is_given_after_the_commit_and_only_then(
    sqlite: Database, clock: MovableClock
) -> None:
    token = sqlite.wakeups.token("journal")
    async with sqlite.write() as tx:
        await journal.append(tx, [an_event(1)], now=clock.now())
        assert not await sqlite.wakeups.wait("journal", token, 0)
    assert await sqlite.wakeups.wait("journal", token, 0)
