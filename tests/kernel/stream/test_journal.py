"""What is the journal adapter's own: shared by processes, cut connections, foreign entries."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from sqlalchemy import select

from services.kernel import journal
from services.kernel.clock import SystemClock
from services.kernel.database import Database
from services.kernel.journal.event import Event
from services.kernel.problems import TransientError
from services.kernel.stream import journal as adapter
from services.kernel.stream.journal import JournalStream
from services.kernel.stream.model import Cursor
from services.kernel.stream.progress import InboxProgress
from services.kernel.stream.refill import refill
from tests.eventually import eventually
from tests.kernel.journal.test_sequencer import cut
from tests.kernel.stream.carriers import Carrier
from tests.kernel.stream.effects import FOLLOWED, HAPPENED, OTHER, Recorder, create_effects, effects, happen


def a_carrier(database: Database) -> Carrier:
    return Carrier(database, lambda: JournalStream(database, SystemClock()))


async def has_effects(database: Database, count: int, service: str = "recorder") -> bool:
    return len(await effects(database, service)) >= count


async def test_two_processes_share_a_service_and_one_succeeds_the_other(database: Database) -> None:
    await create_effects(database)
    other = Database(database.url.render_as_string(hide_password=False))
    one, two = Recorder(batch=3), Recorder(batch=3)
    async with a_carrier(other).carrying(two):
        async with a_carrier(database).carrying(one):
            await happen(database, range(30))
            await eventually(lambda: has_effects(database, 30))
            assert not (one.seen and two.seen)
        await happen(database, range(30, 40))
        await eventually(lambda: has_effects(database, 40))
        await happen(other, range(40, 50))
        await eventually(lambda: has_effects(database, 50))
    assert await effects(database) == list(range(50))
    await other.close()


async def test_foreign_entries_are_passed_over_and_stay_so(database: Database) -> None:
    await create_effects(database)

    async def cursor() -> int:
        async with database.read() as tx:
            return (
                await tx.execute(select(Cursor.position).where(Cursor.service == "recorder"))
            ).scalar() or 0

    async with a_carrier(database).carrying(Recorder()):
        for start in range(0, 2_000, 500):
            await happen(database, range(start, start + 500), kind=OTHER)

        async def has_moved() -> bool:
            return await cursor() > adapter.SKIP

        await eventually(has_moved)
        await happen(database, [1])
        await eventually(lambda: has_effects(database, 1))
    assert await cursor() == 2_001


async def test_cut_connections_cost_nothing(database: Database) -> None:
    await create_effects(database)
    async with a_carrier(database).carrying(Recorder(batch=2)):
        for round_ in range(5):
            await happen(database, range(round_ * 10, round_ * 10 + 10))
            if not database.is_serial:
                await cut(database)
            await eventually(partial(has_effects, database, round_ * 10 + 10))
    assert await effects(database) == list(range(50))


async def test_lag_counts_what_waits_for_the_service(sqlite: Database) -> None:
    await create_effects(sqlite)
    await happen(sqlite, range(7))
    await happen(sqlite, range(9), kind=OTHER)

    def down(events: Sequence[Event]) -> None:
        raise TransientError("down")

    blocked = Recorder(fails=down)
    async with a_carrier(sqlite).carrying(blocked) as stream:
        await eventually(lambda: blocked.seen)
        assert await stream.lag() == {"recorder": 7}


async def test_the_relay_goes_back_to_what_a_service_has_not_done_and_no_further(sqlite: Database) -> None:
    """As after a restore: "matching" was four events behind, and what the memory has lost counts as done."""
    await create_effects(sqlite)
    now, month = SystemClock().now(), timedelta(days=28)
    await happen(sqlite, range(5), now=now - 2 * month)
    await happen(sqlite, range(5, 15), now=now)
    await happen(sqlite, [15], kind=OTHER, now=now)
    consumed = {"indexing": {HAPPENED}, "matching": {HAPPENED, FOLLOWED}}
    relay = Recorder("relay", consumes=frozenset({HAPPENED, OTHER}))
    async with a_carrier(sqlite).carrying(relay):
        await eventually(lambda: has_effects(sqlite, 16, "relay"))
        async with sqlite.write() as tx:
            young = await journal.read(tx, after=5, limit=20)
            for service, done in (("indexing", young[:10]), ("matching", young[:6])):
                await InboxProgress(sqlite, service, SystemClock()).mark(tx, done)
        async with sqlite.write() as tx:
            found = await refill(tx, consumed, now=now, remembered=month)
        assert (found.former, found.position, found.first_undone) == (16, 11, {"matching": 12})
        await happen(sqlite, [16], now=now)
        await eventually(lambda: has_effects(sqlite, 16 + 6, "relay"))
    assert (await effects(sqlite, "relay"))[16:] == list(range(11, 17))
    async with sqlite.write() as tx:
        assert (await refill(tx, consumed, now=now, remembered=month, after=99)).position == 17
        assert (await refill(tx, consumed, now=now, remembered=month, after=0)).position == 0
