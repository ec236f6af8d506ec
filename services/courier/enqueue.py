"""How a message gets into the courier's hands: rows, in the transaction of whoever hands it over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import LargeBinary, bindparam, exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.courier.model import ID, PENDING, BodyRow, DeliveryRow
from services.courier.schedule import end_of_life
from services.kernel.database import wake_after_commit
from services.kernel.identifiers import new_id
from services.kernel.telemetry import current_traceparent
from services.kernel.upsert import insert_or

COURIER = "courier"
"""Wake-up topic: something is due, or an endpoint has changed."""


@dataclass(frozen=True, slots=True)
class NewMessage:
    """One event for one endpoint. `body` is sent as it is, byte for byte, every time.

    `id` is the `webhook-id`. A second message of the same event for the same endpoint is dropped, so that
    handing over twice, or by two subscriptions, delivers once.
    """

    endpoint: str
    subscription: str | None
    event: str
    type: str
    body: bytes
    traceparent: str | None = None
    """Of the event that caused it; None: the running span, if any."""
    id: str = field(default_factory=lambda: new_id("msg"))


async def enqueue(tx: AsyncSession, messages: Sequence[NewMessage], *, now: datetime) -> None:
    """Insert deliveries that are due at once; the courier wakes when the transaction has committed."""
    if not messages:
        return
    trace = current_traceparent()
    rows = [
        {
            "id": message.id,
            "endpoint_id": message.endpoint,
            "subscription_id": message.subscription,
            "event_id": message.event,
            "type": message.type,
            "state": PENDING,
            "attempts": 0,
            "failures": 0,
            "next_attempt_at": now,
            "created_at": now,
            "expires_at": end_of_life(now),
            "traceparent": message.traceparent or trace,
        }
        # in one order everywhere, so that two transactions never wait for each other in a circle
        for message in sorted(messages, key=lambda message: (message.endpoint, message.event))
    ]
    await tx.execute(
        insert_or(tx, DeliveryRow).on_conflict_do_nothing(index_elements=["endpoint_id", "event_id"]), rows
    )
    # A body only where its delivery was new.
    accepted = exists().where(DeliveryRow.id == bindparam("b_id"))
    new = select(bindparam("b_id", type_=ID), bindparam("b_body", type_=LargeBinary)).where(accepted)
    connection = await tx.connection()
    await connection.execute(
        insert_or(tx, BodyRow).from_select(["delivery_id", "body"], new).on_conflict_do_nothing(),
        [{"b_id": message.id, "b_body": message.body} for message in messages],
    )
    wake_after_commit(tx, COURIER)
