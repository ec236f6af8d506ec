"""A handler that has something to write before it is through: fenced, and done once."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.kernel import journal
from services.kernel.database import Database
from services.kernel.journal.event import Event
from services.kernel.leases import LeaseLost, Leases
from services.kernel.stream import dead_letters
from services.kernel.stream.port import Plan, Step
from services.kernel.stream.processor import Processor, Retries
from services.kernel.stream.progress import CursorProgress, InboxProgress, Progress
from tests.conftest import MovableClock
from tests.kernel.stream.effects import EFFECTS, Recorder, create_effects, effects, happen

FIRST = 100
"""Added to the value of what is written first."""


class InTwoSteps(Recorder):
    """Writes the first effect once, however often it is asked, then looks around, then writes the second."""

    def __init__(self, database: Database, *, rest_fails: int = 0) -> None:
        super().__init__()
        self.database = database
        self.rest_fails = rest_fails
        self.seen_in_between: list[list[int]] = []

    async def prepare(self, events: Sequence[Event]) -> Step:  # type: ignore[override]
        last = await super().prepare(events)
        known = await effects(self.database)

        async def first(tx: AsyncSession) -> None:
            for event in events:
                value = event.data["value"] + FIRST
                if value not in known:
                    row = {"service": self.name, "event_id": event.id, "key": event.key, "value": value}
                    await tx.execute(insert(EFFECTS), [row])

        async def rest() -> Plan:
            self.seen_in_between.append(await effects(self.database))
            if self.rest_fails:
                self.rest_fails -= 1
                raise ValueError("cut short")
            return last

        return Step(first, rest)


async def one_event(database: Database, clock: MovableClock) -> list[Event]:
    await create_effects(database)
    await happen(database, [7], now=clock.now())
    if not database.is_serial:
        async with database.write() as tx:
            await journal.sequence(tx)
    async with database.read() as tx:
        return await journal.read(tx, after=0, limit=10)


async def progress_of(kind: str, database: Database, clock: MovableClock) -> Progress:
    if kind == "inbox":
        return InboxProgress(database, "recorder", clock)
    lease = await Leases(database, clock).acquire("stream.recorder")
    assert lease is not None
    return await CursorProgress.open(database, "recorder", lease)


@pytest.mark.parametrize("kind", ["cursor", "inbox"])
async def test_the_first_step_is_there_before_the_rest_is_computed(
    database: Database, clock: MovableClock, kind: str
) -> None:
    events = await one_event(database, clock)
    progress = await progress_of(kind, database, clock)
    handler = InTwoSteps(database)
    await Processor(handler, database, clock).process(events, progress)

    assert handler.seen_in_between == [[107]]
    assert await effects(database) == [107, 7]
    assert not await progress.fresh(events)


@pytest.mark.parametrize("kind", ["cursor", "inbox"])
async def test_when_the_rest_fails_the_events_are_not_done(
    sqlite: Database, clock: MovableClock, kind: str
) -> None:
    events = await one_event(sqlite, clock)
    progress = await progress_of(kind, sqlite, clock)
    handler = InTwoSteps(sqlite, rest_fails=1)
    processor = Processor(handler, sqlite, clock)
    with pytest.raises(ValueError, match="cut short"):
        await processor._handle(events, progress)
    assert await effects(sqlite) == [107]
    assert await progress.fresh(events) == events

    await processor.process(events, progress)
    assert await effects(sqlite) == [107, 7], "what was written first is found, and not written again"


async def test_who_was_superseded_writes_not_even_the_first_step(
    database: Database, clock: MovableClock
) -> None:
    events = await one_event(database, clock)
    old = await progress_of("cursor", database, clock)
    clock.advance(60)
    new = await Leases(database, clock, holder="b").acquire("stream.recorder")
    assert new is not None
    await CursorProgress.open(database, "recorder", new)

    with pytest.raises(LeaseLost):
        await Processor(InTwoSteps(database), database, clock).process(events, old)
    assert await effects(database) == []


async def test_an_event_done_elsewhere_has_no_first_step(sqlite: Database, clock: MovableClock) -> None:
    events = await one_event(sqlite, clock)

    class Overtaken(InTwoSteps):
        async def prepare(self, events: Sequence[Event]) -> Step:  # type: ignore[override]
            step = await super().prepare(events)
            async with sqlite.write() as tx:  # another worker, a moment earlier
                await InboxProgress(sqlite, "recorder", clock).mark(tx, events)
            return step

    await Processor(Overtaken(sqlite), sqlite, clock).process(
        events, InboxProgress(sqlite, "recorder", clock)
    )
    assert await effects(sqlite) == []


async def test_a_dead_letter_is_redriven_in_two_steps(sqlite: Database, clock: MovableClock) -> None:
    events = await one_event(sqlite, clock)
    handler = InTwoSteps(sqlite, rest_fails=1)
    progress = InboxProgress(sqlite, "recorder", clock)
    processor = Processor(handler, sqlite, clock, retries=Retries(single_tries=1))
    await processor.process(events, progress)
    async with sqlite.write() as tx:
        (letter,) = await dead_letters.find(tx, service="recorder")
        await dead_letters.redrive(tx, letter.id, now=clock.now())

    assert await processor.redrive(letter.id)
    assert await effects(sqlite) == [107, 7]
