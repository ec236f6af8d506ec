"""A handler whose effects a test can count, and whose failures it can order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import BigInteger, Integer, MetaData, String, Table, insert, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.schema import Column

from services.kernel import journal
from services.kernel.clock import SystemClock
from services.kernel.database import Database
from services.kernel.journal.event import Event
from services.kernel.stream.port import Plan

HAPPENED = "liaison.test.happened.v1"
FOLLOWED = "liaison.test.followed.v1"
OTHER = "liaison.elsewhere.happened.v1"

_metadata = MetaData()
EFFECTS = Table(
    "effects",
    _metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("service", String(50)),
    Column("event_id", String(64)),
    Column("key", String(64)),
    Column("value", Integer),
)
"""Rows that stand for what a room writes. Without a unique key: a double effect would be seen."""


async def create_effects(database: Database) -> None:
    async with database.engine.begin() as connection:
        await connection.run_sync(_metadata.create_all)


class Recorder:
    """Writes one effect per event. `fails` may raise in `prepare`, `fails_inside` in the transaction."""

    def __init__(
        self,
        name: str = "recorder",
        *,
        consumes: frozenset[str] = frozenset({HAPPENED}),
        batch: int = 10,
        emits: str | None = None,
        fails: Callable[[Sequence[Event]], None] = lambda events: None,
        fails_inside: Callable[[Sequence[Event]], None] = lambda events: None,
    ) -> None:
        self._name = name
        self._consumes = consumes
        self._batch = batch
        self.emits = emits
        self.fails = fails
        self.fails_inside = fails_inside
        self.seen: list[list[Event]] = []
        self.tries: Counter[int] = Counter()

    @property
    def name(self) -> str:
        return self._name

    @property
    def consumes(self) -> frozenset[str]:
        return self._consumes

    @property
    def batch(self) -> int:
        return self._batch

    async def prepare(self, events: Sequence[Event]) -> Plan:
        self.seen.append(list(events))
        self.tries.update(event.data["value"] for event in events)
        self.fails(events)

        async def plan(tx: AsyncSession) -> None:
            await tx.execute(
                insert(EFFECTS),
                [
                    {"service": self._name, "event_id": e.id, "key": e.key, "value": e.data["value"]}
                    for e in events
                ],
            )
            self.fails_inside(events)
            if self.emits:
                follow_ups = [a_happening(e.data["value"], key=e.key, kind=self.emits) for e in events]
                await journal.append(tx, follow_ups, now=SystemClock().now())

        return plan


class Inbox:
    """Takes in what others hand over; `is_willing` says whether it can just now."""

    name = "inbox"
    consumes = frozenset({"liaison.company.submitted.v1"})
    batch = 10

    def __init__(self, *, is_willing: bool = True) -> None:
        self.is_willing = is_willing
        self.taken: list[Event] = []

    async def prepare(self, events: Sequence[Event]) -> Plan:
        if not self.is_willing:
            raise ValueError("not today")

        async def plan(tx: AsyncSession) -> None:
            self.taken.extend(events)

        return plan


def a_happening(value: int, *, key: str | None = None, kind: str = HAPPENED) -> journal.NewEvent:
    return journal.NewEvent(
        type=kind, subject=f"test/{value}", key=key or f"tst_{value % 4}", data={"value": value}
    )


async def happen(
    database: Database, values: Sequence[int], *, kind: str = HAPPENED, now: datetime | None = None
) -> list[str]:
    """Append one event per value, in one transaction; returns their ids."""
    events = [a_happening(value, kind=kind) for value in values]
    async with database.write() as tx:
        await journal.append(tx, events, now=now or SystemClock().now())
    return [event.id for event in events]


async def effects(database: Database, service: str = "recorder") -> list[int]:
    """The values this service has written, in the order of writing."""
    async with database.read() as tx:
        rows = await tx.execute(
            select(EFFECTS.c.value).where(EFFECTS.c.service == service).order_by(EFFECTS.c.number)
        )
    return list(rows.scalars())


def poison(*values: int) -> Callable[[Sequence[Event]], None]:
    """Fails whatever batch holds one of these values."""

    def fails(events: Sequence[Event]) -> None:
        for event in events:
            if event.data["value"] in values:
                raise ValueError(f"cannot stomach {event.subject}")

    return fails
