"""What happens to messages with time alone: they expire, and their log is cleared away."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select, update
from ulid import ULID

from services.courier import model
from services.courier.model import AttemptRow, BodyRow, DeliveryRow, EndpointRow
from services.kernel.database import Database

LOG_DAYS = 30
"""How long delivered and given-up messages can be looked at and sent again."""

SWEEP_EVERY_S = 60.0

CHUNK = 500
"""Rows per transaction: some milliseconds, so that no other writer waits for the sweep."""

DELIVERIES: Any = DeliveryRow.__table__
ATTEMPTS: Any = AttemptRow.__table__
BODIES: Any = BodyRow.__table__


async def sweep(database: Database, *, now: datetime, log_days: int = LOG_DAYS) -> tuple[int, int]:
    """Expire what waits for endpoints that are off, and clear the log; returns how many of each.

    Messages of endpoints that are on expire when their turn comes: the courier sees to that.
    """
    expired = cleared = 0
    while (count := await _expire(database, now)) > 0:
        expired += count
    while (count := await _clear(database, now - timedelta(days=log_days))) > 0:
        cleared += count
    return expired, cleared


async def _expire(database: Database, now: datetime) -> int:
    off = select(EndpointRow.id).where(EndpointRow.state != model.ACTIVE)
    late = (
        select(DeliveryRow.id)
        .where(
            DeliveryRow.state == model.PENDING,
            DeliveryRow.endpoint_id.in_(off),
            DeliveryRow.expires_at <= now,
        )
        .limit(CHUNK)
    )
    async with database.read() as tx:
        ids = (await tx.execute(late)).scalars().all()
    if ids:
        async with database.write() as tx:
            await tx.execute(
                update(DELIVERIES)
                .where(DELIVERIES.c.id.in_(ids), DELIVERIES.c.state == model.PENDING)
                .values(state=model.EXPIRED, next_attempt_at=None)
            )
    return len(ids)


async def _clear(database: Database, before: datetime) -> int:
    # Ids carry the time they were made, so the primary key finds the old ones.
    oldest = f"msg_{str(ULID.from_datetime(before))[:10]}"
    done = (
        select(DeliveryRow.id)
        .where(DeliveryRow.id < oldest, DeliveryRow.state != model.PENDING)
        .order_by(DeliveryRow.id)
        .limit(CHUNK)
    )
    async with database.read() as tx:
        ids = (await tx.execute(done)).scalars().all()
    if ids:
        async with database.write() as tx:
            gone = (
                delete(DELIVERIES)
                .where(DELIVERIES.c.id.in_(ids), DELIVERIES.c.state != model.PENDING)
                .returning(DELIVERIES.c.id)
            )
            cleared = (await tx.execute(gone)).scalars().all()
            for table in (ATTEMPTS, BODIES):
                await tx.execute(delete(table).where(table.c.delivery_id.in_(cleared)))
    return len(ids)
