"""Tables of subscriptions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, Float, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from services.kernel.database import Base, Document, Instant


class SubscriptionRow(Base):
    """One subscription. `follow_kind` and `follow_key` say which events can concern it at all, so that
    routing reads a few index ranges and never the whole table."""

    __tablename__ = "subscriptions"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    owner: Mapped[str] = mapped_column(String(64), index=True)
    version: Mapped[int] = mapped_column(Integer)
    follow_kind: Mapped[str] = mapped_column(String(20))
    follow_key: Mapped[str] = mapped_column(String(64))
    endpoint: Mapped[str | None] = mapped_column(String(64), index=True)
    paused: Mapped[bool] = mapped_column(Boolean)
    document: Mapped[Any] = mapped_column(Document)
    created_at: Mapped[datetime] = mapped_column(Instant)
    changed_at: Mapped[datetime] = mapped_column(Instant)

    __table_args__ = (Index("ix_subscriptions_follow", "follow_kind", "follow_key"),)


class AddressRow(Base):
    """The secret address of a subscription that is read by a feed reader or a calendar. `digest`: the SHA-256
    of its token, which itself is kept nowhere."""

    __tablename__ = "subscription_addresses"

    subscription: Mapped[str] = mapped_column(String(64), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    made_at: Mapped[datetime] = mapped_column(Instant)


class DigestRow(Base):
    """A subscription that something waits for. `due_at`: when its digest goes out; None while it is paused,
    or its endpoint gone."""

    __tablename__ = "digests"

    subscription: Mapped[str] = mapped_column(String(64), primary_key=True)
    since: Mapped[datetime] = mapped_column(Instant)
    due_at: Mapped[datetime | None] = mapped_column(Instant, index=True)


class CollectedRow(Base):
    """An event that waits for the digest of a subscription, as it will stand there. The other columns are
    what putting it together asks of all rows, so that it reads the items of the few that are listed alone."""

    __tablename__ = "collected_events"

    subscription: Mapped[str] = mapped_column(String(64), primary_key=True)
    event: Mapped[str] = mapped_column(String(64), primary_key=True)
    thread: Mapped[str] = mapped_column(String(220))
    """A word and the subject of the event."""
    stance: Mapped[str] = mapped_column(String(8))
    score: Mapped[float | None] = mapped_column(Float)
    """By which a suggestion stands in this digest: its own, which the item shows, moved by the answers that
    the subscriber's side had given when it was collected."""
    position: Mapped[int] = mapped_column(BigInteger)
    item: Mapped[Any] = mapped_column(Document)

    __table_args__ = (Index("ix_collected_events_subscription_thread", "subscription", "thread"),)


class AlertRow(Base):
    """An alert that a weekly budget counts, for as long as it does."""

    __tablename__ = "alerts"

    subscription: Mapped[str] = mapped_column(String(64), primary_key=True)
    event: Mapped[str] = mapped_column(String(64), primary_key=True)
    sent_at: Mapped[datetime] = mapped_column(Instant)

    __table_args__ = (Index("ix_alerts_subscription_sent_at", "subscription", "sent_at"),)
