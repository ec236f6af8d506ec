"""How far services are behind, asked by whoever wants to know: it need not run them itself."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import func, select

from services.kernel.database import Database
from services.kernel.journal.model import JournalEntry
from services.kernel.stream.kafka_connection import KafkaConnection
from services.kernel.stream.kafka_topics import Topics, lag_of
from services.kernel.stream.model import Cursor

LAG_MAX = 10_000
"""Counted no further: every process asks every few seconds, also while a million entries wait. An alert tells
from half of it on."""

Consumed = Mapping[str, Collection[str]]
"""Per service the event types that it takes."""


async def journal_lag(database: Database, consumed: Consumed) -> dict[str, int]:
    """Per service: entries of its types beyond its cursor, `LAG_MAX` for that many or more. Raises
    `Unavailable`."""
    lags: dict[str, int] = {}
    async with database.read() as tx:
        cursors = {row.service: row.position for row in await tx.execute(select(Cursor.__table__))}
        for service, types in consumed.items():
            waiting = (
                select(JournalEntry.number)
                .where(JournalEntry.type.in_(sorted(types)), JournalEntry.position > cursors.get(service, 0))
                .limit(LAG_MAX)
            )
            lags[service] = await tx.scalar(select(func.count()).select_from(waiting.subquery())) or 0
    return lags


@dataclass(frozen=True, slots=True)
class JournalLag:
    """Lag where the journal is the stream."""

    database: Database
    consumed: Consumed

    async def __call__(self) -> dict[str, int]:
        return await journal_lag(self.database, self.consumed)


@dataclass(frozen=True, slots=True)
class KafkaLag:
    """Lag where Kafka is the stream: messages not committed per service, of the inbox, and entries of the
    journal that are not published yet. Raises `TransientError`."""

    database: Database
    connection: KafkaConnection
    topics: Topics
    consumed: Consumed
    published: Consumed
    """The relay, and the types that it publishes."""
    inbox: str

    async def __call__(self) -> dict[str, int]:
        read = {service: self.topics.of_all(types) for service, types in self.consumed.items()}
        read[self.inbox] = [self.topics.inbox]
        groups = {self.topics.group(service): names for service, names in read.items()}
        committed = await lag_of(self.connection, groups)
        lags = {service: committed[self.topics.group(service)].total for service in read}
        return lags | await journal_lag(self.database, self.published)
