"""How many messages wait, and for how long: is anybody waiting?"""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.courier.model import OFF, PENDING, DeliveryRow, EndpointRow


class Waiting(BaseModel):
    """`due`: messages whose time has come; `scheduled`: retries later on; `oldest`: when the oldest of those
    that are due was made; `endpoints_off`: endpoints that were switched off."""

    due: int
    scheduled: int
    oldest: datetime | None
    endpoints_off: int


async def waiting(tx: AsyncSession, now: datetime) -> Waiting:
    is_due = DeliveryRow.next_attempt_at <= now
    pending = DeliveryRow.state == PENDING
    due, oldest = (
        await tx.execute(select(func.count(), func.min(DeliveryRow.created_at)).where(pending, is_due))
    ).one()
    later = select(func.count()).select_from(DeliveryRow).where(pending, ~is_due)
    off = select(func.count()).select_from(EndpointRow).where(EndpointRow.state == OFF)
    return Waiting(
        due=due,
        scheduled=(await tx.execute(later)).scalar() or 0,
        oldest=oldest,
        endpoints_off=(await tx.execute(off)).scalar() or 0,
    )
