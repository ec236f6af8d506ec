"""Kept answers that hold a secret, under the present encryption key."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from typing import Any

from sqlalchemy import select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.kernel.database import Database
from services.kernel.resealing import AT_A_TIME, Resealed, in_portions
from services.kernel.security import SecretBox
from services.kernel.web.model import IdempotencyKey

ROW: Any = IdempotencyKey.__table__


def reseal_answers(database: Database, box: SecretBox) -> AsyncIterator[Resealed]:
    """As `kernel.resealing.Reseal`. Such answers are gone after a day; until then a repeated request opens
    one."""
    return in_portions(database, ("", ""), partial(_some, box))


async def _some(box: SecretBox, tx: AsyncSession, after: tuple[str, str]) -> tuple[tuple[str, str], Resealed]:
    place = tuple_(ROW.c.organisation, ROW.c.key)
    query = (
        select(ROW.c.organisation, ROW.c.key, ROW.c.body)
        .where(ROW.c.sealed, ROW.c.body.is_not(None), place > after)
        .order_by(ROW.c.organisation, ROW.c.key)
        .limit(AT_A_TIME)
    )
    rows = (await tx.execute(query.with_for_update())).all()
    renewed = 0
    lost: list[str] = []
    for row in rows:
        try:
            fresh = box.renew(row.body.decode())
        except ValueError:
            lost.append(f"the answer kept for {row.organisation}")
            continue
        if fresh is not None:
            mine = (ROW.c.organisation == row.organisation, ROW.c.key == row.key)
            await tx.execute(update(ROW).where(*mine).values(body=fresh.encode()))
            renewed += 1
    last = (rows[-1].organisation, rows[-1].key) if rows else after
    return last, Resealed(len(rows), renewed, tuple(lost))
