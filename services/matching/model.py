"""Tables of matching."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, Float, Index, Integer, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from services.kernel.database import Base, Document, Instant


class MatchRow(Base):
    """The present state of a pair that was suggested once.

    `document` is the MatchSuggestion as matching computed it; of its state, and of what people did, the
    columns are the authority: they change many at once, and without reading the document.
    """

    __tablename__ = "matches"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    challenge: Mapped[str] = mapped_column(String(64))
    challenge_version: Mapped[int] = mapped_column(Integer)
    company: Mapped[str] = mapped_column(String(64))
    company_version: Mapped[int] = mapped_column(Integer)
    company_owner: Mapped[str] = mapped_column(String(64))
    buyer: Mapped[str] = mapped_column(String(64))
    announced_by: Mapped[str] = mapped_column(String(64))
    country: Mapped[str] = mapped_column(String(2))
    deadline: Mapped[date] = mapped_column(Date)
    """Last day on which it can be answered: the challenge's, or the day before that was closed early."""
    score: Mapped[float] = mapped_column(Float(53))
    state: Mapped[str] = mapped_column(String(20))
    document: Mapped[Any] = mapped_column(Document)
    changed_at: Mapped[datetime] = mapped_column(Instant)
    suggested_at: Mapped[datetime | None] = mapped_column(Instant)
    """When its present life began; empty in rows that an older release wrote and nothing changed since."""
    notified_at: Mapped[datetime | None] = mapped_column(Instant)
    seen_at: Mapped[datetime | None] = mapped_column(Instant)
    answer: Mapped[str | None] = mapped_column(String(20))
    answer_reason: Mapped[str | None] = mapped_column(String(20))
    answer_note: Mapped[str | None] = mapped_column(Text)
    answered_by: Mapped[str | None] = mapped_column(String(64))
    answered_at: Mapped[datetime | None] = mapped_column(Instant)

    __table_args__ = (
        UniqueConstraint("challenge", "company"),
        Index("ix_matches_challenge_score", "challenge", "score"),
        Index("ix_matches_company_score", "company", "score"),
    )


class SpecialistRow(Base):
    """A company that answers some requirement of a challenge well and too little of it to be suggested alone:
    what a consortium may need. Nobody is told of it."""

    __tablename__ = "specialists"

    challenge: Mapped[str] = mapped_column(String(64), primary_key=True)
    company: Mapped[str] = mapped_column(String(64), primary_key=True)
    best: Mapped[float] = mapped_column(Float(53))
    """Its best answer to a requirement."""
    document: Mapped[Any] = mapped_column(Document)
    """As much of a suggestion as a consortium reads: score, requirements, gates."""

    __table_args__ = (Index("ix_specialists_company", "company"),)


class FeedbackResetRow(Base):
    """A company has begun anew: its answers before this instant move nothing any more in its own list."""

    __tablename__ = "feedback_resets"

    company: Mapped[str] = mapped_column(String(64), primary_key=True)
    reset_at: Mapped[datetime] = mapped_column(Instant)
    reset_by: Mapped[str] = mapped_column(String(64))


class BackgroundRow(Base):
    """How near texts in general come to a part of a challenge, measured once by one model and kept, so
    that a pair can be scored alone at any time and has the same score from both sides."""

    __tablename__ = "backgrounds"

    challenge: Mapped[str] = mapped_column(String(64), primary_key=True)
    part: Mapped[str] = mapped_column(String(80), primary_key=True)
    model: Mapped[str] = mapped_column(String(64), primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    """SHA-256 of the part's text: another text has another background."""
    level: Mapped[float] = mapped_column(Float(53))
    indexed: Mapped[int] = mapped_column(Integer)
