"""What is Kafka's own: the inbox, several workers, a broker that dies, messages that do not fit."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import orjson
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from services.kernel import journal, metrics
from services.kernel.clock import SystemClock
from services.kernel.database import Database
from services.kernel.identifiers import new_id
from services.kernel.leases import LEASE_S
from services.kernel.problems import TransientError
from services.kernel.stream import dead_letters, kafka_stream
from services.kernel.stream.dead_letters import DeadLetter
from services.kernel.stream.kafka_connection import MESSAGE_BYTES, KafkaConnection
from services.kernel.stream.kafka_records import Record
from services.kernel.stream.kafka_stream import KafkaStream
from services.kernel.stream.kafka_topics import Topics
from services.kernel.stream.port import Handler, Stream
from services.kernel.stream.progress import InboxProgress
from services.kernel.stream.refill import refill
from tests.eventually import eventually
from tests.kafka_broker import PASSWORD, USER, Addresses, Broker, kafka_home
from tests.kernel.stream.carriers import Carrier, some_topics
from tests.kernel.stream.effects import (
    FOLLOWED,
    HAPPENED,
    Inbox,
    Recorder,
    create_effects,
    effects,
    happen,
)

pytestmark = pytest.mark.kafka

LOG_APPEND_TIME = 1
"""In Kafka's protocol: the broker has stamped the message, not its sender."""


@pytest.fixture
def topics() -> Topics:
    return some_topics()


@pytest.fixture
async def database(sqlite: Database) -> Database:
    await create_effects(sqlite)
    return sqlite


def a_carrier(
    database: Database, kafka: str, topics: Topics, *, inbox: Handler | None = None, relays: bool = True
) -> Carrier:
    types = {HAPPENED, FOLLOWED}
    connection = KafkaConnection((kafka,))
    return Carrier(
        database,
        lambda: KafkaStream(
            database, SystemClock(), connection, topics=topics, types=types, inbox=inbox, relays=relays
        ),
    )


@asynccontextmanager
async def producing(kafka: str) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(bootstrap_servers=kafka, max_request_size=2 * MESSAGE_BYTES)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


@asynccontextmanager
async def administering(kafka: str) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


async def is_published(stream: Stream) -> bool:
    return (await stream.lag()).get("relay") == 0


async def is_gone(admin: AIOKafkaAdminClient, topic: str) -> bool:
    return topic not in await admin.list_topics()


async def has_effects(database: Database, count: int, service: str = "recorder") -> bool:
    return len(await effects(database, service)) >= count


async def letters(database: Database, state: str | None = dead_letters.OPEN) -> list[DeadLetter]:
    async with database.read() as tx:
        return await dead_letters.find(tx, state=state)


async def has_letters(database: Database, count: int, state: str = dead_letters.OPEN) -> bool:
    return len(await letters(database, state)) == count


def a_submission(**changes: Any) -> dict[str, Any]:
    """A CloudEvent in structured mode, as a cluster's own system would send it."""
    envelope = {
        "specversion": "1.0",
        "id": uuid4().hex,
        "source": "https://cluster.example/profiles",
        "type": "liaison.company.submitted.v1",
        "time": "2026-11-21T09:00:00Z",
        "data": {
            "organisation": new_id("org"),
            "idempotency_key": "k1",
            "company": {
                "name": "Cryo Systems",
                "country": "FI",
                "capabilities": [{"id": "c1", "text": "Cryogenic valves for liquid helium down to 2 K"}],
            },
        },
    }
    return envelope | changes


async def test_what_is_handed_in_reaches_the_handler_once(
    database: Database, kafka: str, topics: Topics
) -> None:
    inbox = Inbox()
    structured = a_submission()
    binary = a_submission()
    async with (
        producing(kafka) as producer,
        a_carrier(database, kafka, topics, inbox=inbox).carrying(),
    ):
        await wait_for_topic(kafka, topics.inbox)
        for _ in range(2):  # the same twice, as an impatient sender does
            await producer.send_and_wait(topics.inbox, orjson.dumps(structured))
            await producer.send_and_wait(
                topics.inbox,
                orjson.dumps(binary["data"]),
                headers=[
                    (f"ce_{name}", binary[name].encode()) for name in ("specversion", "id", "source", "type")
                ],
            )
        await eventually(lambda: len(inbox.taken) == 2)
        await producer.send_and_wait(topics.inbox, orjson.dumps(a_submission()))
        await eventually(lambda: len(inbox.taken) == 3)
    assert await letters(database, None) == []
    event = next(event for event in inbox.taken if event.id.endswith(structured["id"]))
    assert event.data == structured["data"]
    assert event.position == 0
    assert event.time.isoformat() == "2026-11-21T09:00:00+00:00"


