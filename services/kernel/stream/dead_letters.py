"""Events that could not be handled: look at them, have them tried again, or drop them with a reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.kernel.database import wake_after_commit
from services.kernel.identifiers import new_id
from services.kernel.journal.event import Event
from services.kernel.journal.model import JournalEntry
from services.kernel.journal.reading import event_of
from services.kernel.problems import Conflict, NotFound
from services.kernel.stream.consumers import CONTROL
from services.kernel.stream.failure import Failure
from services.kernel.stream.model import DeadLetterRow

OPEN = "open"
REDRIVEN = "redriven"
DISCARDED = "discarded"

_ROW = DeadLetterRow.__table__


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One event that one service could not handle. `trace` has places in the code, never values."""

    id: str
    service: str
    event_id: str
    position: int | None
    type: str
    reason: str
    trace: str
    tries: int
    failed_at: datetime
    state: str
    resolution: str
    resolved_at: datetime | None
    redrive_requested_at: datetime | None


async def add(
    tx: AsyncSession, service: str, event: Event, failure: Failure, *, now: datetime, message: bytes | None
) -> str:
    """Put an event aside; in the transaction that marks it done. Returns the dead letter's id."""
    letter = new_id("ded")
    await tx.execute(
        insert(DeadLetterRow).values(
            id=letter,
            service=service,
            event_id=event.id,
            position=event.position or None,
            type=event.type,
            reason=failure.reason,
            trace=failure.trace,
            tries=failure.tries,
            failed_at=now,
            state=OPEN,
            message=message,
        )
    )
    return letter


async def find(
    tx: AsyncSession,
    *,
    service: str | None = None,
    state: str | None = OPEN,
    after: str = "",
    limit: int = 50,
) -> list[DeadLetter]:
    """Dead letters in order of their ids (that is, of time), those with id > `after`; None: of any."""
    query = select(_ROW).where(DeadLetterRow.id > after)
    if service is not None:
        query = query.where(DeadLetterRow.service == service)
    if state is not None:
        query = query.where(DeadLetterRow.state == state)
    rows = (await tx.execute(query.order_by(DeadLetterRow.id).limit(limit))).all()
    return [_letter(row) for row in rows]


async def count(tx: AsyncSession) -> dict[str, int]:
    """Open dead letters per service."""
    rows = await tx.execute(
        select(DeadLetterRow.service, func.count().label("letters"))
        .where(DeadLetterRow.state == OPEN)
        .group_by(DeadLetterRow.service)
    )
    return {row.service: row.letters for row in rows}


async def show(tx: AsyncSession, letter: str) -> DeadLetter:
    """Raises `NotFound`."""
    row = (await tx.execute(select(_ROW).where(DeadLetterRow.id == letter))).first()
    if row is None:
        raise NotFound(f"There is no dead letter {letter!r}; list them to see which there are.")
    return _letter(row)


async def redrive(tx: AsyncSession, letter: str, *, now: datetime) -> None:
    """Ask that exactly this event be handed to its handler again, by the consumer that owns the handler.

    The outcome is seen in the dead letter: `redriven`, or `open` with a new reason and more tries.
    Raises `NotFound`, and `Conflict` when it is not open any more.
    """
    await _require_open(tx, letter)
    await _request(tx, DeadLetterRow.id == letter, now)


async def redrive_all(tx: AsyncSession, service: str, *, now: datetime) -> int:
    """The same for every open dead letter of a service, oldest first; returns how many were asked for."""
    return await _request(tx, DeadLetterRow.service == service, now)


async def discard(tx: AsyncSession, letter: str, reason: str, *, now: datetime) -> None:
    """Give an event up, on record. Raises `NotFound`, and `Conflict` when it is not open any more."""
    await _require_open(tx, letter)
    await tx.execute(
        update(DeadLetterRow)
        .where(DeadLetterRow.id == letter, DeadLetterRow.state == OPEN)
        .values(state=DISCARDED, resolution=reason, resolved_at=now, redrive_requested_at=None, message=None)
    )


