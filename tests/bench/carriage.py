"""Events into the journal, and from there to a handler, against bare inserts and a bare aiokafka loop.

`journal-…`: events appended in transactions of ten, until each has its position and its hash; the reference
inserts the same columns into a bare table, in transactions of the same size, by the driver alone.
`events-…`: the same, and a handler writes a row for each event, once, on record; until the last of these rows
is committed. The reference of the databases inserts event and row, and nothing else; that of Kafka publishes
the same values with the same guarantees and reads them in batches, committing each.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, closing
from uuid import uuid4

import asyncpg
import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from sqlalchemy import func, select

from services.kernel import journal
from services.kernel.clock import SystemClock
from services.kernel.database import Database
from services.kernel.journal.model import JournalEntry
from services.kernel.journal.sequencer import Sequencer
from services.kernel.stream.journal import JournalStream
from services.kernel.stream.kafka_connection import KafkaConnection
from services.kernel.stream.kafka_stream import KafkaStream
from services.kernel.stream.port import Stream
from tests.bench.figures import Aim, Bench, Measure, Samples, Scale
from tests.bench.parts import HAS_KAFKA, kafka, postgresql, sqlite
from tests.kernel.stream.carriers import Carrier, some_topics
from tests.kernel.stream.effects import EFFECTS, HAPPENED, Recorder, create_effects

PER_TRANSACTION = 10
"""What one act of the product writes: an announcement one event, its suggestions some ten."""
BATCH = 200
"""Events that the handler takes at once, as notification does; and records that the bare loop commits."""
FILLING = "x" * 900
"""An event's data are 1 kB: between a changed profile and a suggestion."""
LOOK_S = 0.005
SETTLED_S = 600.0

_COLUMNS = 'id, type, subject, "key", "time", data, audience, "public", correlation_id'
_BARE = (
    'CREATE TABLE bare (number {serial} PRIMARY KEY, id TEXT, type TEXT, subject TEXT, "key" TEXT, '
    '"time" TEXT, data TEXT, audience TEXT, "public" BOOLEAN, correlation_id TEXT)'
)
_BARE_EFFECTS = "CREATE TABLE bare_effects (number {serial} PRIMARY KEY, event_id TEXT, value INTEGER)"

Insert = Callable[[int, bool], AbstractAsyncContextManager[None]]


def _events(count: int) -> list[list[journal.NewEvent]]:
    """In portions of a transaction each."""
    return [
        [
            journal.NewEvent(
                HAPPENED, f"test/{number}", f"key-{number % 50}", {"value": number, "filling": FILLING}
            )
            for number in range(start, min(start + PER_TRANSACTION, count))
        ]
        for start in range(0, count, PER_TRANSACTION)
    ]


def _row(event: journal.NewEvent, now: str) -> tuple[object, ...]:
    data = orjson.dumps(event.data).decode()
    return event.id, event.type, event.subject, event.key, now, data, "[]", False, event.id


async def _append(database: Database, events: Sequence[Sequence[journal.NewEvent]]) -> None:
    clock = SystemClock()
    for portion in events:
        async with database.write() as tx:
            await journal.append(tx, portion, now=clock.now())


async def _appended(database: Database, events: Sequence[Sequence[journal.NewEvent]], before: int) -> float:
    """Seconds until each has its position."""
    count = before + sum(len(portion) for portion in events)
    sequencing = None
    if not database.is_serial:
        sequencing = asyncio.create_task(Sequencer(database, SystemClock()).run())
    began = time.perf_counter()
    await _append(database, events)
    await _until(database, select(func.max(JournalEntry.position)), count)
    seconds = time.perf_counter() - began
    if sequencing is not None:
        sequencing.cancel()
        await asyncio.gather(sequencing, return_exceptions=True)
    return seconds


async def _until(database: Database, question: object, count: int) -> None:
    async with asyncio.timeout(SETTLED_S):
        while True:
            async with database.read() as tx:
                found = (await tx.execute(question)).scalar()  # type: ignore[call-overload]
            if (found or 0) >= count:
                return
            await asyncio.sleep(LOOK_S)


async def _handled(
    database: Database, stream: Callable[[], Stream], events: Sequence[Sequence[journal.NewEvent]]
) -> float:
    """Seconds from the first append to the last effect."""
    count = sum(len(portion) for portion in events)
    effects = select(func.count()).select_from(EFFECTS)
    async with database.read() as tx:
        before = (await tx.execute(effects)).scalar() or 0
    recorder = Recorder(batch=BATCH)
    async with Carrier(database, stream).carrying(recorder):
        # It has found its place before the clock runs.
        await _append(database, _events(PER_TRANSACTION))
        await _until(database, effects, before + PER_TRANSACTION)
        began = time.perf_counter()
        await _append(database, events)
        await _until(database, effects, before + PER_TRANSACTION + count)
        return time.perf_counter() - began


async def _bare_inserts(
    database: Database, events: Sequence[Sequence[journal.NewEvent]], *, effects: bool
) -> float:
    """Seconds of the driver alone; `effects`: with a second row for each."""
    if database.is_serial:
        return await asyncio.to_thread(_bare_sqlite, database, events, effects=effects)
    return await _bare_postgresql(database, events, effects=effects)


