"""Tables of subscriptions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, Index, Integer, String
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
