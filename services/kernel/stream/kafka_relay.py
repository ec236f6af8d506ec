"""The relay: publishes the journal to Kafka. To the stream it is a service like any other."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError
from sqlalchemy.ext.asyncio import AsyncSession

from services.kernel.journal.event import Event
from services.kernel.problems import TransientError
from services.kernel.stream.cloud_events import headers_of, value_of
from services.kernel.stream.kafka_connection import MESSAGE_BYTES, KafkaConnection
from services.kernel.stream.kafka_topics import Topics
from services.kernel.stream.port import Plan, Rejected, Step

NAME = "relay"
BATCH = 500
"""Events published between two moves of the cursor: more than a broker takes in one round trip."""

ACK_S = 30.0
"""How long the broker may take to acknowledge a batch before we connect anew."""

log = structlog.get_logger("liaison.kafka")


class Relay:
    """A handler whose effect is the publication: it has happened when every broker in sync has the batch.

    The cursor moves after that, so an event may be published twice and never not at all; those who read
    are idempotent by its id. Within a key the order is the journal's: the idempotent producer neither
    repeats nor reorders, and after a failure the batch is published again as a whole, from a new producer.

    A message bears the time at which it is published: by that it is kept. The event's own is in `ce_time`; an
    old event that is published late, or again, would else be expired before anybody has read it.
    """

    def __init__(self, connection: KafkaConnection, topics: Topics, types: Collection[str]) -> None:
        self._connection = connection
        self._topics = topics
        self._types = frozenset(types)
        self._producer: AIOKafkaProducer | None = None

    @property
    def name(self) -> str:
        return NAME

    @property
    def consumes(self) -> frozenset[str]:
        return self._types

    @property
    def batch(self) -> int:
        return BATCH

    async def prepare(self, events: Sequence[Event]) -> Step:
        """Before anything is published the lease is confirmed in the database: a relay that was paused, and
        wakes up beside its successor, publishes nothing that the successor has published."""
        return Step(_nothing_more, lambda: self._publish(events))

    async def _publish(self, events: Sequence[Event]) -> Plan:
        try:
            async with asyncio.timeout(ACK_S):
                producer = await self._connected()
                sent = [
                    await producer.send(
                        self._topics.of(event.type),
                        value=value_of(event),
                        key=event.key.encode(),
                        headers=headers_of(event),
                    )
                    for event in events
                ]
                await asyncio.gather(*sent)
        except MessageSizeTooLargeError:
            raise Rejected(f"larger than {MESSAGE_BYTES} bytes, which is all that our topics take") from None
        except (KafkaError, OSError, TimeoutError) as error:
            await self.close()
            raise TransientError(f"Kafka does not take events: {type(error).__name__}: {error}") from error
        return _nothing_more

    async def close(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            try:
                async with asyncio.timeout(ACK_S):
                    await producer.stop()
            except (KafkaError, OSError, TimeoutError) as error:
                log.warning("producer not stopped cleanly", error=str(error))

    async def _connected(self) -> AIOKafkaProducer:
        if self._producer is None:
            producer = AIOKafkaProducer(
                **self._connection.arguments(),
                acks="all",
                enable_idempotence=True,
                max_request_size=MESSAGE_BYTES,
            )
            try:
                await producer.start()
            except BaseException:
                await producer.stop()
                raise
            self._producer = producer
        return self._producer


async def _nothing_more(tx: AsyncSession) -> None:
    """The effect is outside; the transaction only moves the cursor."""
