"""Tables of the dialogue."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from services.kernel.database import Base, Instant


class DialogueRow(Base):
    """How many entries the dialogue of a challenge has: whoever publishes holds this row, so that numbers are
    gapless."""

    __tablename__ = "dialogues"

    challenge: Mapped[str] = mapped_column(String(64), primary_key=True)
    entries: Mapped[int] = mapped_column(Integer)


class QuestionRow(Base):
    """A question. Who asked stands here alone: in no event, on no page, and in no answer of the API."""

    __tablename__ = "dialogue_questions"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    challenge: Mapped[str] = mapped_column(String(64))
    asker: Mapped[str] = mapped_column(String(64))
    text: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(16))
    entry: Mapped[int | None] = mapped_column(Integer)
    reason: Mapped[str | None] = mapped_column(Text)
    received_at: Mapped[datetime] = mapped_column(Instant)
    changed_at: Mapped[datetime] = mapped_column(Instant)

    __table_args__ = (Index("ix_dialogue_questions_challenge", "challenge", "state"),)


class EntryRow(Base):
    """What was published: written once, never changed."""

    __tablename__ = "dialogue_entries"

    challenge: Mapped[str] = mapped_column(String(64), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    question: Mapped[str | None] = mapped_column(Text)
    answer: Mapped[str] = mapped_column(Text)
    merged: Mapped[int] = mapped_column(Integer)
    published_at: Mapped[datetime] = mapped_column(Instant)
    published_by: Mapped[str] = mapped_column(String(64))