async def requested(tx: AsyncSession) -> dict[str, list[str]]:
    """Open dead letters to be redriven: ids in order, per service."""
    rows = await tx.execute(
        select(DeadLetterRow.service, DeadLetterRow.id)
        .where(DeadLetterRow.redrive_requested_at.is_not(None), DeadLetterRow.state == OPEN)
        .order_by(DeadLetterRow.id)
    )
    by_service: dict[str, list[str]] = {}
    for service, letter in rows:
        by_service.setdefault(service, []).append(letter)
    return by_service


async def message(tx: AsyncSession, letter: str) -> bytes | None:
    """What came in from outside, as it came; None for an event of the journal."""
    return (await tx.execute(select(DeadLetterRow.message).where(DeadLetterRow.id == letter))).scalar()


async def journal_event(tx: AsyncSession, letter: str) -> Event | None:
    """The event, from the journal; None for a message from outside."""
    query = (
        select(JournalEntry.__table__)
        .join(DeadLetterRow, JournalEntry.id == DeadLetterRow.event_id)
        .where(DeadLetterRow.id == letter)
    )
    row = (await tx.execute(query)).first()
    return event_of(row) if row else None


async def mark_redriven(tx: AsyncSession, letter: str, *, now: datetime) -> bool:
    """In the transaction of the effects. False: it was resolved by somebody else meanwhile."""
    marked = await tx.execute(
        update(DeadLetterRow)
        .where(DeadLetterRow.id == letter, DeadLetterRow.state == OPEN)
        .values(
            state=REDRIVEN,
            resolution="handled on redrive",
            resolved_at=now,
            redrive_requested_at=None,
            message=None,
        )
        .returning(DeadLetterRow.id)
    )
    return marked.scalar() is not None


async def is_open(tx: AsyncSession, letter: str) -> bool:
    """Whether nobody has resolved it yet; it stays so until the transaction ends."""
    query = select(DeadLetterRow.id).where(DeadLetterRow.id == letter, DeadLetterRow.state == OPEN)
    return (await tx.execute(query.with_for_update())).scalar() is not None


async def mark_failed_again(tx: AsyncSession, letter: str, failure: Failure, *, now: datetime) -> None:
    await tx.execute(
        update(DeadLetterRow)
        .where(DeadLetterRow.id == letter, DeadLetterRow.state == OPEN)
        .values(
            reason=failure.reason,
            trace=failure.trace,
            tries=DeadLetterRow.tries + failure.tries,
            failed_at=now,
            redrive_requested_at=None,
        )
    )


async def recent(tx: AsyncSession, service: str, *, since: datetime, limit: int) -> Sequence[str]:
    """Ids of this service's open dead letters that failed after `since`, at most `limit`."""
    rows = await tx.execute(
        select(DeadLetterRow.id)
        .where(DeadLetterRow.service == service, DeadLetterRow.state == OPEN, DeadLetterRow.failed_at > since)
        .limit(limit)
    )
    return rows.scalars().all()


async def _require_open(tx: AsyncSession, letter: str) -> None:
    state = (await show(tx, letter)).state
    if state != OPEN:
        raise Conflict(f"Dead letter {letter} is {state} already; only an open one can be changed.")


async def _request(tx: AsyncSession, which: ColumnElement[bool], now: datetime) -> int:
    asked = await tx.execute(
        update(DeadLetterRow)
        .where(which, DeadLetterRow.state == OPEN)
        .values(redrive_requested_at=now)
        .returning(DeadLetterRow.id)
    )
    wake_after_commit(tx, CONTROL)
    return len(asked.all())


def _letter(row: object) -> DeadLetter:
    return DeadLetter(**{name: getattr(row, name) for name in DeadLetter.__dataclass_fields__})
