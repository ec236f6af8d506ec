"""The wrapper around a handler: idempotent, bounded in its tries, honest about what it could not do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from services.kernel import metrics
from services.kernel.clock import Clock
from services.kernel.database import Database
from services.kernel.journal.event import Event
from services.kernel.leases import LeaseLost
from services.kernel.problems import TransientError
from services.kernel.stream import consumers, dead_letters
from services.kernel.stream.backoff import Backoff
from services.kernel.stream.consumers import Halted
from services.kernel.stream.failure import Failure
from services.kernel.stream.flood import FloodGuard
from services.kernel.stream.port import Handler, Rejected, Step
from services.kernel.stream.progress import Progress, Superseded
from services.kernel.stream.redrive import RedriveProgress
from services.kernel.stream.tracing import handling

BATCH_TRIES = 2
"""A whole batch is tried twice: the second try catches what was a race; then each event stands alone."""
SINGLE_TRIES = 4
"""With the default backoff some 0.4-0.7 s: enough for a race, too short to hold up the others."""
FLOOD_MEMORY = timedelta(minutes=1)
"""Dead letters older than this do not count when a consumer starts again. A flood makes one a second, so a
process that restarts in the midst of one recalls it; what went wrong now and then during hours is none."""

log = structlog.get_logger("liaison.stream")


@dataclass(frozen=True, slots=True)
class Retries:
    """Tries of a batch, tries of one event alone, and the waits in between."""

    batch_tries: int = BATCH_TRIES
    single_tries: int = SINGLE_TRIES
    backoff: Backoff = field(default_factory=Backoff)


class Stopping(Exception):
    """The stream is being stopped; what was at hand is not done and comes again."""


class Processor:
    """Hands batches of events to one handler, each with exactly one outcome on record."""

    def __init__(
        self,
        handler: Handler,
        database: Database,
        clock: Clock,
        *,
        random: Random | None = None,
        retries: Retries | None = None,
        flood: FloodGuard | None = None,
    ) -> None:
        self.handler = handler
        self.name = handler.name
        self._database = database
        self._clock = clock
        self._random = random or Random()  # noqa: S311 - jitter, no secret
        self._retries = retries or Retries()
        self._flood = flood or FloodGuard()
        self.pulse = 0
        """Counts what came of anything, good or bad. Where work waits and this stands still, it hangs."""
        self.revive: Callable[[bytes], Event] | None = None
        """Rebuilds an event from what a dead letter kept of a message from outside; the adapter sets it."""
        self._one_at_a_time = asyncio.Lock()
        self._stopping = asyncio.Event()

    async def open(self) -> None:
        """Before the first batch, and after a resume: recall recent failures. Raises `Unavailable`."""
        self._stopping.clear()
        since = self._clock.now() - FLOOD_MEMORY
        async with self._database.read() as tx:
            for consumer in await consumers.consumers(tx):
                if consumer.service == self.name:
                    since = max(since, consumer.since)
            known = await dead_letters.recent(tx, self.name, since=since, limit=self._flood.window)
        self._flood.restart(known)

    def stop(self) -> None:
        """Break off waits between tries: `process` then raises `Stopping`."""
        self._stopping.set()

    async def process(self, events: Sequence[Event], progress: Progress) -> None:
        """Return when each event is handled or in the dead letters, in order.

        Raises `Halted` when a flood of failures stopped the consumer, `LeaseLost` when another process
        has taken over, `Stopping` after `stop`; the events not done then come again.
        """
        async with self._one_at_a_time:
            if len(events) > 1:
                failure = await self._attempt(events, progress, self._retries.batch_tries)
                if failure is None:
                    return
                log.warning("batch falls apart", service=self.name, events=len(events), reason=failure.reason)
            for event in events:
                failure = await self._attempt([event], progress, self._retries.single_tries)
                if failure is not None:
                    await self._bury(event, failure, progress)

    async def reject(self, event: Event, failure: Failure, progress: Progress) -> None:
        """Put an event aside that could not even be read."""
        async with self._one_at_a_time:
            await self._bury(event, failure, progress)

    async def redrive(self, letter: str) -> bool:
        """Hand the event of a dead letter to the handler again; True if it is handled now.

        Without effect unless a redrive was asked for. Effects and outcome are one transaction.
        Raises `NotFound`, `Stopping`.
        """
        async with self._one_at_a_time:
            progress = RedriveProgress(self._database, letter, self._clock)
            if not await progress.is_wanted():
                return False
            try:
                event = await progress.event(self.revive)
            except Rejected as error:
                failure: Failure | None = Failure.of(error, tries=1)
            else:
                failure = await self._attempt([event], progress, self._retries.single_tries)
            if failure is None:
                log.info("dead letter redriven", service=self.name, dead_letter=letter)
                return True
            again = failure
            await self._write(
                lambda tx: dead_letters.mark_failed_again(tx, letter, again, now=self._clock.now())
            )
            log.warning("redrive failed", service=self.name, dead_letter=letter, reason=again.reason)
            return False

    async def _attempt(self, events: Sequence[Event], progress: Progress, tries: int) -> Failure | None:
        """Handle them, with retries; None when done. Outages are waited through and do not count."""
        failed = outages = 0
        while True:
            self.pulse += 1
            try:
                await self._handle(events, progress)
            except (LeaseLost, Stopping):
                raise
            except Superseded:
                continue
            except TransientError as error:
                outages += 1
                metrics.FAILED.labels(self.name, "transient").inc()
                log.warning("waits for something outside", service=self.name, tries=outages, error=str(error))
                await self._pause(outages)
            except Exception as error:  # noqa: BLE001 - whatever a handler raises has an outcome here
                failed += 1
                metrics.FAILED.labels(self.name, "error").inc()
                if failed >= tries or isinstance(error, Rejected):
                    return Failure.of(error, tries=failed)
                await self._pause(failed)
            else:
                return None

    async def _handle(self, events: Sequence[Event], progress: Progress) -> None:
        fresh = await progress.fresh(events)
        if not fresh:
            return
        with handling(self.name, fresh):
            plan = await self.handler.prepare(fresh)
            if isinstance(plan, Step):
                async with self._database.write() as tx:
                    await progress.confirm(tx, fresh)
                    await plan.plan(tx)
                plan = await plan.rest()
            async with self._database.write() as tx:
                await progress.mark(tx, fresh)
                await plan(tx)
        progress.committed(fresh)
        self.pulse += 1
        self._flood.handled(len(fresh))
        metrics.HANDLED.labels(self.name).inc(len(fresh))
        seconds = metrics.HANDLED_SECONDS.labels(self.name)
        now = self._clock.now()
        for event in fresh:
            seconds.observe(max(0.0, (now - event.time).total_seconds()))

    async def _bury(self, event: Event, failure: Failure, progress: Progress) -> None:
        """Into the dead letters, unless there are so many that the fault must be ours."""
        if not failure.is_rejection and self._flood.would_flood():
            await self._halt(event, failure)

        async def put_aside(tx: AsyncSession) -> None:
            left = await progress.fresh([event])
            if left:
                await progress.mark(tx, left)
                await dead_letters.add(
                    tx, self.name, event, failure, now=self._clock.now(), message=progress.message(event)
                )

        await self._write(put_aside)
        progress.committed([event])
        if failure.is_rejection:
            self._flood.handled()
        else:
            self._flood.dead()
        metrics.DEAD_LETTERED.labels(self.name).inc()
        log.error(
            "event dead-lettered",
            service=self.name,
            event_id=event.id,
            type=event.type,
            tries=failure.tries,
            reason=failure.reason,
        )

    async def _halt(self, event: Event, failure: Failure) -> None:
        reason = (
            f"more than {self._flood.limit} of the last {self._flood.window} events failed, the last one "
            f"({event.id}) with: {failure.reason}. Mend the cause, then resume: it goes on with this event."
        )
        await self._write(lambda tx: consumers.halt(tx, self.name, reason, now=self._clock.now()))
        log.critical("consumer halted", service=self.name, event_id=event.id, reason=failure.reason)
        raise Halted(self.name, reason)

    async def _write(self, change: Callable[[AsyncSession], Awaitable[None]]) -> None:
        """Commit our own record, however long the database takes to come back."""
        outages = 0
        while True:
            try:
                async with self._database.write() as tx:
                    await change(tx)
            except Superseded:
                continue
            except TransientError as error:
                outages += 1
                log.warning("waits for the database", service=self.name, tries=outages, error=str(error))
                await self._pause(outages)
            else:
                return

    async def _pause(self, failures: int) -> None:
        self.pulse += 1
        delay = self._retries.backoff.delay(failures, self._random)
        sleeping = asyncio.ensure_future(self._clock.sleep(delay))
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait({sleeping, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            stopping.cancel()
        if self._stopping.is_set():
            raise Stopping
