"""The Stream port on Kafka: the relay publishes the journal, readers hand the topics to processors."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection, Iterator, Sequence
from random import Random
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import delete

from schemas.events import EVENTS
from services.kernel import metrics
from services.kernel.clock import Clock
from services.kernel.database import Database
from services.kernel.leases import Leases
from services.kernel.problems import TransientError
from services.kernel.stream import cloud_events
from services.kernel.stream.backoff import Backoff
from services.kernel.stream.control import Control
from services.kernel.stream.journal import GRACE_S, LAG_S, JournalStream
from services.kernel.stream.kafka_connection import KafkaConnection
from services.kernel.stream.kafka_inbox import submission_of
from services.kernel.stream.kafka_relay import Relay
from services.kernel.stream.kafka_service import IDLE_S, ORDERS, KafkaService
from services.kernel.stream.kafka_topics import GroupLag, Topics, lag_of, reach
from services.kernel.stream.model import HandledEvent
from services.kernel.stream.port import Handler
from services.kernel.stream.processor import Processor, Stopping
from services.kernel.wakeups import Wakeups

if TYPE_CHECKING:
    from services.kernel.stream.kafka import TopicReader

PRUNE_S = 3600.0
"""Between removals of inbox rows that are no longer needed."""

UNREACHABLE = "Kafka does not answer"

log = structlog.get_logger("liaison.kafka")


class KafkaStream:
    """At least once by Kafka, effects once by inbox rows. Any number of processes, each with its share.

    `relays`: this process may publish the journal (one does at a time, by lease). `inbox`: a handler for
    what others hand in; its events are of `schemas.events.INBOX`, validated already, and stand in no
    journal (position 0). `types`: what the relay publishes.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        connection: KafkaConnection,
        *,
        topics: Topics | None = None,
        types: Collection[str] = frozenset(EVENTS),
        inbox: Handler | None = None,
        relays: bool = True,
        leases: Leases | None = None,
        random: Random | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._connection = connection
        self._topics = topics or Topics()
        self._types = frozenset(types)
        self._inbox = inbox
        self._relays = relays
        self._leases = leases or Leases(database, clock)
        self._random = random or Random()  # noqa: S311 - jitter, no secret
        self._bell = Wakeups()
        self._control = Control(database, clock, on_change=lambda: self._bell.wake(ORDERS))
        self._relay_stream = JournalStream(database, clock, leases=self._leases, random=self._random)
        self._services: list[KafkaService] = []
        self._readers: list[TopicReader] = []
        self._trouble: str | None = UNREACHABLE
        self._stop = asyncio.Event()
        self._stopped = asyncio.Event()
        self._stopped.set()

    async def run(self, processors: Sequence[Processor]) -> None:
        """Carry until `stop` is called."""
        self._stop.clear()
        self._stopped.clear()
        self._services = [self._service(processor) for processor in processors]
        if self._inbox is not None:
            self._services.append(self._inbox_service(self._inbox))
        self._readers = [self._reader(service) for service in self._services]
        relay = Relay(self._connection, self._topics, self._types)
        try:
            async with asyncio.TaskGroup() as group:
                jobs = (self._control.run(), self._redrive(), self._measure(), self._prune())
                tasks = [group.create_task(job) for job in (*jobs, self._carry(relay))]
                await self._stop.wait()
                await self._quieten()
                for task in tasks:
                    task.cancel()
        finally:
            await relay.close()
            self._stopped.set()

    async def stop(self) -> None:
        self._stop.set()
        await self._stopped.wait()

    async def lag(self) -> dict[str, int]:
        """Per service: messages on its topics that its group has not committed; for the relay, entries of
        the journal that it has not published. Raises `TransientError`."""
        lags = {name: lag.total for name, lag in (await self._lags(self._services)).items()}
        return lags | (await self._relay_stream.lag() if self._relays else {})

    async def unfinished(self) -> dict[str, tuple[int, int]]:
        """Of a reader that has no place in its group all that waits for the group counts: it may be the one
        that nobody else does."""
        waiting: dict[str, set[tuple[str, int]] | None] = {}
        for service, reader in self._pairs():
            share = reader.share() if reader.has_joined else None
            if (share or share is None) and service.name not in self._control.halted:
                waiting[service.name] = share
        active = [one for one in self._services if one.name in waiting]
        lags = await self._lags(active)
        found: dict[str, tuple[int, int]] = {}
        for one in active:
            share = waiting[one.name]
            events = lags[one.name].total if share is None else lags[one.name].of(share)
            found[one.name] = (events, one.processor.pulse)
        return found | (await self._relay_stream.unfinished() if self._relays else {})

    def trouble(self) -> str | None:
        if self._trouble is None and (late := [s.name for s, reader in self._pairs() if reader.is_late]):
            return f"the readers of {', '.join(late)} have no place in their groups"
        return self._trouble

    def _pairs(self) -> Iterator[tuple[KafkaService, TopicReader]]:
        return zip(self._services, self._readers, strict=True)

    async def _lags(self, services: Sequence[KafkaService]) -> dict[str, GroupLag]:
        by_group = {self._topics.group(service.name): service.topics for service in services}
        lags = await lag_of(self._connection, by_group) if by_group else {}
        return {service.name: lags[self._topics.group(service.name)] for service in services}

    async def _carry(self, relay: Relay) -> None:
        await self._ensure_topics()
        async with asyncio.TaskGroup() as group:
            for reader in self._readers:
                group.create_task(reader.run(), name=reader.group)
            if self._relays:
                processor = Processor(relay, self._database, self._clock, random=self._random)
                group.create_task(self._relay_stream.run([processor]), name="relay")

    async def _ensure_topics(self) -> None:
        """Every topic that is read or written, before it is; waits for the broker."""
        names = {topic for service in self._services for topic in service.topics}
        if self._relays:
            names.update(self._topics.of_all(self._types))
        failures = 0
        while True:
            try:
                await self._topics.ensure(self._connection, names)
            except TransientError as error:
                failures += 1
                log.warning("stream waits for Kafka", error=str(error))
                await self._clock.sleep(Backoff().delay(failures, self._random))
            else:
                self._trouble = None
                return

    async def _quieten(self) -> None:
        """No new batch from here on; those in hand may end."""
        for reader in self._readers:
            reader.stop()
        for service in self._services:
            service.stop()
        await self._relay_stream.stop()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GRACE_S):
                for reader in self._readers:
                    await reader.idle.wait()

    async def _redrive(self) -> None:
        """One process at a time per service, so that a dead letter is not tried by two at once."""
        while True:
            token = self._bell.token(ORDERS)
            for service in self._services:
                letters = self._control.redrives.pop(service.name, [])
                try:
                    for letter in letters:
                        async with self._leases.holding(f"redrive.{service.name}"):
                            await service.processor.redrive(letter)
                except Stopping:
                    return
                except TransientError as error:
                    log.warning("redrive waits", service=service.name, error=str(error))
            await self._bell.wait(ORDERS, token, IDLE_S)

    async def _measure(self) -> None:
        while True:
            await self._clock.sleep(LAG_S)
            try:
                if not self._services:  # else the question for their lag reaches it
                    await reach(self._connection)
                for service, events in (await self.lag()).items():
                    metrics.LAG.labels(service).set(events)
            except TransientError as error:
                self._trouble = UNREACHABLE
                log.warning("Kafka is out of reach", error=str(error))
            else:
                self._trouble = None

    async def _prune(self) -> None:
        while True:
            with contextlib.suppress(TransientError):
                async with self._database.write() as tx:
                    old = HandledEvent.handled_at < self._clock.now() - self._topics.remembered
                    await tx.execute(delete(HandledEvent).where(old))
            await self._clock.sleep(PRUNE_S)

    def _service(self, processor: Processor) -> KafkaService:
        return KafkaService(
            processor,
            self._database,
            self._clock,
            self._control,
            self._bell,
            topics=self._topics.of_all(processor.handler.consumes),
            parse=cloud_events.event_of,
            types=processor.handler.consumes,
        )

    def _inbox_service(self, handler: Handler) -> KafkaService:
        processor = Processor(handler, self._database, self._clock, random=self._random)
        return KafkaService(
            processor,
            self._database,
            self._clock,
            self._control,
            self._bell,
            topics=[self._topics.inbox],
            parse=submission_of,
            types=None,
        )

    def _reader(self, service: KafkaService) -> TopicReader:
        from services.kernel.stream.kafka import TopicReader  # Faust takes long to import

        return TopicReader(
            self._connection,
            self._clock,
            group=self._topics.group(service.name),
            topics=service.topics,
            batch=service.processor.handler.batch,
            handle=service.handle,
            random=self._random,
        )
