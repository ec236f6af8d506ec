"""Tables of the journal."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Index, Integer, String, text
from sqlalchemy.orm import Mapped, mapped_column

from services.kernel.database import Base, Instant

BigKey = BigInteger().with_variant(Integer, "sqlite")
"""SQLite counts up only a column of type INTEGER."""


class JournalEntry(Base):
    """One event. `position` and `hash` are empty until the sequencer has given them."""

    __tablename__ = "journal"

    number: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=True)
    """Order of insertion. Not the order of commit, hence `position`."""
    position: Mapped[int | None] = mapped_column(BigInteger, unique=True)
    hash: Mapped[str | None] = mapped_column(String(64))
    id: Mapped[str] = mapped_column(String(64), unique=True)
    type: Mapped[str] = mapped_column(String(100))
    subject: Mapped[str] = mapped_column(String(200))
    key: Mapped[str] = mapped_column(String(64))
    time: Mapped[datetime] = mapped_column(Instant)
    salt: Mapped[str | None] = mapped_column(String(32))
    """128 random bits that the hash covers, so that it tells nobody which words were erased: they go with the
    first of them. Empty in entries of releases that gave none."""
    data: Mapped[Any] = mapped_column(JSON)
    """JSON as text on both databases: JSONB rewrites numbers, and the hash covers them."""
    audience: Mapped[list[str]] = mapped_column(JSON)
    public: Mapped[bool] = mapped_column(Boolean)
    correlation_id: Mapped[str] = mapped_column(String(64))
    traceparent: Mapped[str | None] = mapped_column(String(64))

    __table_args__ = (
        Index(
            "ix_journal_unsequenced",
            "number",
            sqlite_where=position.is_(None),
            postgresql_where=position.is_(None),
        ),
        Index("ix_journal_type_position", "type", "position"),
        Index("ix_journal_key", "key"),
        Index(
            "ix_journal_public",
            "position",
            sqlite_where=text("public = 1"),
            postgresql_where=text("public"),
        ),
    )


class JournalAudience(Base):
    """Which organisation may read which entry, by the organisation: one's own slice is one index range."""

    __tablename__ = "journal_audience"

    organisation: Mapped[str] = mapped_column(String(64), primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True)
