"""Signing secrets of endpoints under the present encryption key."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from functools import partial
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.courier.model import EndpointRow
from services.kernel.database import Database
from services.kernel.resealing import AT_A_TIME, Resealed, in_portions
from services.kernel.security import SecretBox

ROW: Any = EndpointRow.__table__


def reseal_endpoints(database: Database, box: SecretBox) -> AsyncGenerator[Resealed, None]:
    """As `kernel.resealing.Reseal`. An endpoint's version stays: its owner has changed nothing."""
    return in_portions(database, "", partial(_some, box))


async def _some(box: SecretBox, tx: AsyncSession, after: str) -> tuple[str, Resealed]:
    query = select(ROW.c.id, ROW.c.secrets).where(ROW.c.id > after).order_by(ROW.c.id).limit(AT_A_TIME)
    rows = (await tx.execute(query.with_for_update())).all()
    renewed = 0
    lost: list[str] = []
    for row in rows:
        try:
            fresh = {place: box.renew(entry["sealed"]) for place, entry in enumerate(row.secrets)}
        except ValueError:
            lost.append(row.id)
            continue
        secrets = [
            {**entry, "sealed": fresh[place] or entry["sealed"]} for place, entry in enumerate(row.secrets)
        ]
        if secrets != row.secrets:
            await tx.execute(update(ROW).where(ROW.c.id == row.id).values(secrets=secrets))
            renewed += sum(one is not None for one in fresh.values())
    return rows[-1].id if rows else after, Resealed(len(rows), renewed, tuple(lost))
