"""Tables of indexing: what is in the index, and by which model."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from services.kernel.database import Base, Document, Instant


class IndexedRow(Base):
    """One entity in one collection, at the version whose vectors are there."""

    __tablename__ = "indexed"

    collection: Mapped[str] = mapped_column(String(100), primary_key=True)
    entity: Mapped[str] = mapped_column(String(64), primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    texts: Mapped[int] = mapped_column(Integer)
    at: Mapped[datetime] = mapped_column(Instant)

    __table_args__ = (Index("ix_indexed_entity", "entity"),)


class GenerationRow(Base):
    """A model that has collections: remembered by name, so that the old one can be loaded again to serve
    while the new one is built."""

    __tablename__ = "index_generations"

    fingerprint: Mapped[str] = mapped_column(String(64), primary_key=True)
    model: Mapped[str] = mapped_column(String(500))
    started_at: Mapped[datetime] = mapped_column(Instant)
    served_from: Mapped[datetime | None] = mapped_column(Instant)
    """Empty while it is being built: only what has served is taken away when another one serves."""


class IndexReportRow(Base):
    """What the process that has the index tells of it, for processes that have none; and what they order."""

    __tablename__ = "index_reports"

    name: Mapped[str] = mapped_column(String(16), primary_key=True)
    state: Mapped[Any] = mapped_column(Document)
    reported_at: Mapped[datetime] = mapped_column(Instant)
    ordered_at: Mapped[datetime | None] = mapped_column(Instant)
    """When all was ordered to be written anew; empty once that has begun."""
