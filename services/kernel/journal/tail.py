"""Following the journal: one reader per process, its newest events in memory for everybody."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from itertools import islice

import structlog

from services.kernel.clock import Clock
from services.kernel.database import Database
from services.kernel.journal.append import JOURNAL
from services.kernel.journal.event import Event
from services.kernel.journal.reading import head, read
from services.kernel.problems import TransientError
from services.kernel.wakeups import Wakeups

KEEP = 512
"""Events kept in memory. Who is further behind reads from the database, in larger bites."""
PAGE = 256
"""Events read at once."""
POLL_S = 0.2
"""The safety net while hints of other processes do not arrive."""
RETRY_S = 1.0
"""Between looks at a database that is out of reach."""

NEWS = "news"
"""Wake-up topic of `Tail.bell`."""

log = structlog.get_logger("liaison.journal")


class Tail:
    """Reads each new entry once, however many services wait for it, and rings `bell`."""

    def __init__(self, database: Database, clock: Clock, *, keep: int = KEEP, poll_s: float = POLL_S) -> None:
        self.bell = Wakeups()
        self.closing = False
        """The process is being stopped: whoever follows the journal for somebody outside ends now."""
        self._database = database
        self._clock = clock
        self._poll_s = poll_s
        self._events: deque[Event] = deque(maxlen=keep)
        self._head: int | None = None

    def close(self) -> None:
        """End what follows the journal for readers outside; they come back to another process."""
        self.closing = True
        self.bell.wake(NEWS)

    async def run(self) -> None:
        """Run until cancelled; outages of the database are waited through."""
        while True:
            token = self._database.wakeups.token(JOURNAL)
            try:
                is_all = await self.look()
            except TransientError as error:
                log.warning("journal not readable", error=str(error))
                await self._clock.sleep(RETRY_S)
                continue
            if is_all:
                wakeups = self._database.wakeups
                await wakeups.wait(JOURNAL, token, wakeups.poll_s(self._poll_s))

    async def look(self) -> bool:
        """Read one page; True when there was no more."""
        async with self._database.read() as tx:
            if self._head is None:
                self._head = await head(tx)
                page = []
                self.bell.wake(NEWS)  # for whoever looked before us and saw less
            else:
                page = await read(tx, after=self._head, limit=PAGE)
        if page:
            self._events.extend(page)
            self._head = page[-1].position
            self.bell.wake(NEWS)
        return len(page) < PAGE

    def recent(self, after: int) -> list[Event] | None:
        """Events above position `after`, from memory; None where memory does not reach back to it."""
        if self._head is None:
            return None
        if after >= self._head:
            return []
        first = self._events[0].position if self._events else self._head + 1
        return list(islice(self._events, after - first + 1, None)) if after >= first - 1 else None

    async def read(
        self, *, after: int, limit: int, types: Collection[str] | None = None
    ) -> tuple[list[Event], int]:
        """The next events of these types (None: of all), and the position up to which there are no others."""
        known = self._head or 0
        if after >= known and self._head is not None:
            return [], after
        first = self._events[0].position if self._events else known + 1
        if self._head is not None and after >= first - 1:
            newer = islice(self._events, after - first + 1, None)
            found = list(islice((event for event in newer if types is None or event.type in types), limit))
        else:
            async with self._database.read() as tx:
                known = max(known, await head(tx))
                found = await read(tx, after=after, limit=limit, types=types)
        if len(found) == limit:
            return found, found[-1].position
        return found, max(known, found[-1].position if found else 0)
