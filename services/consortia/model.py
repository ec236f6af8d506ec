"""Tables of consortia."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, Float, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from services.kernel.database import Base, Document, Instant


class ConsortiumRow(Base):
    """A consortium. `document` is the Consortium with nothing hidden; who sees what of it is decided when it
    is read."""

    __tablename__ = "consortia"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    challenge: Mapped[str] = mapped_column(String(64))
    version: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(String(20))
    asked_by: Mapped[str | None] = mapped_column(String(64))
    """Who began a team and asked who is missing; empty for those that the product proposes."""
    buyer: Mapped[str] = mapped_column(String(64))
    announced_by: Mapped[str] = mapped_column(String(64))
    deadline: Mapped[date] = mapped_column(Date)
    worth: Mapped[float] = mapped_column(Float(53))
    document: Mapped[Any] = mapped_column(Document)
    changed_at: Mapped[datetime] = mapped_column(Instant)

    __table_args__ = (Index("ix_consortia_challenge_state", "challenge", "state"),)


class ConsortiumMemberRow(Base):
    """A company that is, or was, asked for a consortium. Whoever declined is not asked again for the
    challenge."""

    __tablename__ = "consortium_members"

    consortium: Mapped[str] = mapped_column(String(64), primary_key=True)
    company: Mapped[str] = mapped_column(String(64), primary_key=True)
    challenge: Mapped[str] = mapped_column(String(64), index=True)
    owner: Mapped[str] = mapped_column(String(64))
    left_at: Mapped[datetime | None] = mapped_column(Instant)
    declined_at: Mapped[datetime | None] = mapped_column(Instant)
    declined_by: Mapped[str | None] = mapped_column(String(64))
    note: Mapped[str | None] = mapped_column(Text)
    """Why it declined: the company's own file; nobody else reads it."""

    __table_args__ = (
        Index("ix_consortium_members_company", "company"),
        Index("ix_consortium_members_owner", "owner"),
    )


class ConsortiumReviewRow(Base):
    """When the consortia of a challenge were thought over last, and when they are to be again."""

    __tablename__ = "consortium_reviews"

    challenge: Mapped[str] = mapped_column(String(64), primary_key=True)
    reviewed_at: Mapped[datetime] = mapped_column(Instant)
    due_at: Mapped[datetime | None] = mapped_column(Instant, index=True)
    conflict: Mapped[str | None] = mapped_column(Text)
    gaps: Mapped[Any] = mapped_column(Document, nullable=True)
    """The GapBrief of the best team, as it was told last."""
