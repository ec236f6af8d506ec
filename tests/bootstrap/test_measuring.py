"""What waits is measured in the database, so that it shows while those who should do the work are dead."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert, update

from services.bootstrap.measuring import keep_measuring, measure
from services.courier.model import OFF, EndpointRow
from services.kernel import journal
from services.kernel.database import Database
from services.kernel.metrics import REGISTRY
from services.kernel.stream import dead_letters
from services.kernel.stream.failure import Failure
from services.notification.model import CollectedRow, DigestRow
from tests.conftest import MovableClock
from tests.courier.desk import Desk
from tests.eventually import eventually
from tests.kernel.journal.test_journal import an_event, append

URL = "https://receiver.example.org/"
ENDPOINTS: Any = EndpointRow.__table__


def value(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)


async def test_webhooks_that_nobody_delivers_show_their_age(
    database: Database, clock: MovableClock, tmp_path: Path
) -> None:
    desk = Desk(database, clock)
    serving, off = [(await desk.endpoint(URL)).id for _ in range(2)]
    async with database.write() as tx:
        await tx.execute(update(ENDPOINTS).where(ENDPOINTS.c.id == off).values(state=OFF))
    await desk.post(off, 1)
    clock.advance(1_000)
    await desk.post(serving, 2)
    clock.advance(90)
    await measure(database, clock, tmp_path, {})
    assert value("liaison_courier_oldest_due_seconds") == 90
    assert value("liaison_courier_messages_due") == 3
    assert value("liaison_courier_endpoints_off") == 1


async def test_a_digest_that_is_late_shows_its_age(
    sqlite: Database, clock: MovableClock, tmp_path: Path
) -> None:
    now = clock.now()
    row = {"event": "evt_1", "thread": "event:evt_1", "stance": "keeps", "position": 1, "item": {}}
    async with sqlite.write() as tx:
        for name, due_at in (("sub_1", now), ("sub_2", now + timedelta(days=1)), ("sub_3", None)):
            await tx.execute(insert(DigestRow).values(subscription=name, since=now, due_at=due_at))
            await tx.execute(insert(CollectedRow).values(subscription=name, **row))
    clock.advance(120)
    await measure(sqlite, clock, tmp_path, {})
    assert value("liaison_digest_events_waiting") == 3
    assert value("liaison_digest_overdue_seconds") == 120


async def test_entries_without_a_position_show_their_age(
    database: Database, clock: MovableClock, tmp_path: Path
) -> None:
    async with database.write() as tx:
        await journal.append(tx, [an_event(1), an_event(2)], now=clock.now())
    clock.advance(40)
    await measure(database, clock, tmp_path, {})
    waiting = (
        value("liaison_journal_unsequenced_entries"),
        value("liaison_journal_unsequenced_oldest_seconds"),
    )
    assert waiting == ((0, 0) if database.is_serial else (2, 40))
    await append(database, clock)
    await measure(database, clock, tmp_path, {})
    assert value("liaison_journal_unsequenced_oldest_seconds") == 0


async def test_what_the_relay_has_not_published_shows_without_a_relay_and_without_kafka(
    sqlite: Database, clock: MovableClock, tmp_path: Path
) -> None:
    await append(sqlite, clock, an_event(1), an_event(2))
    await measure(sqlite, clock, tmp_path, {"relay": {an_event(1).type}})
    assert value("liaison_stream_lag_events", service="relay") == 2


async def test_a_dead_letter_counts_until_somebody_has_dealt_with_it(
    database: Database, clock: MovableClock, tmp_path: Path
) -> None:
    await append(database, clock, an_event(1))
    failure = Failure(reason="it does not parse", trace="", tries=3)
    async with database.write() as tx:
        (event,) = await journal.read(tx, after=0, limit=1)
        letter = await dead_letters.add(tx, "matching", event, failure, now=clock.now(), message=None)
    await measure(database, clock, tmp_path, {})
    assert value("liaison_dead_letters_open", service="matching") == 1
    async with database.write() as tx:
        await dead_letters.discard(tx, letter, "a test", now=clock.now())
    await measure(database, clock, tmp_path, {})
    assert value("liaison_dead_letters_open", service="matching") is None


async def test_the_disk_is_measured_where_something_is_kept_on_it(
    sqlite: Database, clock: MovableClock, tmp_path: Path
) -> None:
    await measure(sqlite, clock, tmp_path / "not made yet", {})
    await measure(sqlite, clock, tmp_path, {})
    free, size = value("liaison_data_disk_free_bytes"), value("liaison_data_disk_size_bytes")
    assert free is not None
    assert size is not None
    assert 0 < free < size


async def test_an_outage_of_the_database_is_waited_through(clock: MovableClock, tmp_path: Path) -> None:
    away = Database("postgresql://liaison:none@127.0.0.1:1/liaison")
    measuring = asyncio.create_task(keep_measuring(away, clock, tmp_path, {}))
    try:
        for _ in range(2):
            await eventually(lambda: clock.sleepers or measuring.done())
            assert not measuring.done()
            clock.advance(60)
    finally:
        measuring.cancel()
        await asyncio.gather(measuring, return_exceptions=True)
        await away.close()