WRONG: list[tuple[bytes, str]] = [
    (b"\x80\x04\x95 pickled", "the message is not JSON in UTF-8"),
    (b"", "the message is empty"),
    (b"[1, 2]", "the message is no JSON object"),
    (b'{"hello": "world"}', "not a CloudEvent 1.0"),
    (
        orjson.dumps(a_submission(type="liaison.company.renamed.v1")),
        "the type 'liaison.company.renamed.v1' is not taken in here",
    ),
    (orjson.dumps(a_submission(data={"organisation": "me"})), "the data is not valid"),
    (orjson.dumps(a_submission(specversion="0.3")), "not a CloudEvent 1.0"),
]


async def test_wrong_messages_go_to_the_dead_letters_with_their_reason_and_hold_up_nobody(
    database: Database, kafka: str, topics: Topics
) -> None:
    inbox = Inbox()
    async with (
        producing(kafka) as producer,
        a_carrier(database, kafka, topics, inbox=inbox).carrying(),
    ):
        await wait_for_topic(kafka, topics.inbox)
        for _ in range(3):  # more than a flood of ours would be: it is the sender's fault, nobody is halted
            for value, _ in WRONG:
                await producer.send_and_wait(topics.inbox, value, partition=0)
        await producer.send_and_wait(topics.inbox, orjson.dumps(a_submission()), partition=0)
        await eventually(lambda: inbox.taken)
        await eventually(partial(has_letters, database, 3 * len(WRONG)))
    found = await letters(database)
    reasons = [letter.reason for letter in found]
    assert all(
        reason.startswith(expected)
        for reason, (_, expected) in zip(sorted(reasons), sorted(WRONG * 3, key=lambda w: w[1]), strict=True)
    ), reasons
    assert {letter.service for letter in found} == {"inbox"}
    assert all(letter.event_id.startswith(topics.inbox) for letter in found)
    assert not any("pickled" in letter.reason + letter.trace for letter in found)


async def test_a_kept_message_is_redriven_as_it_came(database: Database, kafka: str, topics: Topics) -> None:
    inbox = Inbox(is_willing=False)
    submission = a_submission()
    async with (
        producing(kafka) as producer,
        a_carrier(database, kafka, topics, inbox=inbox).carrying(),
    ):
        await wait_for_topic(kafka, topics.inbox)
        await producer.send_and_wait(topics.inbox, orjson.dumps(submission))
        await eventually(partial(has_letters, database, 1))
        inbox.is_willing = True
        async with database.write() as tx:
            assert await dead_letters.redrive_all(tx, "inbox", now=SystemClock().now()) == 1
        await eventually(partial(has_letters, database, 1, dead_letters.REDRIVEN))
    (event,) = inbox.taken
    assert event.data == submission["data"]


async def test_workers_come_and_go_and_every_event_is_handled_once(
    database: Database, kafka: str, topics: Topics
) -> None:
    first, second = Recorder(batch=5), Recorder(batch=5)
    async with a_carrier(database, kafka, topics).carrying(first):
        await happen(database, range(50))
        await eventually(partial(has_effects, database, 50))
        async with a_carrier(database, kafka, topics, relays=False).carrying(second):
            await happen(database, range(50, 100))
            await eventually(partial(has_effects, database, 100))

            async def both_work() -> bool:
                await happen(database, range(100, 104))
                return bool(second.seen)

            await eventually(both_work)
        count = await total(database)
        await happen(database, range(200, 250))
        await eventually(partial(has_effects, database, count + 50))
    values = await effects(database)
    assert len(values) == await total(database)
    for key in range(4):
        of_key = [value for value in values if value % 4 == key and value not in range(100, 104)]
        assert of_key == sorted(of_key)


