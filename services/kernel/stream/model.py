"""Tables of the stream: how far each service is, what it has done, what it could not do."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Index, Integer, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from services.kernel.database import Base, Instant


class Cursor(Base):
    """How far a service has read the journal. Moved in the transaction of the effects."""

    __tablename__ = "cursors"

    service: Mapped[str] = mapped_column(String(100), primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger)
    fence: Mapped[int] = mapped_column(BigInteger)
    """Of the lease that moves this cursor; who holds an older one moves nothing."""


class HandledEvent(Base):
    """Inbox row: this service has done this event. Makes at-least-once carriage idempotent."""

    __tablename__ = "handled_events"

    service: Mapped[str] = mapped_column(String(100), primary_key=True)
    event_id: Mapped[str] = mapped_column(String(300), primary_key=True)
    handled_at: Mapped[datetime] = mapped_column(Instant)

    __table_args__ = (Index("ix_handled_events_handled_at", "handled_at"),)


class ConsumerState(Base):
    """Whether a service's consumer runs. No row: it runs."""

    __tablename__ = "consumers"

    service: Mapped[str] = mapped_column(String(100), primary_key=True)
    state: Mapped[str] = mapped_column(String(16))
    """running | halted"""
    reason: Mapped[str] = mapped_column(Text)
    since: Mapped[datetime] = mapped_column(Instant)


class DeadLetterRow(Base):
    """An event that a service could not handle, with the reason. It waits for redrive or discard."""

    __tablename__ = "dead_letters"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    service: Mapped[str] = mapped_column(String(100))
    event_id: Mapped[str] = mapped_column(String(300))
    position: Mapped[int | None] = mapped_column(BigInteger)
    """In the journal; None for a message that came from outside."""
    type: Mapped[str] = mapped_column(String(200))
    reason: Mapped[str] = mapped_column(Text)
    trace: Mapped[str] = mapped_column(Text)
    """The frames of the failure, without values."""
    tries: Mapped[int] = mapped_column(Integer)
    failed_at: Mapped[datetime] = mapped_column(Instant)
    state: Mapped[str] = mapped_column(String(16))
    """open | redriven | discarded"""
    resolution: Mapped[str] = mapped_column(Text, default="")
    resolved_at: Mapped[datetime | None] = mapped_column(Instant)
    redrive_requested_at: Mapped[datetime | None] = mapped_column(Instant)
    """Set by an operator; the consumer that owns the handler then takes it up."""
    message: Mapped[bytes | None] = mapped_column(LargeBinary)
    """What came in from outside, as it came; None for events of the journal, which has them."""

    __table_args__ = (
        Index("ix_dead_letters_service_state", "service", "state", "id"),
        Index(
            "ix_dead_letters_redrive",
            "redrive_requested_at",
            sqlite_where=redrive_requested_at.is_not(None),
            postgresql_where=redrive_requested_at.is_not(None),
        ),
    )
