"""Tables of the courier: endpoints, what is to be delivered to them, and every attempt."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Float, Index, Integer, LargeBinary, SmallInteger, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from services.kernel.database import Base, Instant

ID = String(32)
OWNER = String(64)

ACTIVE, OFF, REMOVED = "active", "off", "removed"
"""States of an endpoint. A removed one stays as long as its log does, and is shown to nobody."""

PENDING, DELIVERED, EXHAUSTED, EXPIRED, CANCELLED = (
    "pending",
    "delivered",
    "exhausted",
    "expired",
    "cancelled",
)
"""States of a delivery. `exhausted`: the schedule has run out; `expired`: its life has, before that;
`cancelled`: its endpoint was removed."""


class EndpointRow(Base):
    """A receiver of webhooks, its health, and which courier serves it now."""

    __tablename__ = "endpoints"

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    version: Mapped[int] = mapped_column(Integer, default=1)
    """Counts the changes its owner made; what happens to it by itself does not count."""
    owner: Mapped[str] = mapped_column(OWNER)
    url: Mapped[str] = mapped_column(Text)
    label: Mapped[str | None] = mapped_column(String(200))
    secrets: Mapped[Any] = mapped_column(JSON)
    """`[{"sealed": …, "until": null | ISO instant}]`, newest first: encrypted at rest, and how long an older
    one still signs."""
    state: Mapped[str] = mapped_column(String(16), default=ACTIVE)
    reason: Mapped[str | None] = mapped_column(Text)
    failing_since: Mapped[datetime | None] = mapped_column(Instant)
    """The first failure after the last success; empty while all is well."""
    held_until: Mapped[datetime | None] = mapped_column(Instant)
    """The receiver asked for a rest (Retry-After): nothing is sent before this instant."""
    created_at: Mapped[datetime] = mapped_column(Instant)
    lease_holder: Mapped[str | None] = mapped_column(String(200))
    lease_until: Mapped[datetime | None] = mapped_column(Instant)
    """One courier at a time serves an endpoint, so that its cap and its breaker count every request."""

    __table_args__ = (
        Index("ix_endpoints_owner", "owner"),
        Index(
            "ix_endpoints_lease_holder",
            "lease_holder",
            sqlite_where=lease_holder.is_not(None),
            postgresql_where=lease_holder.is_not(None),
        ),
    )


class DeliveryRow(Base):
    """One message for one endpoint. `id` is the `webhook-id`, the same for ever."""

    __tablename__ = "deliveries"

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    endpoint_id: Mapped[str] = mapped_column(ID)
    subscription_id: Mapped[str | None] = mapped_column(ID)
    event_id: Mapped[str] = mapped_column(String(64))
    type: Mapped[str] = mapped_column(String(100))
    state: Mapped[str] = mapped_column(String(16))
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    """Requests made so far; numbers the attempts."""
    failures: Mapped[int] = mapped_column(SmallInteger, default=0)
    """Failed requests since it was accepted or last re-sent: the place in the schedule."""
    next_attempt_at: Mapped[datetime | None] = mapped_column(Instant)
    created_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant)
    delivered_at: Mapped[datetime | None] = mapped_column(Instant)
    traceparent: Mapped[str | None] = mapped_column(String(64))

    __table_args__ = (
        # One event reaches one endpoint once, however many subscriptions ask for it; and event ids sort by
        # time, so this index lists an endpoint's log too.
        UniqueConstraint("endpoint_id", "event_id"),
        Index(
            "ix_deliveries_pending",
            "endpoint_id",
            "next_attempt_at",
            sqlite_where=state == PENDING,
            postgresql_where=state == PENDING,
        ),
    )


class BodyRow(Base):
    """What is sent, byte for byte. Apart from its delivery, which changes while this does not: on SQLite an
    outcome costs a third of the time when it need not move 1.5 kB of body with it."""

    __tablename__ = "delivery_bodies"

    delivery_id: Mapped[str] = mapped_column(ID, primary_key=True)
    body: Mapped[bytes] = mapped_column(LargeBinary)


class AttemptRow(Base):
    """One request and what came of it."""

    __tablename__ = "delivery_attempts"

    delivery_id: Mapped[str] = mapped_column(ID, primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    at: Mapped[datetime] = mapped_column(Instant)
    outcome: Mapped[str] = mapped_column(String(24))
    status: Mapped[int | None] = mapped_column(SmallInteger)
    duration_ms: Mapped[float] = mapped_column(Float)
    detail: Mapped[str] = mapped_column(Text)
    response: Mapped[str] = mapped_column(Text)

    __table_args__ = ({"sqlite_with_rowid": False},)
