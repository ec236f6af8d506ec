"""Sends what is queued in the lanes, within every cap, and collects what came of it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol

import structlog
from opentelemetry.trace import SpanKind

from services.courier import metrics
from services.courier.address_guard import Target
from services.courier.backlog import Due
from services.courier.lane import Lane
from services.courier.outcome import Outcome, OutcomeKind, Reason
from services.courier.record import Settled
from services.courier.signing import signed_headers
from services.kernel.clock import Clock
from services.kernel.telemetry import current_traceparent, span

MAX_IN_FLIGHT_TOTAL = 512
"""Requests under way in one courier: half of the usual limit of 1,024 open files, and room for 128
endpoints that hang at once before their breakers open."""

log = structlog.get_logger(__name__)


class Posts(Protocol):
    """The port to the network: `http.Sender`."""

    async def send(self, target: Target, headers: Mapping[str, str], body: bytes) -> Outcome: ...


class Dispatch:
    """The lanes and the workers that serve them. Everything here is memory; rows are the courier's."""

    def __init__(
        self,
        sender: Posts,
        clock: Clock,
        on_outcome: Callable[[Lane], None],
        *,
        max_in_flight: int = MAX_IN_FLIGHT_TOTAL,
        traced: bool = False,
    ) -> None:
        self.lanes: dict[str, Lane] = {}
        self.settled: list[tuple[Lane, Settled]] = []
        self.queued = 0
        self.in_flight = 0
        self.until: datetime | None = None
        """When our leases run out: from then on nothing new is sent, others may serve the endpoints."""
        self._sender = sender
        self._clock = clock
        self._on_outcome = on_outcome
        self._max_in_flight = max_in_flight
        self._traced = traced
        self._line: deque[Lane] = deque()
        self._workers: set[asyncio.Task[None]] = set()

    def add(self, lane: Lane, messages: list[Due]) -> None:
        """Queue messages; ones already known are left alone."""
        for due in messages:
            if due.id not in lane.known:
                lane.known.add(due.id)
                lane.queue.append(due)
                self.queued += 1

    def drop_queue(self, lane: Lane) -> None:
        """Forget what is queued and not yet sent; it stays pending in the database."""
        self.queued -= len(lane.queue)
        lane.known.difference_update(due.id for due in lane.queue)
        lane.queue.clear()

    def drop(self, lane: Lane) -> None:
        """Forget a lane. Requests under way end on their own, and nothing of them is written down."""
        self.drop_queue(lane)
        if self.lanes.get(lane.endpoint.id) is lane:
            del self.lanes[lane.endpoint.id]

    def take_settled(self) -> list[tuple[Lane, Settled]]:
        """What has come out since the last call, of lanes that are still ours."""
        settled, self.settled = self.settled, []
        return [(lane, item) for lane, item in settled if self.lanes.get(lane.endpoint.id) is lane]

    def staff(self) -> None:
        """Have as many workers as there is work and room for."""
        now = self._clock.now()
        for lane in self.lanes.values():
            if lane.has_work(now):
                self._line_up(lane)
        self._hire()
        metrics.IN_FLIGHT.set(self.in_flight)

    def _hire(self) -> None:
        while self.in_flight < self._max_in_flight:
            job = self._next()
            if job is None:
                return
            worker = asyncio.get_running_loop().create_task(self._work(*job))
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)

    def _line_up(self, lane: Lane) -> None:
        if lane.queue and not lane.in_line:
            lane.in_line = True
            self._line.append(lane)

    def _next(self) -> tuple[Lane, Due] | None:
        """The next message, of one lane after the other in turn; it counts as under way from now on."""
        now = self._clock.now()
        if self.until is not None and now >= self.until:
            return None  # the lanes stay in line for the next `staff`, after the leases were renewed
        while self._line:
            lane = self._line.popleft()
            lane.in_line = False
            if lane.has_work(now):
                lane.in_flight += 1
                self.in_flight += 1
                self.queued -= 1
                due = lane.queue.popleft()
                self._line_up(lane)
                return lane, due
        return None

    async def _work(self, lane: Lane, due: Due) -> None:
        """Send one message after another, whichever lane's turn it is, until there is none to send."""
        while True:
            room = lane.cap
            try:
                settled = await self._deliver(lane, due)
            finally:
                lane.in_flight -= 1
                self.in_flight -= 1
            if settled.outcome is not None:
                lane.note(settled.outcome)
            self.settled.append((lane, settled))
            self._on_outcome(lane)
            self._line_up(lane)
            job = self._next()
            if job is None:
                return
            if lane.cap > room:  # an answer has just widened it: others can help
                self._hire()
            lane, due = job

    async def _deliver(self, lane: Lane, due: Due) -> Settled:
        now = self._clock.now()
        if due.expired:
            return Settled(due, now, None)
        if lane.target is None or lane.trouble is not None:
            reason, detail = lane.trouble or (Reason.INTERNAL, "")
            return Settled(due, now, Outcome(OutcomeKind.FAILED, reason, None, detail, "", 0.0))
        try:
            outcome = await self._post(lane, due, now)
        except Exception as error:
            # A bug of ours must not stop the lane, and its message must not be sent for ever: it counts as
            # a failed attempt like any other.
            log.exception("sending a webhook failed unexpectedly", message=due.id, endpoint=due.endpoint)
            outcome = Outcome(OutcomeKind.FAILED, Reason.INTERNAL, None, type(error).__name__, "", 0.0)
        metrics.ATTEMPT_SECONDS.observe(outcome.duration_ms / 1_000)
        return Settled(due, now, outcome)

    async def _post(self, lane: Lane, due: Due, now: datetime) -> Outcome:
        assert lane.target is not None
        headers = signed_headers(lane.signing_keys(now), due.id, int(now.timestamp()), due.body)
        if due.traceparent is None:
            return await self._sender.send(lane.target, headers, due.body)
        if not self._traced:
            headers["traceparent"] = due.traceparent
            return await self._sender.send(lane.target, headers, due.body)
        with span("deliver webhook", traceparent=due.traceparent, kind=SpanKind.CLIENT) as running:
            headers["traceparent"] = current_traceparent() or due.traceparent
            outcome = await self._sender.send(lane.target, headers, due.body)
            running.set_attributes(
                {
                    "liaison.message": due.id,
                    "liaison.endpoint": due.endpoint,
                    "liaison.outcome": outcome.reason,
                }
            )
        return outcome

    async def drain(self, within_s: float) -> None:
        """Send nothing new, wait for what is under way, and cut off what has not ended in time."""
        for lane in list(self.lanes.values()):
            self.drop_queue(lane)
        if self._workers:
            _, late = await asyncio.wait(set(self._workers), timeout=within_s)
            for worker in late:
                worker.cancel()
            await asyncio.gather(*late, return_exceptions=True)
