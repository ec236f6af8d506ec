"""The `journal` adapter: services read the journal itself, each with a cursor and a lease."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from random import Random

import structlog

from services.kernel import metrics
from services.kernel.clock import Clock
from services.kernel.database import Database
from services.kernel.journal.tail import NEWS, Tail
from services.kernel.leases import Lease, LeaseLost, Leases
from services.kernel.problems import TransientError
from services.kernel.stream.backoff import Backoff
from services.kernel.stream.consumers import Halted
from services.kernel.stream.control import Control
from services.kernel.stream.lag import journal_lag
from services.kernel.stream.processor import Processor, Stopping
from services.kernel.stream.progress import CursorProgress

IDLE_S = 5.0
"""Longest wait without a look, should a bell be missed."""

SKIP = 1_000
"""Foreign positions passed over before the cursor row follows: a restart then scans no more than this."""

GRACE_S = 5.0
"""How long a batch in hand may take to end when the stream is stopped; then it is cancelled, rolled back,
and handled again by whoever comes next."""

LAG_S = 5.0
"""How often the lag metric is measured."""

log = structlog.get_logger("liaison.stream")


def lease_of(service: str) -> str:
    """The lease that lets one process read the journal for a service."""
    return f"stream.{service}"


class JournalStream:
    """Effects exactly once: the cursor moves in their transaction, fenced by a lease per service.

    Any number of processes may run the same services on one database; one is active per service.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        tail: Tail | None = None,
        leases: Leases | None = None,
        random: Random | None = None,
    ) -> None:
        """`tail`: the process's own, which somebody else runs for as long as this stream; by default one of
        the stream's."""
        self._tail = tail
        self._database = database
        self._clock = clock
        self._leases = leases or Leases(database, clock)
        self._random = random or Random()  # noqa: S311 - jitter, no secret
        self._processors: Sequence[Processor] = ()
        self._readers: Sequence[_Reader] = ()
        self._stop = asyncio.Event()
        self._stopped = asyncio.Event()
        self._stopped.set()

    async def run(self, processors: Sequence[Processor]) -> None:
        """Carry until `stop` is called."""
        self._processors = processors
        self._stop.clear()
        self._stopped.clear()
        tail = self._tail or Tail(self._database, self._clock)
        control = Control(self._database, self._clock, on_change=lambda: tail.bell.wake(NEWS))
        self._readers = readers = [_Reader(processor, self, tail, control) for processor in processors]
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(reader.run(), name=reader.processor.name) for reader in readers]
                tasks += [group.create_task(job) for job in (control.run(), self._measure())]
                if self._tail is None:
                    tasks.append(group.create_task(tail.run()))
                await self._stop.wait()
                await self._quieten(readers)
                for task in tasks:
                    task.cancel()
        finally:
            self._stopped.set()

    async def stop(self) -> None:
        self._stop.set()
        await self._stopped.wait()

    async def lag(self) -> dict[str, int]:
        """Per service: entries of its types beyond its cursor. Raises `Unavailable`."""
        return await journal_lag(self._database, {one.name: one.handler.consumes for one in self._processors})

    async def unfinished(self) -> dict[str, tuple[int, int]]:
        active = {one.processor.name: one.processor for one in self._readers if one.is_active}
        lags = await journal_lag(self._database, {name: one.handler.consumes for name, one in active.items()})
        return {name: (events, active[name].pulse) for name, events in lags.items()}

    def trouble(self) -> str | None:
        return None  # it stands on the database alone, which is asked for itself

    async def _quieten(self, readers: Sequence[_Reader]) -> None:
        """No new batch from here on; those in hand may end, and the leases go back."""
        for reader in readers:
            reader.stop()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GRACE_S):
                for reader in readers:
                    await reader.idle.wait()

    async def _measure(self) -> None:
        while True:
            with contextlib.suppress(TransientError):
                for service, events in (await self.lag()).items():
                    metrics.LAG.labels(service).set(events)
            await self._clock.sleep(LAG_S)


class _Reader:
    """Reads the journal for one processor."""

    def __init__(self, processor: Processor, stream: JournalStream, tail: Tail, control: Control) -> None:
        self.processor = processor
        self.idle = asyncio.Event()
        """Set while it holds nothing: no lease, no batch. It may be cancelled then."""
        self.idle.set()
        self._service = processor.name
        self._database = stream._database
        self._clock = stream._clock
        self._leases = stream._leases
        self._random = stream._random
        self._tail = tail
        self._control = control
        self._is_stopping = False

    @property
    def is_active(self) -> bool:
        """Whether it is this one's turn to read, and it may."""
        return not self.idle.is_set() and self._service not in self._control.halted

    def stop(self) -> None:
        self._is_stopping = True
        self.processor.stop()
        self._tail.bell.wake(NEWS)

    async def run(self) -> None:
        """Until stopped; whatever goes wrong, it starts again from the cursor."""
        failures = 0
        while not self._is_stopping:
            try:
                async with self._leases.holding(lease_of(self._service)) as lease:
                    self.idle.clear()
                    failures = 0
                    await self._read_as_holder(lease)
            except Stopping:
                return
            except LeaseLost:
                log.warning("another process reads for this service", service=self._service)
            except TransientError as error:
                failures += 1
                log.warning("stream waits", service=self._service, error=str(error))
                await self._clock.sleep(Backoff().delay(failures, self._random))
            except Exception:
                failures += 1
                log.exception("stream starts again", service=self._service)
                await self._clock.sleep(Backoff().delay(failures, self._random))
            finally:
                self.idle.set()

    async def _read_as_holder(self, lease: Lease) -> None:
        progress = await CursorProgress.open(self._database, self._service, lease)
        await self._control.refresh()
        await self.processor.open()
        after, was_halted = progress.position, False
        while not self._is_stopping:
            if lease.lost.is_set():
                raise LeaseLost(lease.name)
            token = self._tail.bell.token(NEWS)
            await self._redrive()
            is_halted = self._service in self._control.halted
            if was_halted and not is_halted:
                await self.processor.open()
            was_halted = is_halted
            if not is_halted:
                after, was_busy = await self._step(progress, after)
                if was_busy:
                    continue
            await self._tail.bell.wait(NEWS, token, IDLE_S)
        if after > progress.position:
            await progress.skip(after)

    async def _step(self, progress: CursorProgress, after: int) -> tuple[int, bool]:
        """Handle what comes next; returns the position looked up to, and whether there was anything."""
        events, scanned = await self._tail.read(
            after=after, limit=self.processor.handler.batch, types=self.processor.handler.consumes
        )
        if not events:
            if scanned - progress.position > SKIP:
                await progress.skip(scanned)
            return scanned, False
        try:
            await self.processor.process(events, progress)
        except Halted:
            await self._control.refresh()
        return progress.position, True

    async def _redrive(self) -> None:
        for letter in self._control.redrives.pop(self._service, []):
            await self.processor.redrive(letter)
