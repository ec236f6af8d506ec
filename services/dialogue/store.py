"""Rows of the dialogue. Nothing here asks who may."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from schemas.dialogue import Entry, Question, QuestionState
from services.dialogue.model import DialogueRow, EntryRow, QuestionRow
from services.kernel.upsert import insert_or

_QUESTIONS = QuestionRow.__table__
_ENTRIES = EntryRow.__table__


async def entries(tx: AsyncSession, challenge: str) -> tuple[Entry, ...]:
    """The oldest first."""
    query = select(_ENTRIES).where(_ENTRIES.c.challenge == challenge).order_by(_ENTRIES.c.number)
    rows = await tx.execute(query)
    return tuple(
        Entry.model_validate({name: getattr(row, name) for name in Entry.model_fields}) for row in rows
    )


async def waiting(tx: AsyncSession, challenge: str) -> tuple[Question, ...]:
    """Questions that were not answered or declined yet, in the order in which they came."""
    return await _questions(
        tx, _QUESTIONS.c.challenge == challenge, _QUESTIONS.c.state == QuestionState.received.value
    )


async def asked_by(tx: AsyncSession, challenge: str, asker: str) -> tuple[Question, ...]:
    return await _questions(tx, _QUESTIONS.c.challenge == challenge, _QUESTIONS.c.asker == asker)


async def locked(tx: AsyncSession, challenge: str, questions: Collection[str]) -> dict[str, Question]:
    """Those of the challenge among them, by id, whatever their state; nobody else changes them meanwhile."""
    condition = _QUESTIONS.c.challenge == challenge, _QUESTIONS.c.id.in_(sorted(questions))
    return {one.id: one for one in await _questions(tx, *condition, lock=True)}


async def asker_of(tx: AsyncSession, question: str) -> str:
    found: str = (
        await tx.execute(select(_QUESTIONS.c.asker).where(_QUESTIONS.c.id == question))
    ).scalar_one()
    return found


async def count(tx: AsyncSession, *conditions: ColumnElement[bool]) -> int:
    return (await tx.execute(select(func.count()).select_from(_QUESTIONS).where(*conditions))).scalar() or 0


async def add_question(tx: AsyncSession, question: Question, *, asker: str) -> None:
    await tx.execute(
        insert(QuestionRow).values(
            id=question.id,
            challenge=question.challenge,
            asker=asker,
            text=question.text,
            state=question.state.value,
            received_at=question.received_at,
            changed_at=question.received_at,
        )
    )


async def settle(
    tx: AsyncSession,
    questions: Collection[str],
    state: QuestionState,
    *,
    at: datetime,
    entry: int | None = None,
    reason: str | None = None,
) -> None:
    """The caller holds these questions."""
    values = {"state": state.value, "entry": entry, "reason": reason, "changed_at": at}
    await tx.execute(update(QuestionRow).where(_QUESTIONS.c.id.in_(sorted(questions))).values(**values))


async def take_numbers(tx: AsyncSession, challenge: str, number: int) -> range:
    """The next numbers of entries; the dialogue is the caller's until its transaction ends."""
    took = (
        insert_or(tx, DialogueRow)
        .values(challenge=challenge, entries=number)
        .on_conflict_do_update(
            index_elements=["challenge"], set_={"entries": DialogueRow.__table__.c.entries + number}
        )
        .returning(DialogueRow.__table__.c.entries)
    )
    last: int = (await tx.execute(took)).scalar_one()
    return range(last - number + 1, last + 1)


async def add_entries(tx: AsyncSession, challenge: str, found: Sequence[Entry], *, by: str) -> None:
    rows = [{"challenge": challenge, "published_by": by, **one.model_dump()} for one in found]
    await tx.execute(insert(EntryRow), rows)


async def _questions(
    tx: AsyncSession, *conditions: ColumnElement[bool], lock: bool = False
) -> tuple[Question, ...]:
    query = select(_QUESTIONS).where(*conditions).order_by(_QUESTIONS.c.id)
    rows = await tx.execute(query.with_for_update() if lock else query)
    return tuple(
        Question.model_validate({name: getattr(row, name) for name in Question.model_fields}) for row in rows
    )
