"""Following the journal: the same answers from memory and from the database, and a bell for news."""

from __future__ import annotations

import asyncio

import pytest

from services.kernel import journal
from services.kernel.clock import SystemClock
from services.kernel.database import Database
from services.kernel.journal.event import Event
from services.kernel.journal.tail import NEWS, Tail
from tests.conftest import MovableClock
from tests.kernel.journal.test_journal import an_event, append


def of_type(number: int, kind: str) -> journal.NewEvent:
    return journal.NewEvent(type=kind, subject=f"test/{number}", key="k", data={"number": number})


def numbers(events: list[Event]) -> list[int]:
    return [event.data["number"] for event in events]


@pytest.mark.parametrize("keep", [1, 3, 100])
async def test_every_reader_gets_its_types_in_order_wherever_it_is(
    database: Database, clock: MovableClock, keep: int
) -> None:
    tail = Tail(database, SystemClock(), keep=keep)
    kinds = ["a", "b", "a", "c", "a", "a", "b", "c", "c", "a"]
    await append(database, clock, *(of_type(n, kind) for n, kind in enumerate(kinds[:4])))
    await tail.look()
    for n, kind in enumerate(kinds[4:], start=4):
        await append(database, clock, of_type(n, kind))
        await tail.look()
    for types in (None, {"a"}, {"b", "c"}, {"none"}):
        wanted = [n for n, kind in enumerate(kinds) if types is None or kind in types]
        for after in range(len(kinds) + 1):
            for limit in (1, 2, 50):
                events, scanned = await tail.read(after=after, limit=limit, types=types)
                expected = [n for n in wanted if n >= after][:limit]
                assert numbers(events) == expected
                assert scanned == (expected[-1] + 1 if len(expected) == limit else len(kinds))


async def test_the_bell_rings_for_news(sqlite: Database, clock: MovableClock) -> None:
    tail = Tail(sqlite, SystemClock())
    following = asyncio.create_task(tail.run())
    try:
        token = tail.bell.token(NEWS)
        assert not await tail.bell.wait(NEWS, token, 0)
        await append(sqlite, clock, an_event(1))
        assert await tail.bell.wait(NEWS, token, 20)
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
