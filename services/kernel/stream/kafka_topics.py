"""The topics: which event goes where, and how they are created before anybody reads them. What they are like
is declared in `topics.toml`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError

from services.kernel.problems import TransientError
from services.kernel.settings import ConfigurationError
from services.kernel.stream.kafka_connection import KafkaConnection
from services.kernel.stream.topic_declarations import Declaration, Declarations, shipped

_OK = 0
_EXISTS_ALREADY = 36
"""TOPIC_ALREADY_EXISTS in Kafka's protocol: another process was faster."""

SEEN_S = 10.0
SEEN_POLL_S = 0.05
"""Brokers know of a new topic within some 100 ms."""

PARTITIONS, REPLICATION = "partitions", "replication factor"
"""What a topic has besides its configuration."""

RETENTIONS_KEPT = 2
"""It is known for twice as long what was handled as Kafka could deliver it again."""

log = structlog.get_logger("liaison.kafka")


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as declared. `what`: "missing", "partitions", "replication factor", or the name
    of a configuration."""

    topic: str
    what: str
    declared: str
    found: str

    @property
    def sentence(self) -> str:
        if self.what == "missing":
            return f"{self.topic} is missing"
        return f"{self.topic}: {self.what} is {self.found}, declared is {self.declared}"


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of one installation: names, and the shape in which they are created. `partitions`: of every
    topic, instead of those declared."""

    prefix: str = "liaison"
    partitions: int | None = None
    replication: int = 1
    declarations: Declarations = field(default_factory=shipped)

    def of(self, event_type: str) -> str:
        """The topic of an event type: one per entity and major version, so that what happens to an entity
        stays in order. `liaison.challenge.announced.v1` → `liaison.challenge.v1`."""
        _, entity, *_, version = event_type.split(".")
        return f"{self.prefix}.{entity}.{version}"

    def of_all(self, event_types: Iterable[str]) -> list[str]:
        return sorted({self.of(event_type) for event_type in event_types})

    @property
    def declared(self) -> list[str]:
        """Every topic that the file declares, with its prefix."""
        return sorted(f"{self.prefix}.{name}" for name in self.declarations)

    @property
    def inbox(self) -> str:
        """Where others hand challenges and profiles in."""
        return f"{self.prefix}.inbox.v1"

    @property
    def remembered(self) -> timedelta:
        """How long it is remembered what was handled."""
        longest = max(declared.retention_days for declared in self.declarations.values())
        return timedelta(days=RETENTIONS_KEPT * longest)

    def group(self, service: str) -> str:
        """The consumer group of a service."""
        return f"{self.prefix}.{service}"

    def shape(self, topic: str) -> Declaration:
        """How the topic is to be. Raises `ConfigurationError` for one that is not declared."""
        declared = self.declarations.get(topic.removeprefix(f"{self.prefix}."))
        if declared is None:
            raise ConfigurationError(
                f"The topic {topic} is not declared: add it to topics.toml (LIAISON_KAFKA_TOPICS_FILE)."
            )
        return declared.model_copy(update={"partitions": self.partitions}) if self.partitions else declared

    async def ensure(self, connection: KafkaConnection, names: Collection[str]) -> list[str]:
        """Create those of the topics that are missing, and return them; none is changed, none deleted. Raises
        `TransientError` when no broker answers.

        A consumer that subscribes before its topic exists would ignore it in silence.
        """
        async with _admin(connection) as admin:
            missing = sorted(set(names) - set(await admin.list_topics()))
            if not missing:
                return []
            answer = await admin.create_topics([self._new(name) for name in missing])
            created = []
            for name, code, message in answer.topic_errors:
                if code == _OK:
                    created.append(name)
                elif code != _EXISTS_ALREADY:
                    raise TransientError(f"Kafka did not create the topic {name}: {message or code}")
            await _seen(admin, missing)
            log.info("topics created", topics=created)
            return sorted(created)

    async def differences(self, connection: KafkaConnection) -> list[Difference]:
        """What is on the brokers otherwise than declared. Raises `TransientError` when no broker answers."""
        found: list[Difference] = []
        async with _admin(connection) as admin:
            there = set(await admin.list_topics())
            present = [name for name in self.declared if name in there]
            found += [Difference(name, "missing", "", "") for name in self.declared if name not in there]
            configurations = await _configurations(admin, present)
            for name in present:
                replicas = [len(one["replicas"]) for one in await _described(admin, name)]
                declared = self._declared(name)
                actual = configurations[name] | {
                    PARTITIONS: str(len(replicas)),
                    REPLICATION: str(min(replicas)),
                }
                found += [
                    Difference(name, what, wanted, actual.get(what, ""))
                    for what, wanted in declared.items()
                    if actual.get(what, "") != wanted
                ]
        return found

    def _declared(self, name: str) -> dict[str, str]:
        """All of a topic that can differ."""
        shape = {PARTITIONS: str(self.shape(name).partitions), REPLICATION: str(self.replication)}
        return shape | self._configuration(name)

    def _configuration(self, name: str) -> dict[str, str]:
        """What the relay was told is there, all replicas but one have: one broker may die without a loss, and
        without a halt."""
        in_sync = str(max(1, self.replication - 1))
        return self.shape(name).configuration | {"min.insync.replicas": in_sync}

    def _new(self, name: str) -> NewTopic:
        partitions = self.shape(name).partitions
        return NewTopic(name, partitions, self.replication, topic_configs=self._configuration(name))


