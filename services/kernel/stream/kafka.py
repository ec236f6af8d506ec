"""The `kafka` adapter: Faust reads the topics and hands batches to processors. Faust is spoken only here.

A Faust app per service, in our own event loop: `await app.start()` and `await app.stop()` are all it needs
(its `Worker`, which would own the loop and the signals, is not used). Of Faust we take the consumer group,
the fetching and the commits; what it would do with a failure (acknowledge, and lose the message) never
happens, because the agent only hands events into a queue and acknowledges by hand, after the outcome of
each is committed in the database.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterable, Awaitable, Callable, Sequence
from random import Random
from typing import Any

import faust
import structlog
from faust.app.base import BootStrategy

from services.kernel.clock import Clock
from services.kernel.problems import TransientError
from services.kernel.stream.backoff import Backoff
from services.kernel.stream.kafka_connection import MESSAGE_BYTES, KafkaConnection
from services.kernel.stream.kafka_records import Record
from services.kernel.stream.processor import Stopping

COMMIT_S = 1.0
"""Between commits of offsets. Whatever was not committed comes again, and is known to be done."""

SESSION_S = 15.0
"""The broker takes a reader that it has not heard of for so long for dead, and gives its share to others: as
long as our leases last, for the same reasons. Faust's default of a minute is a minute in which nothing is
matched after a worker was killed, since whoever comes next waits for the dead one's answer."""

JOIN_S = 60.0
"""From the start of a reader, or of another after one that failed, to its place in the group: as long as the
members have to come together in a rebalance."""

END_S = 4.0
"""For a reader to leave its group when the process ends. While no broker answers it would take a minute, and
keep all that is closed after it from being closed within the ten seconds that a process has."""

SUPERVISE_S = 1.0
"""Between looks whether the Faust app still runs."""

QUEUE_BATCHES = 2
"""Batches taken from Faust ahead of the handler: one to work on, one to be ready."""

log = structlog.get_logger("liaison.kafka")

Handle = Callable[[Sequence[Record]], Awaitable[None]]
"""Returns when every one of the records has an outcome on record; raises `Stopping` when it shall end."""


class _ReadOnly(BootStrategy):
    """No producer: what handlers emit goes into the journal."""

    enable_kafka_producer = False


class _App(faust.App):
    BootStrategy = _ReadOnly


