"""The progress of a dead letter that is handled again: its own row is the mark."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from services.kernel.clock import Clock
from services.kernel.database import Database
from services.kernel.journal.event import Event
from services.kernel.stream import dead_letters
from services.kernel.stream.port import Rejected
from services.kernel.stream.progress import Superseded


class RedriveProgress:
    """Marks the dead letter `redriven` in the transaction of the effects, so that they happen once."""

    def __init__(self, database: Database, letter: str, clock: Clock) -> None:
        self._database = database
        self._letter = letter
        self._clock = clock

    async def is_wanted(self) -> bool:
        """Whether it is open, and somebody asked for its redrive."""
        async with self._database.read() as tx:
            letter = await dead_letters.show(tx, self._letter)
        return letter.state == dead_letters.OPEN and letter.redrive_requested_at is not None

    async def event(self, revive: Callable[[bytes], Event] | None) -> Event:
        """The event as it was. Raises `Rejected` where it cannot be had."""
        async with self._database.read() as tx:
            event = await dead_letters.journal_event(tx, self._letter)
            message = None if event else await dead_letters.message(tx, self._letter)
        if event is not None:
            return event
        if message is None or revive is None:
            raise Rejected("the event is neither in the journal nor kept with the dead letter")
        return revive(message)

    async def fresh(self, events: Sequence[Event]) -> list[Event]:
        async with self._database.read() as tx:
            letter = await dead_letters.show(tx, self._letter)
        return list(events) if letter.state == dead_letters.OPEN else []

    async def mark(self, tx: AsyncSession, events: Sequence[Event]) -> None:
        if not await dead_letters.mark_redriven(tx, self._letter, now=self._clock.now()):
            raise Superseded

    async def confirm(self, tx: AsyncSession, events: Sequence[Event]) -> None:
        if not await dead_letters.is_open(tx, self._letter):
            raise Superseded

    def committed(self, events: Sequence[Event]) -> None:
        pass

    def message(self, event: Event) -> bytes | None:
        return None
