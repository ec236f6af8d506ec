"""Writing events, and giving committed ones their position."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.kernel.database import wake_after_commit
from services.kernel.journal.chain import GENESIS, entry_hash
from services.kernel.journal.event import NewEvent
from services.kernel.journal.model import JournalAudience, JournalEntry
from services.kernel.telemetry import current_traceparent

JOURNAL = "journal"
"""Wake-up topic: entries with positions have been added."""
UNSEQUENCED = "journal.unsequenced"
"""Wake-up topic: entries without positions have been added (PostgreSQL)."""

SALT_BYTES = 16
"""128 bits: nobody tries them all."""

SEQUENCE_BATCH = 1_000
"""Entries sequenced in one transaction: large enough for throughput, small enough to stay short."""


async def append(tx: AsyncSession, events: Sequence[NewEvent], *, now: datetime) -> None:
    """Write the events into the journal within the caller's transaction (transactional outbox).

    Where the database serialises its writers (SQLite), insert order is commit order, and positions are
    given here and now; elsewhere the sequencer gives them after the commit.
    """
    if events:
        connection = await tx.connection()
        wake_after_commit(tx, await connection.run_sync(append_in_one_go, events, now=now))


def append_in_one_go(tx: Connection, events: Sequence[NewEvent], *, now: datetime) -> str:
    """`append` within `Database.in_one_go`; returns the topic to wake when the transaction has committed."""
    trace = current_traceparent()
    rows: list[dict[str, Any]] = [
        {
            "id": event.id,
            "type": event.type,
            "subject": event.subject,
            "key": event.key,
            "time": now,
            "salt": secrets.token_hex(SALT_BYTES),
            "data": event.data,
            "audience": sorted(event.audience),
            "public": event.public,
            "correlation_id": event.correlation_id or event.id,
            "traceparent": trace,
        }
        for event in events
    ]
    serial = tx.dialect.name == "sqlite"
    numbers = _insert_in_place(tx, rows) if serial else tx.execute(_INSERT_NUMBERED, rows).scalars().all()
    shares = [
        {"organisation": organisation, "number": number}
        for number, event in zip(numbers, events, strict=True)
        for organisation in sorted(event.audience)
    ]
    if shares:
        tx.execute(insert(JournalAudience), shares)
    return JOURNAL if serial else UNSEQUENCED


_INSERT_NUMBERED = insert(JournalEntry).returning(JournalEntry.number, sort_by_parameter_order=True)


def _insert_in_place(tx: Connection, rows: Sequence[dict[str, Any]]) -> Sequence[int]:
    """Insert the rows with their positions, and return their numbers, which are given here too: the one
    writer knows the last, and asking SQLite for them would make every row a statement of its own."""
    position, previous = _head(tx)
    last = tx.execute(select(func.max(JournalEntry.number))).scalar() or 0
    for offset, row in enumerate(rows, start=1):
        previous = entry_hash(previous, position + offset, row)
        row.update(number=last + offset, position=position + offset, hash=previous)
    tx.execute(insert(JournalEntry), rows)
    return [row["number"] for row in rows]


async def sequence(tx: AsyncSession, limit: int = SEQUENCE_BATCH) -> int:
    """Give committed entries without a position theirs, in order of insertion; returns how many.

    Only one caller at a time may do this: it holds the lease `sequencer` and checks its fence in the
    same transaction.
    """
    waiting = (
        await tx.execute(
            select(JournalEntry.__table__)
            .where(JournalEntry.position.is_(None))
            .order_by(JournalEntry.number)
            .limit(limit)
        )
    ).all()
    if not waiting:
        return 0
    connection = await tx.connection()
    position, previous = await connection.run_sync(_head)
    changes = []
    for row in waiting:
        position += 1
        previous = entry_hash(previous, position, row._mapping)
        changes.append({"n": row.number, "p": position, "h": previous})
    table = JournalEntry.__table__
    await connection.execute(
        update(JournalEntry)
        .where(table.c.number == bindparam("n"))
        .values(position=bindparam("p"), hash=bindparam("h")),
        changes,
    )
    wake_after_commit(tx, JOURNAL)
    return len(changes)


def _head(tx: Connection) -> tuple[int, str]:
    row = tx.execute(
        select(JournalEntry.position, JournalEntry.hash)
        .where(JournalEntry.position.is_not(None))
        .order_by(JournalEntry.position.desc())
        .limit(1)
    ).first()
    return (row[0] or 0, row[1] or GENESIS) if row else (0, GENESIS)
