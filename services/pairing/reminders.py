"""Deadlines of pairings that come near: both buyers are reminded, once."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select, update

from schemas.events import PairingReminder
from schemas.pairing import REMIND_DAYS, DeadlineContent, PairingState
from services.kernel import journal
from services.kernel.clock import Clock
from services.kernel.database import Database
from services.kernel.leases import acquire, new_holder
from services.pairing import store, telling
from services.pairing.model import PairingItemRow, PairingRow

LEASE = "pairing.reminders"
REMINDED_AT_ONCE = 100
"""Deadlines in one transaction; what is left over is reminded of at the next look."""


class Reminders:
    """`run` is called every few minutes, in every process that handles pairings."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._holder = new_holder()

    async def run(self) -> int:
        """Remind of what is due within a week, or was; returns of how many. 0 where another process has its
        turn: the lease, the reminders and the note that they were sent are one transaction."""
        now = self._clock.now()
        until = (now + timedelta(days=REMIND_DAYS)).date()
        items, pairings = PairingItemRow.__table__, PairingRow.__table__
        due = (
            select(items)
            .join(pairings, pairings.c.id == items.c.pairing)
            .where(
                items.c.due <= until,
                items.c.reminded_at.is_(None),
                pairings.c.state != PairingState.dissolved.value,
            )
            .order_by(items.c.due, items.c.id)
            .limit(REMINDED_AT_ONCE)
        )
        async with self._database.read() as tx:
            if (await tx.execute(due.limit(1))).first() is None:
                return 0
        async with self._database.write() as tx:
            if await acquire(tx, LEASE, self._holder, now=now) is None:
                return 0
            told = []
            for row in (await tx.execute(due)).all():
                pairing = await store.find(tx, row.pairing)
                assert pairing is not None, "pairings are never removed"
                content = DeadlineContent.model_validate(row.document)
                data = PairingReminder(
                    **telling.step(pairing, by=None) | {"at": now},
                    deadline=row.id,
                    title=content.title,
                    due=content.due,
                    responsible=content.responsible,
                )
                told.append(telling.event(data, pairing))
                reminded = update(PairingItemRow).where(items.c.id == row.id).values(reminded_at=now)
                await tx.execute(reminded)
            await journal.append(tx, told, now=now)
        return len(told)
