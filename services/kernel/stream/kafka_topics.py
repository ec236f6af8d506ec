"""The topics: which event goes where, and how they are created before anybody reads them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from services.kernel.problems import TransientError
from services.kernel.stream.kafka_connection import MESSAGE_BYTES, KafkaConnection

RETENTION_DAYS = 14
"""How long a topic keeps an event. Deleted by age, not compacted: services want every change, not the last
state. The journal keeps everything: a service that was away for longer gets what it missed when the
relay's cursor is set back, and what the others have done already is known by their inbox rows."""

_OK = 0
_EXISTS_ALREADY = 36
"""TOPIC_ALREADY_EXISTS in Kafka's protocol: another process was faster."""

log = structlog.get_logger("liaison.kafka")


@dataclass(frozen=True, slots=True)
class Topics:
    """Names and shape of the topics of one installation."""

    prefix: str = "liaison"
    partitions: int = 6
    replication: int = 1

    def of(self, event_type: str) -> str:
        """The topic of an event type: one per entity and major version, so that what happens to an entity
        stays in order. `liaison.challenge.announced.v1` → `liaison.challenge.v1`."""
        _, entity, *_, version = event_type.split(".")
        return f"{self.prefix}.{entity}.{version}"

    def of_all(self, event_types: Iterable[str]) -> list[str]:
        return sorted({self.of(event_type) for event_type in event_types})

    @property
    def inbox(self) -> str:
        """Where others hand challenges and profiles in."""
        return f"{self.prefix}.inbox.v1"

    def group(self, service: str) -> str:
        """The consumer group of a service."""
        return f"{self.prefix}.{service}"

    async def ensure(self, connection: KafkaConnection, names: Collection[str]) -> None:
        """Create those of the topics that are missing. Raises `TransientError` when no broker answers.

        A consumer that subscribes before its topic exists would ignore it in silence.
        """
        async with _admin(connection) as admin:
            missing = sorted(set(names) - set(await admin.list_topics()))
            if not missing:
                return
            answer = await admin.create_topics([self._new(name) for name in missing])
            for name, code, message in answer.topic_errors:
                if code not in {_OK, _EXISTS_ALREADY}:
                    raise TransientError(f"Kafka did not create the topic {name}: {message or code}")
            log.info("topics created", topics=missing, partitions=self.partitions)

    def _new(self, name: str) -> NewTopic:
        configuration = {
            "cleanup.policy": "delete",
            "retention.ms": str(RETENTION_DAYS * 86_400_000),
            "max.message.bytes": str(MESSAGE_BYTES),
        }
        return NewTopic(name, self.partitions, self.replication, topic_configs=configuration)


async def lag_of(connection: KafkaConnection, groups: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Messages that each group has not committed yet; `groups` maps a group to its topics.

    Raises `TransientError` when no broker answers.
    """
    async with _admin(connection) as admin:
        consumer = AIOKafkaConsumer(**connection.arguments(), enable_auto_commit=False)
        try:
            await consumer.start()
            lags: dict[str, int] = {}
            for group, topics in groups.items():
                partitions = [
                    TopicPartition(topic, number)
                    for topic in topics
                    for number in (await _partitions(admin, topic))
                ]
                begins = await consumer.beginning_offsets(partitions)
                ends = await consumer.end_offsets(partitions)
                committed = await admin.list_consumer_group_offsets(group, partitions=partitions)
                if len(committed) < len(partitions):
                    # A coordinator that is loading answers with an error that aiokafka does not look at.
                    raise TransientError(f"Kafka does not know yet what the group {group} has committed")
                lags[group] = sum(
                    max(0, ends[one] - max(committed[one].offset, begins[one])) for one in partitions
                )
            return lags
        finally:
            await consumer.stop()


async def _partitions(admin: AIOKafkaAdminClient, topic: str) -> list[int]:
    (described,) = await admin.describe_topics([topic])
    return [partition["partition"] for partition in described["partitions"]]


@asynccontextmanager
async def _admin(connection: KafkaConnection) -> AsyncIterator[Any]:
    admin = AIOKafkaAdminClient(**connection.arguments())
    try:
        await admin.start()
        yield admin
    except (KafkaError, OSError) as error:
        raise TransientError(f"Kafka does not answer: {type(error).__name__}: {error}") from error
    finally:
        await admin.close()
