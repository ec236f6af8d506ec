"""The courier: takes what is due from the database, has it sent, and writes down what came of it.

One task asks and writes, in turns, and never both at once: whatever it reads it read after its last outcome
was committed, so nothing is sent twice by mistake. While it does, workers send (`dispatch`). Outcomes that
come out during one turn are one transaction in the next.
"""

from __future__ import annotations

import asyncio
import random as _random
from collections import Counter
from collections.abc import Coroutine
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection

from services.courier import backlog, housekeeping, metrics, receipts
from services.courier.address_guard import AddressGuard
from services.courier.backlog import Due, EndpointSnapshot, Waiting
from services.courier.dispatch import MAX_IN_FLIGHT_TOTAL, Dispatch, Posts
from services.courier.enqueue import COURIER
from services.courier.lane import Lane, open_lane
from services.courier.lease import LEASE_S, RENEW_EVERY_S, is_gone, new_holder
from services.courier.model import ACTIVE, OFF
from services.courier.record import Random, Written, switch_off, write_down
from services.kernel.clock import Clock
from services.kernel.database import Database
from services.kernel.problems import TransientError
from services.kernel.security import SecretBox

POLL_S = 2.0
"""The safety net when a wake-up is lost."""

GROUP_WINDOW_S = 0.025
GROUP_SIZE = 256
"""While there is more to send, outcomes wait this long, or for this many, to share one transaction; when
there is nothing else to do they are written at once. A crash repeats at most these messages."""

PREFETCH_TOTAL = 4_096
PREFETCH_MIN = 4
"""Messages fetched in one turn, over all endpoints, and for each at least: some 8 MB at the usual 2 kB."""

MAX_LANES = 2_000
"""Endpoints served by one courier at once; the others wait for their turn, the longest due first."""

DRAIN_S = 6.0
"""Time for requests under way when the courier stops; with writing and handing back it stays below 10 s."""

BACKOFF_S = (0.2, 0.5, 1.0, 2.0, 5.0)
"""Waits between turns while the database is out of reach."""

log = structlog.get_logger(__name__)


