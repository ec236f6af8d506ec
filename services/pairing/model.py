"""Tables of pairing."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, Float, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from services.kernel.database import Base, Document, Instant


class PlanRow(Base):
    """An investment plan: which needs it holds is in `plan_needs`."""

    __tablename__ = "plans"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    owner: Mapped[str] = mapped_column(String(64))
    buyer: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(300))
    name_key: Mapped[str] = mapped_column(String(64))
    """Digest of the name in one spelling, by which it is recognised."""
    readers: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime] = mapped_column(Instant)
    changed_at: Mapped[datetime] = mapped_column(Instant)

    __table_args__ = (UniqueConstraint("owner", "name_key"),)


class PlanNeedRow(Base):
    """A row of a plan, and the challenge that it became."""

    __tablename__ = "plan_needs"

    plan: Mapped[str] = mapped_column(String(64), primary_key=True)
    reference: Mapped[str] = mapped_column(String(64), primary_key=True)
    challenge: Mapped[str] = mapped_column(String(64), unique=True)


class PairingRow(Base):
    """The present state of a pairing. `document` is the Pairing; columns are what lists filter by."""

    __tablename__ = "pairings"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(String(24))
    first: Mapped[str] = mapped_column(String(64))
    second: Mapped[str] = mapped_column(String(64), index=True)
    first_buyer: Mapped[str] = mapped_column(String(64), index=True)
    second_buyer: Mapped[str] = mapped_column(String(64), index=True)
    first_by: Mapped[str] = mapped_column(String(64), index=True)
    second_by: Mapped[str] = mapped_column(String(64), index=True)
    similarity: Mapped[float] = mapped_column(Float(53))
    document: Mapped[Any] = mapped_column(Document)
    changed_at: Mapped[datetime] = mapped_column(Instant)

    __table_args__ = (UniqueConstraint("first", "second"), Index("ix_pairings_state", "state", "id"))


class PairingLogRow(Base):
    """The audit trail of a pairing: written once, never changed."""

    __tablename__ = "pairing_log"

    pairing: Mapped[str] = mapped_column(String(64), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    at: Mapped[datetime] = mapped_column(Instant)
    by: Mapped[str | None] = mapped_column(String(64))
    action: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(24))
    to: Mapped[str | None] = mapped_column(String(24))
    note: Mapped[str | None] = mapped_column(Text)


class PairingItemRow(Base):
    """A person, deadline, document or KPI of a pairing. A person's data are here alone, in no event and no
    log, and go with the row."""

    __tablename__ = "pairing_items"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    pairing: Mapped[str] = mapped_column(String(64), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    version: Mapped[int] = mapped_column(Integer)
    document: Mapped[Any] = mapped_column(Document)
    due: Mapped[date | None] = mapped_column(Date)
    """Of a deadline that is not done."""
    reminded_at: Mapped[datetime | None] = mapped_column(Instant)
    added_by: Mapped[str] = mapped_column(String(64))
    changed_at: Mapped[datetime] = mapped_column(Instant)

    __table_args__ = (Index("ix_pairing_items_due", "due", "reminded_at"),)


class GroupRow(Base):
    """A group of needs of which every two are paired. `document` is the Group."""

    __tablename__ = "pairing_groups"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(String(16))
    size: Mapped[int] = mapped_column(Integer)
    document: Mapped[Any] = mapped_column(Document)
    changed_at: Mapped[datetime] = mapped_column(Instant)


class GroupNeedRow(Base):
    """A need of a group, and whose it is."""

    __tablename__ = "pairing_group_needs"

    group: Mapped[str] = mapped_column(String(64), primary_key=True)
    need: Mapped[str] = mapped_column(String(64), primary_key=True)
    buyer: Mapped[str] = mapped_column(String(64), index=True)
    announced_by: Mapped[str] = mapped_column(String(64), index=True)

    __table_args__ = (Index("ix_pairing_group_needs_need", "need"),)
