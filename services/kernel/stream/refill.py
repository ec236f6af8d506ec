"""Topics that have lost messages are filled again: the relay goes back to the last position that every
service has done, by what the database remembers of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.kernel.journal.model import JournalEntry
from services.kernel.stream.kafka_relay import NAME as RELAY
from services.kernel.stream.lag import Consumed
from services.kernel.stream.model import Cursor, DeadLetterRow, HandledEvent


@dataclass(frozen=True, slots=True)
class Refill:
    """The relay stood at `former` and publishes from `position` + 1 on again. `first_undone`: by service the
    first entry that it has not done, for those that have not done all."""

    former: int
    position: int
    first_undone: dict[str, int]


async def refill(
    tx: AsyncSession, consumed: Consumed, *, now: datetime, remembered: timedelta, after: int | None = None
) -> Refill:
    """Move the relay's cursor back, never forward; a relay that runs notices at the next event.

    `consumed`: every service with its event types; `remembered`: how long inbox rows are kept; `after`: go
    back to this position, whatever is done. What is older than the memory counts as done.
    """
    former = await tx.scalar(select(Cursor.position).where(Cursor.service == RELAY)) or 0
    # A row is removed by the time at which it was handled, which is not before the time of its event: an
    # entry without a row that is younger than the oldest row, or than the memory, was never done.
    oldest = await tx.scalar(select(func.min(HandledEvent.handled_at)))
    horizon = min(now - remembered, oldest or now)
    undone: dict[str, int] = {}
    for service, types in consumed.items():
        done = exists().where(HandledEvent.service == service, HandledEvent.event_id == JournalEntry.id)
        unfit = exists().where(DeadLetterRow.service == RELAY, DeadLetterRow.event_id == JournalEntry.id)
        first = await tx.scalar(
            select(func.min(JournalEntry.position)).where(
                JournalEntry.type.in_(sorted(types)), JournalEntry.time >= horizon, ~done, ~unfit
            )
        )
        if first is not None:
            undone[service] = first
    wanted = after if after is not None else min(undone.values(), default=former + 1) - 1
    position = min(former, wanted)
    await tx.execute(update(Cursor).where(Cursor.service == RELAY).values(position=position))
    return Refill(former, position, undone)
