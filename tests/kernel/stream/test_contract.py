"""What every adapter of the Stream port must do; the same scenarios for each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path

import pytest

from services.kernel import journal
from services.kernel.clock import SystemClock
from services.kernel.database import Database
from services.kernel.journal.event import Event
from services.kernel.problems import TransientError
from services.kernel.stream import dead_letters
from services.kernel.stream.consumers import Consumer, consumers, resume
from services.kernel.stream.dead_letters import DeadLetter
from services.kernel.stream.flood import FloodGuard
from services.kernel.stream.journal import JournalStream
from services.kernel.stream.kafka_connection import KafkaConnection
from services.kernel.stream.kafka_stream import KafkaStream
from services.kernel.stream.port import Rejected, Stream
from services.migrations.tables import metadata
from tests.conftest import create_postgresql_database
from tests.eventually import eventually
from tests.kernel.stream.carriers import Carrier, some_topics
from tests.kernel.stream.effects import (
    FOLLOWED,
    HAPPENED,
    OTHER,
    Recorder,
    create_effects,
    effects,
    happen,
    poison,
)

ADAPTERS = [
    "journal-sqlite",
    "journal-postgresql",
    pytest.param("kafka-postgresql", marks=pytest.mark.kafka),
]


@pytest.fixture(params=ADAPTERS)
async def carrier(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Carrier]:
    """Each adapter on a database of its own; on Kafka with topics of its own."""
    adapter, _, kind = request.param.partition("-")
    brokers = request.getfixturevalue("kafka") if adapter == "kafka" else ""
    url = f"sqlite:///{tmp_path / 'liaison.db'}"
    if kind == "postgresql":
        url = await create_postgresql_database(request.getfixturevalue("postgresql"))
    database = Database(url)
    async with database.engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    await create_effects(database)
    topics = some_topics()
    types = {HAPPENED, FOLLOWED, OTHER}

    def new_stream() -> Stream:
        clock = SystemClock()
        if adapter == "journal":
            return JournalStream(database, clock)
        return KafkaStream(database, clock, KafkaConnection((brokers,)), topics=topics, types=types)

    yield Carrier(database, new_stream)
    await database.close()


async def all_handled(database: Database, values: Sequence[int], service: str = "recorder") -> None:
    """Wait until these are the effects of the service, each once."""

    async def are_there() -> bool:
        return sorted(await effects(database, service)) == sorted(values)

    await eventually(are_there)


async def letters(database: Database, state: str | None = dead_letters.OPEN) -> list[DeadLetter]:
    async with database.read() as tx:
        return await dead_letters.find(tx, state=state)


async def has_letters(database: Database, count: int) -> bool:
    return len(await letters(database)) == count


async def halted(database: Database) -> list[Consumer]:
    async with database.read() as tx:
        return [consumer for consumer in await consumers(tx) if consumer.state == "halted"]


def in_order_per_key(values: Sequence[int]) -> bool:
    """`happen` keys by value modulo 4 and appends in rising order."""
    return all([v for v in values if v % 4 == k] == sorted(v for v in values if v % 4 == k) for k in range(4))


async def test_every_event_is_handled_once_and_in_order_per_key(carrier: Carrier) -> None:
    await happen(carrier.database, range(20))
    async with carrier.carrying(Recorder(batch=7)) as stream:
        await all_handled(carrier.database, range(20))
        await happen(carrier.database, range(20, 40))
        await all_handled(carrier.database, range(40))

        async def caught_up() -> bool:
            return set((await stream.lag()).values()) == {0}

        await eventually(caught_up)
    assert in_order_per_key(await effects(carrier.database))


async def test_a_handler_gets_the_event_as_the_journal_has_it(carrier: Carrier) -> None:
    recorder = Recorder()
    event = journal.NewEvent(
        type=HAPPENED,
        subject="test/Ωμέγα",
        key="tst_ß",
        data={"value": 5, "share": 0.1, "large": 1e22, "words": ["naïve", "中"], "nothing": None},
        audience=frozenset({"org_a", "org_b"}),
        correlation_id="evt_before",
    )
    async with carrier.carrying(recorder):
        async with carrier.database.write() as tx:
            await journal.append(tx, [event], now=SystemClock().now())
        await all_handled(carrier.database, [5])
    async with carrier.database.read() as tx:
        assert recorder.seen == [await journal.read(tx, after=0, limit=10)]


async def test_a_service_gets_its_types_and_no_others(carrier: Carrier) -> None:
    recorder = Recorder()
    async with carrier.carrying(recorder):
        await happen(carrier.database, range(100, 150), kind=OTHER)
        await happen(carrier.database, [1])
        await happen(carrier.database, range(150, 160), kind=OTHER)
        await happen(carrier.database, [2])
        await all_handled(carrier.database, [1, 2])
    assert set(recorder.tries) == {1, 2}


async def test_poison_goes_to_the_dead_letters_with_its_reason_and_the_others_go_on(carrier: Carrier) -> None:
    ids = await happen(carrier.database, range(12))
    async with carrier.carrying(Recorder(fails=poison(3))):
        await all_handled(carrier.database, [v for v in range(12) if v != 3])
        (letter,) = await eventually(lambda: letters(carrier.database))
    assert letter.event_id == ids[3]
    assert letter.service == "recorder"
    assert letter.type == "liaison.test.happened.v1"
    assert letter.position == 4
    assert letter.reason == "ValueError: cannot stomach test/3"
    assert letter.tries == 4
    assert "effects.py" in letter.trace
    assert "raise" not in letter.trace
    assert in_order_per_key(await effects(carrier.database))


async def test_what_fails_inside_the_transaction_leaves_nothing_behind(carrier: Carrier) -> None:
    await happen(carrier.database, range(6))
    async with carrier.carrying(Recorder(fails_inside=poison(2), emits=FOLLOWED)):
        await all_handled(carrier.database, [0, 1, 3, 4, 5])
        (letter,) = await eventually(lambda: letters(carrier.database))
    assert letter.reason == "ValueError: cannot stomach test/2"


async def test_a_rejected_event_is_not_tried_again(carrier: Carrier) -> None:
    def reject(events: Sequence[Event]) -> None:
        if any(event.data["value"] == 1 for event in events):
            raise Rejected("the deadline is in the past")

    recorder = Recorder(fails=reject, batch=1)
    await happen(carrier.database, range(3))
    async with carrier.carrying(recorder):
        await all_handled(carrier.database, [0, 2])
        (letter,) = await eventually(lambda: letters(carrier.database))
    assert (letter.reason, letter.tries, recorder.tries[1]) == ("the deadline is in the past", 1, 1)


async def test_an_outage_is_waited_through_without_dead_letters(carrier: Carrier) -> None:
    is_down = True
    tries = 0

    def down(events: Sequence[Event]) -> None:
        nonlocal tries
        tries += 1
        if is_down:
            raise TransientError("the vector store does not answer")

    await happen(carrier.database, range(8))
    async with carrier.carrying(Recorder(fails=down)):
        await eventually(lambda: tries > 12)  # far more than an error would be granted
        assert await effects(carrier.database) == []
        is_down = False
        await all_handled(carrier.database, range(8))
        assert await letters(carrier.database, state=None) == []


async def test_a_flood_halts_the_consumer_and_nothing_of_it_is_lost(carrier: Carrier) -> None:
    recorder = Recorder(fails=poison(*range(5, 100)))
    await happen(carrier.database, range(30))
    async with carrier.carrying(recorder, flood=lambda: FloodGuard(limit=3)):
        (consumer,) = await eventually(lambda: halted(carrier.database))
        assert consumer.service == "recorder"
        assert "more than 3 of the last 100 events failed" in consumer.reason
        assert "cannot stomach test/" in consumer.reason
        assert len(await letters(carrier.database)) == 3

        recorder.fails = lambda events: None  # mended
        async with carrier.database.write() as tx:
            await resume(tx, "recorder", now=SystemClock().now())
            await dead_letters.redrive_all(tx, "recorder", now=SystemClock().now())
        await all_handled(carrier.database, range(30))
        assert len(await letters(carrier.database, state=dead_letters.REDRIVEN)) == 3


async def test_a_halted_consumer_stays_halted_over_a_restart(carrier: Carrier) -> None:
    await happen(carrier.database, range(30))
    async with carrier.carrying(Recorder(fails=poison(*range(30))), flood=lambda: FloodGuard(limit=2)):
        await eventually(lambda: halted(carrier.database))
    recorder = Recorder("recorder")
    bystander = Recorder("bystander")
    async with carrier.carrying(recorder, bystander):
        await all_handled(carrier.database, range(30), "bystander")
        assert await effects(carrier.database) == []
        async with carrier.database.write() as tx:
            await resume(tx, "recorder", now=SystemClock().now())
        handled_or_aside = 30 - len(await letters(carrier.database))

        async def went_on() -> bool:
            return len(await effects(carrier.database)) == handled_or_aside

        await eventually(went_on)


async def test_redrive_hands_exactly_that_event_over_again(carrier: Carrier) -> None:
    recorder = Recorder(fails=poison(2, 7))
    await happen(carrier.database, range(10))
    async with carrier.carrying(recorder):
        await all_handled(carrier.database, [v for v in range(10) if v not in {2, 7}])
        await eventually(partial(has_letters, carrier.database, 2))
        first, second = sorted(await letters(carrier.database), key=lambda letter: letter.reason)
        recorder.fails = poison(7)
        recorder.seen.clear()
        async with carrier.database.write() as tx:
            await dead_letters.redrive(tx, first.id, now=SystemClock().now())
        (redriven,) = await eventually(lambda: letters(carrier.database, dead_letters.REDRIVEN))
        assert redriven.id == first.id
        assert redriven.resolved_at is not None
        assert [[e.data["value"] for e in batch] for batch in recorder.seen] == [[2]]

        async with carrier.database.write() as tx:
            await dead_letters.redrive(tx, second.id, now=SystemClock().now())

        async def tried_again() -> bool:
            (letter,) = await letters(carrier.database)
            return letter.tries == 8 and letter.redrive_requested_at is None

        await eventually(tried_again)
        await all_handled(carrier.database, [v for v in range(10) if v != 7])


async def test_a_new_instance_goes_on_where_the_last_one_stopped(carrier: Carrier) -> None:
    await happen(carrier.database, range(10))
    async with carrier.carrying(Recorder()):
        await all_handled(carrier.database, range(10))
    await happen(carrier.database, range(10, 15))
    second = Recorder()
    async with carrier.carrying(second):
        await all_handled(carrier.database, range(15))
    assert in_order_per_key(await effects(carrier.database))


async def test_a_batch_that_fails_is_handled_one_by_one(carrier: Carrier) -> None:
    recorder = Recorder(fails=poison(4), batch=5)
    await happen(carrier.database, range(10))
    async with carrier.carrying(recorder):
        await all_handled(carrier.database, [v for v in range(10) if v != 4])
        await eventually(lambda: letters(carrier.database))
    assert recorder.tries[4] <= 2 + 4
    alone = [batch[0].data["value"] for batch in recorder.seen if len(batch) == 1]
    assert 4 in alone


async def test_what_a_handler_emits_reaches_the_next_handler(carrier: Carrier) -> None:
    first = Recorder("first", emits=FOLLOWED)
    second = Recorder("second", consumes=frozenset({FOLLOWED}))
    async with carrier.carrying(first, second):
        await happen(carrier.database, range(25))
        await all_handled(carrier.database, range(25), "first")
        await all_handled(carrier.database, range(25), "second")
    assert in_order_per_key(await effects(carrier.database, "second"))