async def reach(connection: KafkaConnection) -> None:
    """Raises `TransientError` when no broker answers."""
    async with _admin(connection):
        pass


@dataclass(frozen=True, slots=True)
class GroupLag:
    """Messages that a consumer group has not committed yet, by topic and partition."""

    partitions: Mapping[tuple[str, int], int]

    @property
    def total(self) -> int:
        return sum(self.partitions.values())

    def of(self, partitions: Collection[tuple[str, int]]) -> int:
        """On these partitions alone."""
        return sum(self.partitions.get(one, 0) for one in partitions)


async def lag_of(connection: KafkaConnection, groups: Mapping[str, Sequence[str]]) -> dict[str, GroupLag]:
    """How far each group is behind; `groups` maps a group to its topics.

    Raises `TransientError` when no broker answers.
    """
    async with _admin(connection) as admin:
        consumer = AIOKafkaConsumer(**connection.arguments(), enable_auto_commit=False)
        try:
            await consumer.start()
            lags: dict[str, GroupLag] = {}
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
                lags[group] = GroupLag(
                    {
                        (one.topic, one.partition): max(
                            0, ends[one] - max(committed[one].offset, begins[one])
                        )
                        for one in partitions
                    }
                )
            return lags
        finally:
            await consumer.stop()


async def _partitions(admin: AIOKafkaAdminClient, topic: str) -> list[int]:
    return [partition["partition"] for partition in await _described(admin, topic)]


async def _described(admin: AIOKafkaAdminClient, topic: str) -> list[dict[str, Any]]:
    (described,) = await admin.describe_topics([topic])
    partitions: list[dict[str, Any]] = described["partitions"]
    return partitions


async def _seen(admin: AIOKafkaAdminClient, names: Collection[str]) -> None:
    """Return when the brokers know of the topics: they tell each other a moment after the creation."""
    try:
        async with asyncio.timeout(SEEN_S):
            while not set(names) <= set(await admin.list_topics()):  # noqa: ASYNC110 - the broker is asked
                await asyncio.sleep(SEEN_POLL_S)
    except TimeoutError:
        raise TransientError("Kafka created topics, and does not know of them yet") from None


async def _configurations(admin: AIOKafkaAdminClient, topics: Sequence[str]) -> dict[str, dict[str, str]]:
    """Per topic its configuration, defaults of the broker included."""
    found: dict[str, dict[str, str]] = {}
    if topics:
        asked = [ConfigResource(ConfigResourceType.TOPIC, name) for name in topics]
        for answer in await admin.describe_configs(asked):
            for _code, _message, _kind, name, entries in answer.resources:
                found[name] = {entry[0]: entry[1] for entry in entries}
    return found


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
