"""Tables of the directory."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, Boolean, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from services.kernel.database import Base, Instant

ORGANISATION = "organisations.id"


class OrganisationRow(Base):
    __tablename__ = "organisations"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    handle: Mapped[str] = mapped_column(String(63), unique=True)
    name: Mapped[str] = mapped_column(String(300))
    kind: Mapped[str] = mapped_column(String(16), index=True)
    country: Mapped[str | None] = mapped_column(String(2))
    region: Mapped[str | None] = mapped_column(String(5))
    sectors: Mapped[list[str]] = mapped_column(JSON)
    eligible_countries: Mapped[list[str]] = mapped_column(JSON)
    version: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(Instant)


class AppointmentRow(Base):
    """An ILO may announce for this BSO."""

    __tablename__ = "appointments"

    ilo: Mapped[str] = mapped_column(String(64), ForeignKey(ORGANISATION), primary_key=True)
    bso: Mapped[str] = mapped_column(String(64), ForeignKey(ORGANISATION), primary_key=True, index=True)


class KeyRow(Base):
    """An API key: its digest, never the key."""

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    organisation: Mapped[str] = mapped_column(String(64), ForeignKey(ORGANISATION), index=True)
    label: Mapped[str] = mapped_column(String(100))
    prefix: Mapped[str] = mapped_column(String(16))
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    scopes: Mapped[list[str]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime | None] = mapped_column(Instant)
    last_used_at: Mapped[datetime | None] = mapped_column(Instant)
    revoked_at: Mapped[datetime | None] = mapped_column(Instant)


class MembershipRow(Base):
    """A company in a cluster, with what the cluster may receive and do for it."""

    __tablename__ = "memberships"

    cluster: Mapped[str] = mapped_column(String(64), ForeignKey(ORGANISATION), primary_key=True)
    company: Mapped[str] = mapped_column(String(64), primary_key=True)
    receive: Mapped[bool] = mapped_column(Boolean)
    act: Mapped[bool] = mapped_column(Boolean)
    validated: Mapped[bool] = mapped_column(Boolean)
    version: Mapped[int] = mapped_column(Integer)
    since: Mapped[datetime] = mapped_column(Instant)

    __table_args__ = (Index("ix_memberships_company", "company"),)