class TopicReader:
    """One member of a consumer group. Reads its share of the topics until stopped, whatever breaks."""

    def __init__(
        self,
        connection: KafkaConnection,
        clock: Clock,
        *,
        group: str,
        topics: Sequence[str],
        batch: int,
        handle: Handle,
        random: Random,
    ) -> None:
        self.group = group
        self.idle = asyncio.Event()
        """Set while no batch is in hand. It may be cancelled then."""
        self.idle.set()
        self._connection = connection
        self._clock = clock
        self._topics = topics
        self._batch = batch
        self._handle = handle
        self._random = random
        self._app: Any = None
        self._began_at = clock.now()
        self._is_stopping = False

    @property
    def has_joined(self) -> bool:
        """Whether the group has given it a share, be it an empty one: there may be more members than
        partitions."""
        return self._app is not None and self._app.started and self._app.consumer_generation_id > 0

    @property
    def is_late(self) -> bool:
        """Whether it should have joined by now."""
        return not self.has_joined and (self._clock.now() - self._began_at).total_seconds() > JOIN_S

    def share(self) -> set[tuple[str, int]]:
        """Topics and partitions that are this member's at present."""
        if self._app is None or not self._app.started:
            return set()
        return {(one.topic, one.partition) for one in self._app.consumer.assignment()}

    def stop(self) -> None:
        """Take up no further batch."""
        self._is_stopping = True

    async def run(self) -> None:
        """Run until stopped or cancelled; a Faust app that crashed or cannot start is replaced.

        One that hangs, in its start, its end or on its way into the group, is not cut off: its thread would
        stay, and might join later, with nobody to read. It has not joined, which ends the process when events
        wait for it (`bootstrap.watch`).
        """
        failures = 0
        self._began_at = self._clock.now()
        while True:
            folder = tempfile.mkdtemp(prefix="liaison-faust-")  # it insists on one; nothing is kept there
            queue: asyncio.Queue[Any] = asyncio.Queue(self._batch * QUEUE_BATCHES)
            self._app = app = self._new_app(folder, queue)
            worker = asyncio.create_task(self._work(app, queue), name=f"work {self.group}")
            try:
                await app.start()
                failures = 0
                while not (app.should_stop or app.crashed or worker.done()):
                    await self._clock.sleep(SUPERVISE_S)
                if self._is_stopping:
                    return
                log.warning("Kafka reader starts again", group=self.group)
                self._began_at = self._clock.now()
            except Exception:
                failures += 1
                log.exception("Kafka reader failed", group=self.group)
                await self._clock.sleep(Backoff().delay(failures, self._random))
            finally:
                self._app = None
                worker.cancel()
                await asyncio.gather(worker, return_exceptions=True)
                await self._end(app)
                shutil.rmtree(folder, ignore_errors=True)

    async def _end(self, app: Any) -> None:
        if not self._is_stopping:
            await app.stop()  # its partitions are another's only when it has gone
            return
        try:
            async with asyncio.timeout(END_S):
                await app.stop()
        except TimeoutError:
            log.warning("Kafka reader does not end; the process ends without it", group=self.group)

    async def _work(self, app: Any, queue: asyncio.Queue[Any]) -> None:
        """Take what is there, up to a batch, see it done, and only then acknowledge it."""
        failures = 0
        while True:
            events = [await queue.get()]
            while len(events) < self._batch and not queue.empty():
                events.append(queue.get_nowait())
            if self._is_stopping:
                return
            self.idle.clear()
            try:
                # What was fetched before a rebalance is fetched again by whoever has the partition now.
                events = [event for event in events if _is_current(app, event)]
                while events:
                    try:
                        await self._handle([_record_of(event.message) for event in events])
                    except Stopping:
                        return
                    except Exception as error:
                        failures += 1
                        is_outage = isinstance(error, TransientError)
                        log.warning("batch waits", group=self.group, error=str(error), exc_info=not is_outage)
                        await self._clock.sleep(Backoff().delay(failures, self._random))
                    else:
                        failures = 0
                        break
                for event in events:
                    if _is_current(app, event):
                        event.ack()
            finally:
                self.idle.set()

    def _new_app(self, folder: str, queue: asyncio.Queue[Any]) -> Any:
        app = _App(
            self.group,
            broker=[f"kafka://{server}" for server in self._connection.bootstrap_servers],
            broker_credentials=self._credentials(),
            broker_commit_interval=COMMIT_S,
            broker_session_timeout=SESSION_S,
            consumer_auto_offset_reset="earliest",
            consumer_max_fetch_size=MESSAGE_BYTES,
            stream_wait_empty=False,  # a halted consumer must not hold up a rebalance
            topic_allow_declare=False,
            topic_disable_leader=True,
            web_enabled=False,
            autodiscover=False,
            store="memory://",
            datadir=folder,
            loop=asyncio.get_running_loop(),
        )
        topic = app.topic(
            *self._topics, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw"
        )

        async def read(stream: Any) -> None:
            events: AsyncIterable[Any] = stream.noack().events()
            async for event in events:
                await queue.put(event)

        app.agent(topic, name=self.group, concurrency=1)(read)
        return app

    def _credentials(self) -> Any:
        context = self._connection.ssl_context()
        if self._connection.is_sasl:
            return faust.SASLCredentials(
                username=self._connection.username,
                password=self._connection.password,
                mechanism=self._connection.sasl_mechanism,
                ssl_context=context,
            )
        return faust.SSLCredentials(context) if context else None


def _is_current(app: Any, event: Any) -> bool:
    return bool(event.message.generation_id == app.consumer_generation_id)


def _record_of(message: Any) -> Record:
    headers = message.headers.items() if isinstance(message.headers, dict) else message.headers or ()
    return Record(
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        timestamp=message.timestamp,
        key=message.key,
        value=message.value,
        headers=tuple((name, bytes(value or b"")) for name, value in headers),
    )