async def test_an_event_too_large_for_kafka_is_put_aside_and_the_others_are_relayed(
    database: Database, kafka: str, topics: Topics
) -> None:
    large = journal.NewEvent(
        type=HAPPENED, subject="test/1", key="tst_1", data={"value": 1, "text": "x" * (MESSAGE_BYTES + 1)}
    )
    async with a_carrier(database, kafka, topics).carrying(Recorder()):
        await happen(database, [0])
        async with database.write() as tx:
            await journal.append(tx, [large], now=SystemClock().now())
        await happen(database, [2])
        await eventually(partial(has_effects, database, 2))
    assert await effects(database) == [0, 2]
    (letter,) = await letters(database)
    assert letter.service == "relay"
    assert letter.event_id == large.id
    assert letter.reason.startswith(f"larger than {MESSAGE_BYTES} bytes")


async def test_a_foreign_message_on_our_topic_is_put_aside(
    database: Database, kafka: str, topics: Topics
) -> None:
    topic = topics.of(HAPPENED)
    async with producing(kafka) as producer, a_carrier(database, kafka, topics).carrying(Recorder()):
        await wait_for_topic(kafka, topic)
        await producer.send_and_wait(topic, b"hello", partition=0)
        await happen(database, range(4))
        await eventually(partial(has_effects, database, 4))
        await eventually(partial(has_letters, database, 1))
    (letter,) = await letters(database)
    assert letter.event_id == f"{topic}/0/0"
    assert "it is no event of the journal" in letter.reason


async def test_another_consumer_reads_plain_cloud_events(
    database: Database, kafka: str, topics: Topics
) -> None:
    """An old one, too: its message is new, and kept as long as any."""
    begun = SystemClock().now()
    (event_id,) = await happen(database, [3], now=begun - timedelta(days=365))
    async with a_carrier(database, kafka, topics).carrying():
        topic = topics.of(HAPPENED)
        await wait_for_topic(kafka, topic)
        consumer = AIOKafkaConsumer(topic, bootstrap_servers=kafka, auto_offset_reset="earliest")
        await consumer.start()
        try:
            message = await asyncio.wait_for(consumer.getone(), 20)
        finally:
            await consumer.stop()
    headers = dict(message.headers)
    assert message.timestamp_type == LOG_APPEND_TIME
    assert message.timestamp >= int(begun.timestamp() * 1000)
    assert headers["ce_id"] == event_id.encode()
    assert headers["ce_type"] == HAPPENED.encode()
    assert (message.key, orjson.loads(message.value)) == (b"tst_3", {"value": 3})


async def test_topics_that_were_made_anew_are_filled_with_what_a_service_lacks(
    database: Database, kafka: str, topics: Topics
) -> None:
    """As after a restore: of two services one had done the first six."""
    ids = await happen(database, range(8))
    topic = topics.of(HAPPENED)
    async with a_carrier(database, kafka, topics).carrying() as stream:
        await eventually(partial(is_published, stream))
    async with administering(kafka) as admin:
        await admin.delete_topics([topic])
        await eventually(partial(is_gone, admin, topic))
    now, consumed = SystemClock().now(), {"first": {HAPPENED}, "second": {HAPPENED}}
    async with database.write() as tx:
        for service, done in (("first", 8), ("second", 6)):
            events = await journal.read(tx, after=0, limit=done)
            await InboxProgress(database, service, SystemClock()).mark(tx, events)
        assert (await refill(tx, consumed, now=now, remembered=topics.remembered)).position == 6
    async with a_carrier(database, kafka, topics).carrying():
        await wait_for_topic(kafka, topic)
        consumer = AIOKafkaConsumer(topic, bootstrap_servers=kafka, auto_offset_reset="earliest")
        await consumer.start()
        try:
            found = [await asyncio.wait_for(consumer.getone(), 20) for _ in range(2)]
        finally:
            await consumer.stop()
    assert {dict(message.headers)["ce_id"].decode() for message in found} == set(ids[6:])


async def test_topics_are_created_once_and_left_alone_then(kafka: str, topics: Topics) -> None:
    connection = KafkaConnection((kafka,))
    names = [f"{topics.prefix}.a.v1", f"{topics.prefix}.b.v1"]
    await asyncio.gather(*(topics.ensure(connection, names) for _ in range(3)))
    await replace(topics, partitions=5).ensure(connection, names)
    async with administering(kafka) as admin:
        assert [len(topic["partitions"]) for topic in await admin.describe_topics(names)] == [2, 2]