class Courier:
    """Delivers until stopped. Any number may run on one database; an endpoint is served by one at a time.

    `traced`: make a span for every request. Without it the trace of the event is passed on all the same.
    """

    def __init__(
        self,
        database: Database,
        sender: Posts,
        guard: AddressGuard,
        box: SecretBox,
        clock: Clock,
        *,
        holder: str | None = None,
        random: Random = _random.random,
        log_days: int = housekeeping.LOG_DAYS,
        max_in_flight: int = MAX_IN_FLIGHT_TOTAL,
        traced: bool = False,
    ) -> None:
        self.holder = holder or new_holder()
        self._database = database
        self._guard = guard
        self._box = box
        self._clock = clock
        self._random = random
        self._log_days = log_days
        self._dispatch = Dispatch(sender, clock, self._on_outcome, max_in_flight=max_in_flight, traced=traced)
        self._stir = asyncio.Event()
        self._stopping = asyncio.Event()
        self._look_at = clock.now()
        self._renew_at = clock.now()
        self._troubles = 0

    async def run(self) -> None:
        """Deliver until `stop` is called; then drain, write down, hand back the leases, and return."""
        beside = [asyncio.create_task(work) for work in (self._listen(), self._keep_house())]
        try:
            while not self._stopping.is_set():
                await self._attempt(self._turn())
                await self._pause()
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            await self._finish()

    def stop(self) -> None:
        """Ask `run` to end."""
        self._stopping.set()
        self._stir.set()

    # --- when

    def _on_outcome(self, lane: Lane) -> None:
        if not lane.queue or len(self._dispatch.settled) >= GROUP_SIZE:
            self._stir.set()

    async def _listen(self) -> None:
        token = self._database.wakeups.token(COURIER)
        while True:
            await self._database.wakeups.wait(COURIER, token, POLL_S)
            token = self._database.wakeups.token(COURIER)
            self._look_at = self._clock.now()
            self._stir.set()

    async def _pause(self) -> None:
        """Wait for the next reason to do something."""
        if self._troubles:
            wait = BACKOFF_S[min(self._troubles, len(BACKOFF_S)) - 1]
            self._stir.clear()
        elif self._dispatch.settled:
            wait = GROUP_WINDOW_S
        else:
            following = min(self._look_at, self._renew_at)
            wait = min(max((following - self._clock.now()).total_seconds(), 0.0), POLL_S)
        try:
            async with asyncio.timeout(wait):
                await self._stir.wait()
        except TimeoutError:
            pass
        self._stir.clear()

    # --- what

    async def _attempt(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a part of the work; a database out of reach, or a bug, delays it and does not end it."""
        try:
            await work
        except TransientError as error:
            self._troubles += 1
            log.warning("the courier waits for the database", reason=str(error))
        except Exception:
            self._troubles += 1
            log.exception("a turn of the courier failed unexpectedly")
        else:
            self._troubles = 0

    async def _turn(self) -> None:
        """Keep the leases, look for more, have it sent, write down outcomes while it is being sent."""
        now = self._clock.now()
        if now >= self._renew_at:
            await self._renew(now)
        new = await self._look(now) if now >= self._look_at else []
        await self._refill(new, now)
        self._dispatch.staff()
        await self._write_down()

    async def _write_down(self) -> None:
        taken = self._dispatch.take_settled()
        if not taken:
            return
        lanes = {lane.endpoint.id: lane for lane, _ in taken}
        items = [item for _, item in taken]
        served = {name: lane.endpoint for name, lane in lanes.items()}

        now = self._clock.now()

        def work(tx: Connection) -> tuple[Written, str | None]:
            written = write_down(tx, items, served=served, holder=self.holder, random=self._random)
            return written, receipts.tell(tx, written.recorded, served, now=now)

        try:
            written, topic = await self._database.in_one_go(work, write=True)
        except BaseException:
            self._dispatch.settled[:0] = taken
            raise
        if topic is not None:
            self._database.wakeups.wake(topic)
        for lane, item in taken:
            lane.known.discard(item.due.id)
        for reason, count in Counter(item.outcome.reason for item in items if item.outcome).items():
            metrics.ATTEMPTS.labels(reason.value).inc(count)
        for name, lane in lanes.items():
            self._renewed(lane, written.served.get(name))
        if written.next_attempt_at is not None:
            self._look_at = min(self._look_at, written.next_attempt_at)
        for name, off in written.to_switch_off.items():
            async with self._database.write() as tx:
                endpoint, now = lanes[name].endpoint, self._clock.now()
                is_off = await switch_off(tx, endpoint, off, holder=self.holder, now=now)
            if is_off:
                self._renewed(lanes[name], replace(endpoint, state=OFF))
            else:
                self._renew_at = now  # somebody else has changed it: see what it is

    def _renewed(self, lane: Lane, endpoint: EndpointSnapshot | None) -> None:
        """Take over what is known now of an endpoint; None: it is not ours any more."""
        if endpoint is None:
            log.warning("another courier serves this endpoint now", endpoint=lane.endpoint.id)
            self._dispatch.drop(lane)
            return
        lane.update(endpoint, self._guard, self._box)
        if endpoint.state != ACTIVE or lane.rests(self._clock.now()):
            self._dispatch.drop_queue(lane)
            lane.dry = False
            self._look_at = min(self._look_at, endpoint.held_until or self._look_at)

    async def _renew(self, now: datetime) -> None:
        """Extend the leases, see what has changed of the endpoints, and let go of those without work."""
        lanes = self._dispatch.lanes
        idle = [lane for lane in lanes.values() if lane.is_idle(now)]
        if lanes:
            names, leaving = set(lanes), [lane.endpoint.id for lane in idle]

            def work(tx: Connection) -> dict[str, EndpointSnapshot]:
                if leaving:
                    backlog.release(tx, holder=self.holder, endpoints=leaving)
                held = backlog.renew(tx, holder=self.holder, now=now)
                return {one.id: one for one in backlog.snapshots(tx, held & names)}

            found = await self._database.in_one_go(work, write=True)
            for lane in idle:
                self._dispatch.drop(lane)
            for lane in list(lanes.values()):
                self._renewed(lane, found.get(lane.endpoint.id))
        self._renew_at = now + timedelta(seconds=RENEW_EVERY_S)
        self._dispatch.until = now + timedelta(seconds=LEASE_S)
        metrics.ENDPOINTS.set(len(lanes))
        metrics.BREAKERS_OPEN.set(sum(lane.is_open for lane in lanes.values()))

    async def _look(self, now: datetime) -> list[Waiting]:
        """See who has something due; returns those whom nobody serves yet, the longest due first."""
        found = await self._database.in_one_go(backlog.waiting)
        ready = [one for one in found if one.ready_at <= now]
        later = min((one.ready_at for one in found if one.ready_at > now), default=None)
        self._look_at = later or now + timedelta(seconds=POLL_S)
        new: list[Waiting] = []
        # A removed endpoint waits for nothing any more, whatever of it is still queued here.
        served = {one.endpoint: one for one in found}
        stale = any(
            lane.endpoint.version != served[name].version if name in served else bool(lane.queue)
            for name, lane in self._dispatch.lanes.items()
        )
        for one in ready:
            lane = self._dispatch.lanes.get(one.endpoint)
            if lane is not None:
                lane.dry = False
                stale = stale or (lane.endpoint.state, lane.endpoint.held_until) != (ACTIVE, one.held_until)
            elif self._is_free(one, now):
                new.append(one)
        if stale:  # changed by its owner, removed, switched on again, or its rest is over
            await self._renew(now)
        new.sort(key=lambda one: one.due_at)
        return new[: max(MAX_LANES - len(self._dispatch.lanes), 0)]

    def _is_free(self, one: Waiting, now: datetime) -> bool:
        if one.lease_holder is None or one.lease_until is None or one.lease_until <= now:
            return True
        return one.lease_holder == self.holder or is_gone(one.lease_holder)

    async def _refill(self, new: list[Waiting], now: datetime) -> None:
        """Take on new endpoints and fetch more for those whose queue runs low."""
        low = [lane for lane in self._dispatch.lanes.values() if lane.runs_low(now)]
        if not new and not low:
            return
        opened: list[Lane] = []

        def work(tx: Connection) -> list[tuple[Lane, list[Due]]]:
            if new:
                taken = backlog.lease(
                    tx, [one.endpoint for one in new], holder=self.holder, gone=gone, now=now
                )
                opened.extend(
                    open_lane(endpoint, self._guard, self._box) for endpoint in backlog.snapshots(tx, taken)
                )
            return _fetch(tx, low + opened, known, now)

        known = [message for lane in low for message in lane.known]
        holders = {one.lease_holder for one in new if one.lease_holder}
        gone = {holder for holder in holders if is_gone(holder)}
        fetched = await self._database.in_one_go(work, write=bool(new))
        self._dispatch.lanes.update({lane.endpoint.id: lane for lane in opened})
        for lane, messages in fetched:
            self._dispatch.add(lane, messages)

    # --- the end, and beside

    async def _finish(self) -> None:
        await self._dispatch.drain(DRAIN_S)
        await self._attempt(self._hand_back())

    async def _hand_back(self) -> None:
        await self._write_down()
        await self._database.in_one_go(lambda tx: backlog.release(tx, holder=self.holder), write=True)

    async def _keep_house(self) -> None:
        while not self._stopping.is_set():
            try:
                await housekeeping.sweep(self._database, now=self._clock.now(), log_days=self._log_days)
            except TransientError as error:
                log.warning("the courier's housekeeping waits for the database", reason=str(error))
            except Exception:
                log.exception("the courier's housekeeping failed unexpectedly")
            await asyncio.sleep(housekeeping.SWEEP_EVERY_S)


def _fetch(
    tx: Connection, lanes: list[Lane], known: list[str], now: datetime
) -> list[tuple[Lane, list[Due]]]:
    """More messages for each of the lanes, without those `known`. Lanes with an open breaker get few."""
    fetched: list[tuple[Lane, list[Due]]] = []
    for appetite in {lane.appetite for lane in lanes}:
        group = {lane.endpoint.id: lane for lane in lanes if lane.appetite == appetite}
        each = max(min(appetite, PREFETCH_TOTAL // len(group)), min(appetite, PREFETCH_MIN))
        found: dict[str, list[Due]] = {name: [] for name in group}
        for due in backlog.due(tx, list(group), known=known, each=each, now=now):
            found[due.endpoint].append(due)
        for name, messages in found.items():
            group[name].dry, group[name].ration = len(messages) < each, each
            fetched.append((group[name], messages))
    return fetched
