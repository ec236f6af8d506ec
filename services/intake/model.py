"""Tables of challenges and companies. The whole entity is a document; columns are what lists filter by."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import Boolean, Date, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from services.kernel.database import Base, Document, Instant


class ChallengeRow(Base):
    """The present version of a challenge."""

    __tablename__ = "challenges"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(String(32))
    published: Mapped[bool] = mapped_column(Boolean)
    """It was announced, whatever came after: everybody may read it."""
    buyer: Mapped[str] = mapped_column(String(64), index=True)
    announced_by: Mapped[str] = mapped_column(String(64), index=True)
    deadline: Mapped[date] = mapped_column(Date)
    countries: Mapped[str] = mapped_column(Text)
    """Eligible countries as `|CH|FR|`; empty where every country is."""
    cpv: Mapped[str] = mapped_column(Text)
    """CPV codes as `|38423000|`, so that a prefix is found as `|384`."""
    search: Mapped[str] = mapped_column(Text)
    """Title, need and buyer's name, case-folded here: databases fold only as far as their locale goes."""
    document: Mapped[Any] = mapped_column(Document)
    changed_at: Mapped[datetime] = mapped_column(Instant)

    __table_args__ = (
        Index("ix_challenges_state_deadline", "state", "deadline"),
        Index("ix_challenges_changed", "changed_at"),
    )


class ChallengeVersionRow(Base):
    """A version of a challenge, for ever: who was told what and when must be shown years later."""

    __tablename__ = "challenge_versions"

    challenge: Mapped[str] = mapped_column(String(64), primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True)
    published: Mapped[bool] = mapped_column(Boolean)
    document: Mapped[Any] = mapped_column(Document)
    changes: Mapped[Any] = mapped_column(Document)
    changed_by: Mapped[str] = mapped_column(String(64))
    changed_at: Mapped[datetime] = mapped_column(Instant)
    reason: Mapped[str | None] = mapped_column(Text)


class CompanyRow(Base):
    """The present version of a profile."""

    __tablename__ = "companies"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    content_version: Mapped[int | None] = mapped_column(Integer)
    """Version that index and matches are to be of, where later ones say the same of the company."""
    state: Mapped[str] = mapped_column(String(16))
    owner: Mapped[str] = mapped_column(String(64), index=True)
    name: Mapped[str] = mapped_column(String(300))
    country: Mapped[str] = mapped_column(String(2))
    legal_key: Mapped[str | None] = mapped_column(String(150), unique=True)
    """Country and legal id in one spelling."""
    name_key: Mapped[str] = mapped_column(String(64))
    """Digest of owner, country and name in one spelling."""
    search: Mapped[str] = mapped_column(Text)
    document: Mapped[Any] = mapped_column(Document)
    changed_at: Mapped[datetime] = mapped_column(Instant)
    confirmed_on: Mapped[date] = mapped_column(Date)
    """Day (UTC) on which it was last changed or confirmed."""

    __table_args__ = (
        # Without a legal id the name is what tells an owner's companies apart; two imports at the same
        # moment must not make two of one.
        Index(
            "uq_companies_name_key",
            "name_key",
            unique=True,
            sqlite_where=legal_key.is_(None),
            postgresql_where=legal_key.is_(None),
        ),
        Index("ix_companies_name_key", "name_key"),
        Index("ix_companies_state", "state", "id"),
        Index("ix_companies_state_confirmed_on", "state", "confirmed_on"),
    )


class InboxReceiptRow(Base):
    """An idempotency key that came in by Kafka, and what came of it."""

    __tablename__ = "inbox_receipts"

    organisation: Mapped[str] = mapped_column(String(64), primary_key=True)
    idempotency_key: Mapped[str] = mapped_column(String(255), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    entity: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(Instant, index=True)
