"""How an adapter records, in the transaction of the effects, that events are done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.kernel.clock import Clock
from services.kernel.database import Database
from services.kernel.journal.event import Event
from services.kernel.leases import Lease, LeaseLost
from services.kernel.stream.model import Cursor, HandledEvent
from services.kernel.upsert import insert_or


class Superseded(Exception):
    """Somebody else has done some of these events meanwhile: look again which are left."""


class Progress(Protocol):
    async def fresh(self, events: Sequence[Event]) -> list[Event]:
        """Those of `events` not done yet, in their order."""

    async def mark(self, tx: AsyncSession, events: Sequence[Event]) -> None:
        """Record within `tx` that these are done. Raises `Superseded` or `LeaseLost`: roll back."""

    async def confirm(self, tx: AsyncSession, events: Sequence[Event]) -> None:
        """See within `tx`, and until it ends, that these are still to be done here. Raises as `mark`."""

    def committed(self, events: Sequence[Event]) -> None:
        """The transaction that marked these has committed."""

    def message(self, event: Event) -> bytes | None:
        """What to keep of an event that ends in the dead letters; None: the journal has it."""


class CursorProgress:
    """For carriers with positions and one reader: a cursor row, fenced by the reader's lease.

    The row takes an update only from the holder of the newest fence and only from the position last seen,
    so effects happen exactly once whatever a paused or doubled process does.
    """

    def __init__(self, database: Database, service: str, lease: Lease, position: int) -> None:
        self._database = database
        self._service = service
        self._lease = lease
        self.position = position

    @classmethod
    async def open(cls, database: Database, service: str, lease: Lease) -> CursorProgress:
        """Take the cursor over: from now on only this lease moves it. Raises `LeaseLost`."""
        async with database.write() as tx:
            taken = await tx.execute(
                insert_or(tx, Cursor)
                .values(service=service, position=0, fence=lease.fence)
                .on_conflict_do_update(
                    index_elements=[Cursor.service],
                    set_={"fence": lease.fence},
                    where=Cursor.fence <= lease.fence,
                )
                .returning(Cursor.position)
            )
            position = taken.scalar()
            if position is None:
                raise LeaseLost(lease.name)
        return cls(database, service, lease, position)

    async def fresh(self, events: Sequence[Event]) -> list[Event]:
        return [event for event in events if event.position > self.position]

    async def mark(self, tx: AsyncSession, events: Sequence[Event]) -> None:
        await self._move(tx, events[-1].position)

    async def confirm(self, tx: AsyncSession, events: Sequence[Event]) -> None:
        await self._move(tx, self.position)

    def committed(self, events: Sequence[Event]) -> None:
        self.position = events[-1].position

    def message(self, event: Event) -> bytes | None:
        return None

    async def skip(self, position: int) -> None:
        """Move over entries that are not this service's."""
        async with self._database.write() as tx:
            await self._move(tx, position)
        self.position = position

    async def _move(self, tx: AsyncSession, position: int) -> None:
        moved = await tx.execute(
            update(Cursor)
            .where(
                Cursor.service == self._service,
                Cursor.fence == self._lease.fence,
                Cursor.position == self.position,
            )
            .values(position=position)
            .returning(Cursor.position)
        )
        if moved.scalar() is None:
            raise LeaseLost(self._lease.name)


class InboxProgress:
    """For at-least-once carriers: a row per service and event id. Any number of readers."""

    def __init__(self, database: Database, service: str, clock: Clock) -> None:
        self._database = database
        self._service = service
        self._clock = clock

    async def fresh(self, events: Sequence[Event]) -> list[Event]:
        firsts = {event.id: event for event in reversed(events)}
        async with self._database.read() as tx:
            done = await tx.execute(
                select(HandledEvent.event_id).where(
                    HandledEvent.service == self._service, HandledEvent.event_id.in_(sorted(firsts))
                )
            )
        known = set(done.scalars())
        once = dict.fromkeys(event.id for event in events)
        return [firsts[event_id] for event_id in once if event_id not in known]

    async def mark(self, tx: AsyncSession, events: Sequence[Event]) -> None:
        now = self._clock.now()
        marked = await tx.execute(
            insert_or(tx, HandledEvent)
            .values([{"service": self._service, "event_id": e.id, "handled_at": now} for e in events])
            .on_conflict_do_nothing()
            .returning(HandledEvent.event_id)
        )
        if len(marked.all()) < len(events):
            raise Superseded

    async def confirm(self, tx: AsyncSession, events: Sequence[Event]) -> None:
        await self.mark(tx, events)
        # Taken back in the same transaction: until it ends nobody else can mark them.
        await tx.execute(
            delete(HandledEvent).where(
                HandledEvent.service == self._service,
                HandledEvent.event_id.in_([event.id for event in events]),
            )
        )

    def committed(self, events: Sequence[Event]) -> None:
        pass

    def message(self, event: Event) -> bytes | None:
        return None
