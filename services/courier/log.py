"""The delivery log: what was sent to whom and what came of it; sending again, one message or a window."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Row, and_, or_, select, union_all, update
from sqlalchemy.ext.asyncio import AsyncSession

from schemas.delivery import Attempt, Delivery, DeliveryState, Window
from services.courier import model
from services.courier.enqueue import COURIER
from services.courier.model import AttemptRow, DeliveryRow, EndpointRow
from services.courier.schedule import end_of_life
from services.kernel.clock import Clock
from services.kernel.database import Database, wake_after_commit
from services.kernel.problems import Conflict, FieldError, InvalidInput, NotFound
from services.kernel.security import Principal

ROW: Any = DeliveryRow.__table__

Place = tuple[str, str]
"""Where a page of the log ended: event id and endpoint id."""


class DeliveryLog:
    """Deliveries to an organisation's endpoints. Every method acts for a principal."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def get(self, principal: Principal, message: str) -> Delivery:
        async with self._database.read() as tx:
            return _delivery(await _own(tx, principal, message))

    async def attempts(self, principal: Principal, message: str) -> list[Attempt]:
        """Every request made for the message, the first one first."""
        async with self._database.read() as tx:
            await _own(tx, principal, message)
            rows = await tx.execute(
                select(AttemptRow).where(AttemptRow.delivery_id == message).order_by(AttemptRow.number)
            )
            return [
                Attempt(
                    number=row.number,
                    at=row.at,
                    outcome=row.outcome,
                    status=row.status,
                    duration_ms=round(row.duration_ms),
                    detail=row.detail or None,
                    response=row.response or None,
                )
                for row in rows.scalars()
            ]

    async def resending(self, tx: AsyncSession, principal: Principal, message: str) -> Delivery:
        """Send one message again, delivered or not: the same `webhook-id`, the same bytes, the schedule from
        its beginning."""
        principal.needs_scope("write")
        row = await _own(tx, principal, message)
        await _must_be_on(tx, row.endpoint_id)
        await self._revive(tx, ROW.c.id == row.id)
        return await delivery(tx, row.id)

    async def resend(self, principal: Principal, message: str) -> Delivery:
        """`resending`, in a transaction of its own."""
        async with self._database.write(durable=True) as tx:
            return await self.resending(tx, principal, message)

    async def resending_window(self, tx: AsyncSession, principal: Principal, window: Window) -> int:
        """Send again what was never delivered of the messages made in the window; returns how many.

        What was delivered once is not sent, and what is pending goes on as it was.
        """
        principal.needs_scope("write")
        if window.until <= window.since:
            detail = "The window must end after it begins."
            raise InvalidInput(detail, errors=[FieldError(pointer="/until", detail=detail)])
        endpoint = await _own_endpoint(tx, principal, window.endpoint)
        await _must_be_on(tx, endpoint)
        return await self._revive(
            tx,
            and_(
                ROW.c.endpoint_id == endpoint,
                ROW.c.state.in_((model.EXHAUSTED, model.EXPIRED)),
                ROW.c.delivered_at.is_(None),
                ROW.c.created_at >= window.since,
                ROW.c.created_at < window.until,
            ),
        )

    async def resend_window(self, principal: Principal, window: Window) -> int:
        """`resending_window`, in a transaction of its own."""
        async with self._database.write(durable=True) as tx:
            return await self.resending_window(tx, principal, window)

    async def list(
        self,
        principal: Principal,
        *,
        endpoint: str | None = None,
        state: DeliveryState | None = None,
        after: Place | None = None,
        limit: int,
    ) -> list[Delivery]:
        """Deliveries, newest event first, from `after` on; of one endpoint or of all one's own."""
        async with self._database.read() as tx:
            if endpoint is not None:
                endpoints = [await _own_endpoint(tx, principal, endpoint)]
            else:
                mine = select(EndpointRow.id).where(
                    EndpointRow.owner == principal.organisation, EndpointRow.state != model.REMOVED
                )
                endpoints = list((await tx.execute(mine)).scalars())
            if not endpoints:
                return []
            # One index range per endpoint, each already in order: never a sort of the whole log.
            newest = [_newest(name, state, after).limit(limit).subquery() for name in endpoints]
            found = union_all(*(select(part) for part in newest)).subquery()
            rows = await tx.execute(
                select(found).order_by(found.c.event_id.desc(), found.c.endpoint_id.desc()).limit(limit)
            )
            return [_delivery(row) for row in rows]

    async def _revive(self, tx: AsyncSession, which: ColumnElement[bool]) -> int:
        now = self._clock.now()
        revived = await tx.execute(
            update(ROW)
            .where(which)
            .values(state=model.PENDING, failures=0, next_attempt_at=now, expires_at=end_of_life(now))
            .returning(ROW.c.id)
        )
        wake_after_commit(tx, COURIER)
        return len(revived.all())


async def delivery(tx: AsyncSession, message: str) -> Delivery:
    """One delivery as the contract has it."""
    return _delivery((await tx.execute(select(ROW).where(ROW.c.id == message))).one())


def _newest(endpoint: str, state: DeliveryState | None, after: Place | None) -> Any:
    query = select(ROW).where(ROW.c.endpoint_id == endpoint)
    if state is not None:
        query = query.where(ROW.c.state == state.value)
    if after is not None:
        event, last = after
        older = ROW.c.event_id < event
        query = query.where(or_(older, ROW.c.event_id == event) if endpoint < last else older)
    return query.order_by(ROW.c.event_id.desc())


async def _own_endpoint(tx: AsyncSession, principal: Principal, endpoint: str) -> str:
    query = select(EndpointRow.owner).where(EndpointRow.id == endpoint, EndpointRow.state != model.REMOVED)
    owner = (await tx.execute(query)).scalar()
    if owner is None or (owner != principal.organisation and not principal.is_admin):
        raise NotFound(f"You have no endpoint {endpoint!r}.")
    return endpoint


async def _own(tx: AsyncSession, principal: Principal, message: str) -> Row[Any]:
    query = (
        select(ROW, EndpointRow.owner)
        .join(EndpointRow, EndpointRow.id == ROW.c.endpoint_id)
        .where(ROW.c.id == message, EndpointRow.state != model.REMOVED)
    )
    row = (await tx.execute(query)).first()
    if row is None or (row.owner != principal.organisation and not principal.is_admin):
        raise NotFound(f"You have no delivery {message!r}.")
    return row


async def _must_be_on(tx: AsyncSession, endpoint: str) -> None:
    state = (await tx.execute(select(EndpointRow.state).where(EndpointRow.id == endpoint))).scalar()
    if state != model.ACTIVE:
        raise Conflict(f"The endpoint is off. Switch it on first: POST /v1/endpoints/{endpoint}/on.")


def _delivery(row: Row[Any]) -> Delivery:
    return Delivery(
        id=row.id,
        endpoint=row.endpoint_id,
        subscription=row.subscription_id,
        event=row.event_id,
        type=row.type,
        state=row.state,
        attempts=row.attempts,
        created_at=row.created_at,
        next_attempt_at=row.next_attempt_at,
        delivered_at=row.delivered_at,
    )