async def test_everything_speaks_tls_and_sasl_where_it_is_told_to(
    database: Database, kafka_node: Addresses, topics: Topics
) -> None:
    connection = KafkaConnection(
        (kafka_node.secured_servers,),
        security_protocol="SASL_SSL",
        sasl_mechanism="SCRAM-SHA-512",
        username=USER,
        password=PASSWORD,
        ca_file=kafka_node.authority,
    )
    assert PASSWORD not in repr(connection)

    def new_stream() -> KafkaStream:
        return KafkaStream(database, SystemClock(), connection, topics=topics, types={HAPPENED})

    async with Carrier(database, new_stream).carrying(Recorder()) as stream:
        await happen(database, range(5))
        await eventually(partial(has_effects, database, 5))

        async def caught_up() -> bool:
            return await stream.lag() == {"recorder": 0, "relay": 0}

        await eventually(caught_up)


@pytest.mark.slow
async def test_a_broker_that_dies_and_comes_back_costs_nothing(
    database: Database, topics: Topics, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Meanwhile the process is not ready, and says so by itself."""
    monkeypatch.setattr(kafka_stream, "LAG_S", 0.2)
    folder = Path(tempfile.mkdtemp(prefix="liaison-kafka-"))
    broker = await asyncio.to_thread(Broker, kafka_home(), folder)
    try:
        await asyncio.to_thread(broker.start)
        async with a_carrier(database, broker.bootstrap_servers, topics).carrying(Recorder()) as stream:
            await happen(database, range(20))
            await eventually(partial(has_effects, database, 20))
            await eventually(lambda: stream.trouble() is None)
            broker.kill()
            await happen(database, range(20, 40))  # what comes in meanwhile is in the journal
            await eventually(stream.trouble, within_s=60)
            await asyncio.to_thread(broker.start)
            await happen(database, range(40, 60))
            await eventually(partial(has_effects, database, 60), within_s=60)
            await eventually(lambda: stream.trouble() is None, within_s=60)
            await eventually(lambda: lag_told("recorder") == 0)
    finally:
        broker.kill()
        shutil.rmtree(folder, ignore_errors=True)
    assert sorted(await effects(database)) == list(range(60))
    assert await letters(database, None) == []


def lag_told(service: str) -> float | None:
    return metrics.REGISTRY.get_sample_value("liaison_stream_lag_events", {"service": service})


async def test_a_dead_reader_is_missed_as_soon_as_the_dead_holder_of_a_lease(tmp_path: Path) -> None:
    """Until then whoever starts in its place waits with it. That a killed worker's share is taken over is
    shown in `tests/chaos/`; this is how long the broker is told to wait."""
    from services.kernel.stream.kafka import TopicReader  # Faust takes long to import

    async def handle(records: Sequence[Record]) -> None:
        raise AssertionError(records)

    connection = KafkaConnection(("127.0.0.1:9",))
    reader = TopicReader(
        connection, SystemClock(), group="g", topics=["t"], batch=1, handle=handle, random=Random(1)
    )
    app = reader._new_app(str(tmp_path), asyncio.Queue())
    assert app.conf.broker_session_timeout == LEASE_S
    assert app.conf.broker_heartbeat_interval * 3 <= LEASE_S


async def test_a_reader_that_never_joins_counts_as_standing_still_and_as_not_ready(
    database: Database, kafka: str, topics: Topics, monkeypatch: pytest.MonkeyPatch
) -> None:
    from services.kernel.stream import kafka as adapter

    async def hang(_: Any) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(adapter, "JOIN_S", 0)
    monkeypatch.setattr(adapter.TopicReader, "run", hang)
    async with a_carrier(database, kafka, topics).carrying(Recorder()) as stream:
        await happen(database, range(5))

        async def stands() -> bool:
            with suppress(TransientError):  # a broker that is new has no coordinator yet
                return (await stream.unfinished()).get("recorder") == (5, 0)
            return False

        await eventually(stands)
        assert stream.trouble() == "the readers of recorder have no place in their groups"


async def total(database: Database) -> int:
    async with database.read() as tx:
        return await journal.head(tx)


async def wait_for_topic(kafka: str, topic: str) -> None:
    """The stream creates its topics when it starts."""
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka)
    await consumer.start()
    try:

        async def is_there() -> bool:
            return topic in await consumer.topics()

        await eventually(is_there)
    finally:
        await consumer.stop()
