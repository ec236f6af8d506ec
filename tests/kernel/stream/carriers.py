"""The adapters under test, each in a setting where it can be stopped and started again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from uuid import uuid4

from services.kernel.clock import SystemClock
from services.kernel.database import Database
from services.kernel.journal.sequencer import Sequencer
from services.kernel.stream.backoff import Backoff
from services.kernel.stream.flood import FloodGuard
from services.kernel.stream.kafka_connection import MESSAGE_BYTES
from services.kernel.stream.kafka_topics import Topics
from services.kernel.stream.port import Handler, Stream
from services.kernel.stream.processor import Processor, Retries
from services.kernel.stream.topic_declarations import Declaration

QUICK = Retries(backoff=Backoff(base_s=0.001, cap_s=0.02))
"""Retries as ever, with waits that a test does not feel."""


def some_topics(partitions: int = 2) -> Topics:
    """Topics of a test's own."""
    names = ("test.v1", "elsewhere.v1", "a.v1", "b.v1", "inbox.v1")
    shape = Declaration(key="test", partitions=1, retention_days=1, max_message_bytes=MESSAGE_BYTES)
    return Topics(
        prefix=f"test-{uuid4().hex}", partitions=partitions, declarations=dict.fromkeys(names, shape)
    )


class Carrier:
    """Runs handlers on fresh instances of one adapter."""

    def __init__(self, database: Database, new_stream: Callable[[], Stream]) -> None:
        self.database = database
        self._new_stream = new_stream

    @asynccontextmanager
    async def carrying(
        self, *handlers: Handler, flood: Callable[[], FloodGuard] = FloodGuard
    ) -> AsyncIterator[Stream]:
        """A new stream runs inside the block; at its end it is stopped as in production."""
        clock = SystemClock()
        processors: Sequence[Processor] = [
            Processor(handler, self.database, clock, retries=QUICK, flood=flood()) for handler in handlers
        ]
        stream = self._new_stream()
        tasks = [asyncio.create_task(stream.run(processors))]
        if not self.database.is_serial:
            tasks.append(asyncio.create_task(Sequencer(self.database, clock).run()))
        try:
            yield stream
            await stream.stop()
            await tasks[0]
        finally:
            for task in tasks:
                task.cancel()
            for task in tasks:
                with suppress(asyncio.CancelledError):
                    await task
