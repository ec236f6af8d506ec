"""How many messages wait, for how long and why: is anybody waiting, and which endpoints are off?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, cast

from pydantic import BaseModel
from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.courier.model import OFF, PENDING, AttemptRow, DeliveryRow, EndpointRow

TROUBLED_MAX = 20
"""Endpoints told of, the longest waiting first: one screen. All of them are counted."""


class TroubledEndpoint(BaseModel):
    """An endpoint that is off, or that messages wait for. `reason`: why it is off; `failing_since`: its first
    failure after the last success; `pending`: its messages that are not delivered yet; `oldest`: when the
    oldest of them was made; `last_attempt`: what came of its last request that failed (`timeout`,
    `server_error` …), with the status if there was an answer."""

    id: str
    owner: str
    state: str
    reason: str | None
    failing_since: datetime | None
    pending: int
    oldest: datetime | None
    last_attempt: str | None


class Waiting(BaseModel):
    """`due`: messages whose time has come; `scheduled`: retries later on; `oldest`: when the oldest of those
    that wait was made; `endpoints_off`: endpoints that were switched off; `endpoints`: those that are off or
    fail, the longest waiting first, 20 at most."""

    due: int
    scheduled: int
    oldest: datetime | None
    endpoints_off: int
    endpoints: list[TroubledEndpoint]


@dataclass(frozen=True, slots=True)
class Counts:
    """As `Waiting`, without saying which endpoints."""

    due: int
    scheduled: int
    oldest: datetime | None
    endpoints_off: int


async def counts(tx: AsyncSession, now: datetime) -> Counts:
    """How many wait: two statements, for whoever asks every few seconds."""
    is_due = DeliveryRow.next_attempt_at <= now
    counted = select(
        func.count().filter(is_due), func.count().filter(~is_due), func.min(DeliveryRow.created_at)
    ).where(DeliveryRow.state == PENDING)
    due, scheduled, oldest = (await tx.execute(counted)).one()
    off = select(func.count()).select_from(EndpointRow).where(EndpointRow.state == OFF)
    return Counts(due, scheduled, oldest, await tx.scalar(off) or 0)


async def waiting(tx: AsyncSession, now: datetime) -> Waiting:
    """Four statements, however many endpoints are in trouble."""
    return Waiting(**asdict(await counts(tx, now)), endpoints=await _troubled(tx))


async def _troubled(tx: AsyncSession) -> list[TroubledEndpoint]:
    open_ = (
        select(
            DeliveryRow.endpoint_id,
            func.count().label("pending"),
            func.min(DeliveryRow.created_at).label("oldest"),
        )
        .where(DeliveryRow.state == PENDING)
        .group_by(DeliveryRow.endpoint_id)
        .subquery()
    )
    query = (
        select(EndpointRow, open_.c.pending, open_.c.oldest)
        .outerjoin(open_, open_.c.endpoint_id == EndpointRow.id)
        .where(or_(EndpointRow.state == OFF, open_.c.pending > 0))
        .order_by(open_.c.oldest.is_(None), open_.c.oldest, EndpointRow.id)
        .limit(TROUBLED_MAX)
    )
    found = cast("list[tuple[EndpointRow, Any, Any]]", (await tx.execute(query)).all())
    last = await _last_attempts(tx, [endpoint.id for endpoint, _, _ in found])
    return [
        TroubledEndpoint(
            id=endpoint.id,
            owner=endpoint.owner,
            state=endpoint.state,
            reason=endpoint.reason,
            failing_since=endpoint.failing_since,
            pending=pending or 0,
            oldest=oldest,
            last_attempt=last.get(endpoint.id),
        )
        for endpoint, pending, oldest in found
    ]


async def _last_attempts(tx: AsyncSession, endpoints: Sequence[str]) -> dict[str, str]:
    """By endpoint, of its messages that still wait: what went wrong last."""
    newest_first = func.row_number().over(
        partition_by=DeliveryRow.endpoint_id, order_by=(AttemptRow.at.desc(), AttemptRow.number.desc())
    )
    attempts = (
        select(DeliveryRow.endpoint_id, AttemptRow.outcome, AttemptRow.status, newest_first.label("place"))
        .join(DeliveryRow, DeliveryRow.id == AttemptRow.delivery_id)
        .where(DeliveryRow.endpoint_id.in_(endpoints), DeliveryRow.state == PENDING)
        .subquery()
    )
    rows = await tx.execute(select(attempts).where(attempts.c.place == 1))
    return {row.endpoint_id: f"{row.outcome} {row.status or ''}".strip() for row in rows}
