"""Looking at dead letters and deciding about them."""

from __future__ import annotations

import pytest

from services.kernel import journal
from services.kernel.database import Database
from services.kernel.problems import Conflict, NotFound
from services.kernel.stream import dead_letters
from services.kernel.stream.failure import Failure
from tests.conftest import MovableClock
from tests.kernel.stream.effects import happen

FAILURE = Failure(reason="ValueError: no", trace="a.py:1 f", tries=4)


async def bury(database: Database, clock: MovableClock, *services: str) -> list[str]:
    await happen(database, range(len(services)), now=clock.now())
    if not database.is_serial:
        async with database.write() as tx:
            await journal.sequence(tx)
    async with database.write() as tx:
        events = await journal.read(tx, after=0, limit=10)
        return [
            await dead_letters.add(tx, service, event, FAILURE, now=clock.now(), message=None)
            for service, event in zip(services, events, strict=True)
        ]


async def test_they_are_listed_by_service_and_state_and_counted(
    database: Database, clock: MovableClock
) -> None:
    ids = await bury(database, clock, "matching", "indexing", "matching")
    async with database.write() as tx:
        await dead_letters.discard(tx, ids[0], "a test entry", now=clock.now())
    async with database.read() as tx:
        assert [letter.id for letter in await dead_letters.find(tx)] == ids[1:]
        assert [letter.id for letter in await dead_letters.find(tx, service="matching")] == [ids[2]]
        assert [letter.id for letter in await dead_letters.find(tx, state=None, limit=2)] == ids[:2]
        assert [letter.id for letter in await dead_letters.find(tx, state=None, after=ids[1])] == [ids[2]]
        assert await dead_letters.count(tx) == {"matching": 1, "indexing": 1}
        shown = await dead_letters.show(tx, ids[0])
    assert (shown.state, shown.resolution, shown.resolved_at) == ("discarded", "a test entry", clock.now())


async def test_what_is_resolved_cannot_be_redriven(database: Database, clock: MovableClock) -> None:
    (letter,) = await bury(database, clock, "matching")
    async with database.write() as tx:
        await dead_letters.discard(tx, letter, "wrong", now=clock.now())

    async def redrive(which: str) -> None:
        async with database.write() as tx:
            await dead_letters.redrive(tx, which, now=clock.now())

    with pytest.raises(Conflict, match="discarded already"):
        await redrive(letter)
    with pytest.raises(NotFound, match="no dead letter"):
        await redrive("ded_unknown")


async def test_redriving_all_asks_for_the_open_ones_of_that_service(
    database: Database, clock: MovableClock
) -> None:
    ids = await bury(database, clock, "matching", "indexing", "matching", "matching")
    async with database.write() as tx:
        await dead_letters.discard(tx, ids[2], "wrong", now=clock.now())
        assert await dead_letters.redrive_all(tx, "matching", now=clock.now()) == 2
    async with database.read() as tx:
        assert await dead_letters.requested(tx) == {"matching": [ids[0], ids[3]]}
