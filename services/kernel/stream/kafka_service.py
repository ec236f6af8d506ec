"""One service on Kafka: gives each record of its topics an outcome in the database."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from services.kernel.clock import Clock
from services.kernel.database import Database
from services.kernel.stream.consumers import Halted
from services.kernel.stream.control import Control
from services.kernel.stream.failure import Failure
from services.kernel.stream.kafka_records import Parse, Record, RecordProgress
from services.kernel.stream.port import Rejected
from services.kernel.stream.processor import Processor, Stopping
from services.kernel.wakeups import Wakeups

ORDERS = "orders"
"""Wake-up topic: a consumer was halted or resumed, or a redrive was asked for."""

IDLE_S = 5.0
"""Longest wait without a look, should a bell be missed."""


class KafkaService:
    """`types`: what the service takes of its topics, by the header `ce_type`; None: everything."""

    def __init__(
        self,
        processor: Processor,
        database: Database,
        clock: Clock,
        control: Control,
        bell: Wakeups,
        *,
        topics: Sequence[str],
        parse: Parse,
        types: Collection[str] | None,
    ) -> None:
        self.processor = processor
        self.name = processor.name
        self.topics = topics
        self._database = database
        self._clock = clock
        self._control = control
        self._bell = bell
        self._parse = parse
        self._types = types
        self._is_open = False
        self._is_stopping = False
        processor.revive = lambda kept: parse(Record.of_kept(kept))

    def stop(self) -> None:
        self._is_stopping = True
        self.processor.stop()
        self._bell.wake(ORDERS)

    async def handle(self, records: Sequence[Record]) -> None:
        """Return when each is handled or in the dead letters. Raises `Stopping`, `TransientError`."""
        if not self._is_open:
            await self._open()
        progress = RecordProgress(self._database, self.name, self._clock)
        events = []
        for record in records:
            kind = record.header("ce_type")
            if self._types is not None and kind is not None and kind not in self._types:
                continue
            try:
                event = self._parse(record)
            except Rejected as error:
                event = record.unreadable()
                progress.records[event.id] = record
                await self.processor.reject(event, Failure.of(error, tries=1), progress)
            else:
                progress.records[event.id] = record
                events.append(event)
        while events:
            await self._until_running()
            try:
                await self.processor.process(events, progress)
            except Halted:
                await self._control.refresh()
            else:
                return

    async def _open(self) -> None:
        await self._control.refresh()
        await self.processor.open()
        self._is_open = True

    async def _until_running(self) -> None:
        was_halted = False
        while True:
            token = self._bell.token(ORDERS)
            if self._is_stopping:
                raise Stopping
            if self.name not in self._control.halted:
                break
            was_halted = True
            await self._bell.wait(ORDERS, token, IDLE_S)
        if was_halted:
            await self.processor.open()
