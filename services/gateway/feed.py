"""The journal as a feed for people and programs outside: history first, then live, nothing twice or missed.

Every reader has only a position. While it is within the newest events, which the process keeps in memory
once for everybody (`Tail`), it reads from there; further behind it reads pages from the database. There is
no queue per reader to overflow, and no moment of changing from history to live in which one could be lost.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import func, select

from services.kernel.database import Database
from services.kernel.journal.event import Event
from services.kernel.journal.model import JournalEntry
from services.kernel.journal.reading import head, read
from services.kernel.journal.tail import NEWS, Tail

Select = Callable[[Sequence[Event]], Awaitable[list[Event]]]
"""Picks from events of a slice, in their order."""

PAGE = 256
"""Events of history read at once."""

WAIT_S = 5.0
"""Longest wait for the tail's bell before looking again: a safety net."""


@dataclass(frozen=True, slots=True)
class Slice:
    """Which events: what `reader` may see (None: everything, "": what is public), of these types, whose
    subject names all of `concerning`."""

    reader: str | None
    types: frozenset[str] | None = None
    concerning: frozenset[str] = field(default_factory=frozenset)

    def has(self, event: Event) -> bool:
        return (
            (self.reader is None or event.public or self.reader in event.audience)
            and (self.types is None or event.type in self.types)
            and self.concerning <= set(event.subject.split("/"))
        )


@dataclass(frozen=True, slots=True)
class Start:
    """Where a reader begins. `gap` says why that is not where it asked to, or is empty."""

    position: int
    gap: str = ""


class Feed:
    """Feeds of one process; `tail` must be running."""

    def __init__(self, database: Database, tail: Tail) -> None:
        self._database = database
        self._tail = tail

    async def start(self, after: int | None) -> Start:
        """Resolve the position a reader asks to go on from; None: from now."""
        async with self._database.read() as tx:
            last = await head(tx)
            first = (await tx.execute(select(func.min(JournalEntry.position)))).scalar() or 1
        if after is None:
            return Start(last)
        if after > last:
            return Start(last, f"Position {after} is not reached yet; the journal is at {last}.")
        if after < first - 1:
            return Start(first - 1, f"Entries before position {first} are not kept any more.")
        return Start(after)

    async def follow(
        self,
        after: int,
        wanted: Slice,
        *,
        select: Select | None = None,
        until: float = float("inf"),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> AsyncGenerator[Event]:
        """Events with a position above `after`, in order, those that `select` picks, until the monotonic
        instant `until` or until the process is being stopped."""
        position = after
        while monotonic() < until and not self._tail.closing:
            token = self._tail.bell.token(NEWS)
            found, reached = await self._next(position, wanted)
            for event in found if select is None else await select(found):
                yield event
            if reached == position:
                await self._tail.bell.wait(NEWS, token, min(WAIT_S, max(0.0, until - monotonic())))
            position = reached

    async def _next(self, position: int, wanted: Slice) -> tuple[list[Event], int]:
        """Some next events of the slice, and the position up to which there are no others."""
        recent = self._tail.recent(position)
        if recent is not None:
            reached = recent[-1].position if recent else position
            return [event for event in recent if wanted.has(event)], reached
        async with self._database.read() as tx:
            last = await head(tx)
            found = await read(
                tx,
                after=position,
                limit=PAGE,
                types=wanted.types,
                concerning=wanted.concerning,
                reader=wanted.reader,
            )
        if len(found) == PAGE:
            return found, found[-1].position
        return found, max(last, position, found[-1].position if found else 0)
