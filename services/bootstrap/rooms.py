"""The work of a worker: the rooms it can be told to do alone, and the services that each consists of."""

from __future__ import annotations

from collections.abc import Iterable

from schemas.events import EVENTS
from services.bootstrap.adapters import kafka_connection, topics
from services.consortia.handlers import FormConsortia
from services.indexing.handlers import CONSUMES as INDEXING
from services.intake.handlers import AcceptInbox
from services.kernel.database import Database
from services.kernel.settings import ConfigurationError, Settings, StreamKind
from services.kernel.stream.kafka_relay import NAME as RELAY
from services.kernel.stream.lag import Consumed, JournalLag, KafkaLag
from services.matching.handlers import Match
from services.matching.notified import MarkNotified
from services.notification.handlers import Notify
from services.pairing.grouping import FormGroups
from services.pairing.handlers import PairNeeds

INBOX = AcceptInbox.name
ROOMS: dict[str, Consumed] = {
    "indexing": INDEXING,
    "matching": {Match.name: Match.consumes},
    "consortia": {FormConsortia.name: FormConsortia.consumes},
    "pairing": {PairNeeds.name: PairNeeds.consumes, FormGroups.name: FormGroups.consumes},
    "notification": {Notify.name: Notify.consumes, MarkNotified.name: MarkNotified.consumes},
    INBOX: {},
}
"""Per room its services and the events of the journal that they take; the inbox takes what is handed in."""
WITH_INDEX = frozenset({"indexing", "matching", "pairing"})
"""Rooms that need the vector index."""


def chosen(only: Iterable[str], settings: Settings) -> frozenset[str]:
    """The rooms of a worker; none named: all. Raises `ConfigurationError`."""
    wanted = frozenset(only)
    if unknown := sorted(wanted - ROOMS.keys()):
        raise ConfigurationError(
            f"--only {', '.join(unknown)}: the rooms of a worker are {', '.join(ROOMS)}."
        )
    if settings.stream is StreamKind.kafka:
        return wanted or frozenset(ROOMS)
    if wanted == {INBOX}:
        raise ConfigurationError(
            "--only inbox: the inbox is a topic of Kafka, and LIAISON_STREAM is journal."
        )
    return (wanted or frozenset(ROOMS)) - {INBOX}


def consumed() -> Consumed:
    """Every service, and the events of the journal that it takes."""
    return {service: types for services in ROOMS.values() for service, types in services.items()}


def published(settings: Settings) -> Consumed:
    """The relay and what it publishes, where Kafka is the stream."""
    return {RELAY: frozenset(EVENTS)} if settings.stream is StreamKind.kafka else {}


def lag(settings: Settings, database: Database) -> JournalLag | KafkaLag:
    """How far every service is behind, whichever process runs it."""
    if settings.stream is StreamKind.journal:
        return JournalLag(database, consumed())
    return KafkaLag(
        database,
        kafka_connection(settings),
        topics(settings),
        consumed(),
        published=published(settings),
        inbox=INBOX,
    )