def _bare_sqlite(database: Database, events: Sequence[Sequence[journal.NewEvent]], *, effects: bool) -> float:
    now = SystemClock().now().isoformat()
    assert database.url.database
    with closing(sqlite3.connect(database.url.database, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous=NORMAL")
        for table in (_BARE, _BARE_EFFECTS):
            statement = table.format(serial="INTEGER").replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS")
            connection.execute(statement)
        began = time.perf_counter()
        for portion in events:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(
                f"INSERT INTO bare ({_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?)",
                [_row(event, now) for event in portion],
            )
            if effects:
                connection.executemany(
                    "INSERT INTO bare_effects (event_id, value) VALUES (?,?)",
                    [(event.id, event.data["value"]) for event in portion],
                )
            connection.execute("COMMIT")
        return time.perf_counter() - began


async def _bare_postgresql(
    database: Database, events: Sequence[Sequence[journal.NewEvent]], *, effects: bool
) -> float:
    now = SystemClock().now().isoformat()
    connection = await asyncpg.connect(database.url.render_as_string(hide_password=False))
    try:
        for table in (_BARE, _BARE_EFFECTS):
            statement = table.format(serial="BIGSERIAL").replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS")
            await connection.execute(statement)
        began = time.perf_counter()
        for portion in events:
            async with connection.transaction():
                await connection.executemany(
                    f"INSERT INTO bare ({_COLUMNS}) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9)",
                    [_row(event, now) for event in portion],
                )
                if effects:
                    await connection.executemany(
                        "INSERT INTO bare_effects (event_id, value) VALUES ($1,$2)",
                        [(event.id, event.data["value"]) for event in portion],
                    )
        return time.perf_counter() - began
    finally:
        await connection.close()


async def _bare_kafka(servers: str, events: Sequence[Sequence[journal.NewEvent]]) -> float:
    """Seconds from the first record sent to the last batch committed."""
    topic, count = f"bare-{uuid4().hex}", sum(len(portion) for portion in events)
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    await admin.create_topics([NewTopic(topic, 1, 1)])
    await admin.close()
    producer = AIOKafkaProducer(bootstrap_servers=servers, acks="all", enable_idempotence=True)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=servers, group_id=topic, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    consumer.assign([TopicPartition(topic, 0)])
    await producer.start()
    await consumer.start()

    async def read() -> None:
        seen = 0
        while seen < count:
            records = await consumer.getmany(timeout_ms=100, max_records=BATCH)
            if records:
                seen += sum(len(portion) for portion in records.values())
                await consumer.commit()

    async def publish() -> None:
        for portion in events:
            values = [(event.key.encode(), orjson.dumps(event.data)) for event in portion]
            sent = [await producer.send(topic, value=value, key=key) for key, value in values]
            await asyncio.gather(*sent)

    try:
        began = time.perf_counter()
        await asyncio.gather(read(), publish())
        return time.perf_counter() - began
    finally:
        await producer.stop()
        await consumer.stop()


async def _journal(opening: Callable[[], AbstractAsyncContextManager[Database]], scale: Scale) -> Samples:
    samples, count = Samples(), scale.pick(3_000, 200)
    async with opening() as database:
        for repetition in range(scale.pick(6, 2)):
            events = _events(count)
            ours = await _appended(database, events, before=repetition * count)
            bare = await _bare_inserts(database, events, effects=False)
            if repetition:  # the first is for warming up
                samples.ours.append(count / ours)
                samples.reference.append(count / bare)
    return samples


async def _carried(opening: Callable[[], AbstractAsyncContextManager[Database]], scale: Scale) -> Samples:
    samples, count = Samples(), scale.pick(3_000, 200)
    async with opening() as database:
        await create_effects(database)
        for repetition in range(scale.pick(6, 2)):
            events = _events(count)
            ours = await _handled(database, lambda: JournalStream(database, SystemClock()), events)
            bare = await _bare_inserts(database, events, effects=True)
            if repetition:
                samples.ours.append(count / ours)
                samples.reference.append(count / bare)
    return samples


async def measure_events_on_kafka(scale: Scale) -> Samples:
    samples, count = Samples(), scale.pick(3_000, 200)
    async with postgresql() as database, kafka() as servers:
        await create_effects(database)
        topics = some_topics(partitions=1)

        def stream() -> Stream:
            connection = KafkaConnection(bootstrap_servers=(servers,))
            return KafkaStream(
                database, SystemClock(), connection, topics=topics, types=frozenset({HAPPENED})
            )

        for repetition in range(scale.pick(6, 2)):
            events = _events(count)
            ours = await _handled(database, stream, events)
            bare = await _bare_kafka(servers, events)
            if repetition:
                samples.ours.append(count / ours)
                samples.reference.append(count / bare)
    return samples


def _on(
    measuring: Callable[[Callable[[], AbstractAsyncContextManager[Database]], Scale], object],
    opening: Callable[[], AbstractAsyncContextManager[Database]],
) -> Measure:
    async def measure(scale: Scale) -> Samples:
        return await measuring(opening, scale)  # type: ignore[misc,no-any-return]

    return measure


BENCHES = [
    Bench(
        name=f"journal-{name}",
        about=f"events appended, with position and hash, on {said} / bare inserts of the same rows",
        unit="events/s",
        aim=Aim(0.25, at_least=True),
        measure=_on(_journal, opening),
    )
    for name, said, opening in (("sqlite", "SQLite", sqlite), ("postgresql", "PostgreSQL", postgresql))
]
BENCHES += [
    Bench(
        name=f"events-{name}",
        about=f"events appended and handled once, by the journal on {said} / bare inserts of both rows",
        unit="events/s",
        aim=Aim(0.2, at_least=True),
        measure=_on(_carried, opening),
    )
    for name, said, opening in (("sqlite", "SQLite", sqlite), ("postgresql", "PostgreSQL", postgresql))
]
if HAS_KAFKA:
    BENCHES.append(
        Bench(
            name="events-kafka",
            about="events appended and handled once, by Kafka and PostgreSQL / a bare aiokafka loop",
            unit="events/s",
            aim=Aim(0.2, at_least=True),
            measure=measure_events_on_kafka,
        )
    )
