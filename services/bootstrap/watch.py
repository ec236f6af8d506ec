"""A process that hangs ends itself, so that whoever supervises it starts it again.

Time is counted in looks, not by the clock: a process that was stopped as a whole (SIGSTOP, a frozen machine)
wakes up to the next look, not to its own death.
"""

from __future__ import annotations

import faulthandler
import os
import sys
import threading
from collections.abc import Callable

import structlog

from services.kernel.clock import Clock
from services.kernel.problems import TransientError
from services.kernel.stream.port import Stream

LOOKS = 20
"""Looks within the time that a stall takes: it is noticed a twentieth of it late."""

BLOCKED_S = 60.0
"""No job of ours keeps the event loop for more than a second or two; loading a model on a slow disk may take
ten. After a minute nothing will come of it any more."""
TICK_S = 1.0

GONE_S = 9.5
"""From the wish to end to the end: a thread that hangs must not keep a process that was asked to go."""

EXIT_HANGING = 70
"""EX_SOFTWARE of sysexits.h: it did not end by itself."""

log = structlog.get_logger("liaison.process")


class Stalled(RuntimeError):
    """A service has work and gets nothing done."""


async def watch_progress(stream: Stream, clock: Clock, *, after_s: float) -> None:
    """Raise `Stalled` when events wait for a service of this process and nothing has come of any for
    `after_s` seconds: neither an effect, nor a dead letter, nor an outage. Runs until cancelled."""
    still: dict[str, tuple[int, int]] = {}
    """Per service the pulse, and for how many looks it has stood still while work waited."""
    while True:
        await clock.sleep(after_s / LOOKS)
        try:
            unfinished = await stream.unfinished()
        except TransientError:
            still.clear()  # it can get nowhere, and nobody can tell
            continue
        former, still = still, {}
        for service, (events, pulse) in unfinished.items():
            if not events:
                continue
            last, looks = former.get(service, (pulse, -1))
            still[service] = (pulse, looks + 1 if last == pulse else 0)
            if still[service][1] >= LOOKS:
                raise Stalled(
                    f"{service} has had {events} events waiting and has got nothing done for {after_s:g} s"
                )


class LoopWatch:
    """A thread that ends the process when its event loop does not turn any more; `beat` is called on it."""

    def __init__(
        self,
        *,
        ticks: int = int(BLOCKED_S / TICK_S),
        tick_s: float = TICK_S,
        end: Callable[[], None] | None = None,
    ) -> None:
        self._ticks = ticks
        self._tick_s = tick_s
        self._end = end or _end_blocked
        self._beats = 0
        self._over = threading.Event()

    async def run(self, clock: Clock) -> None:
        """Beat until cancelled."""
        thread = threading.Thread(target=self._watch, name="loop watch", daemon=True)
        thread.start()
        try:
            while True:
                self._beats += 1
                await clock.sleep(self._tick_s)
        finally:
            self._over.set()

    def _watch(self) -> None:
        seen, silent = -1, 0
        while not self._over.wait(self._tick_s):
            beats = self._beats
            silent = silent + 1 if beats == seen else 0
            seen = beats
            if silent >= self._ticks:
                self._end()
                return


def _end_blocked() -> None:
    log.critical("the event loop does not turn any more; the process ends", seconds=BLOCKED_S)
    faulthandler.dump_traceback(file=sys.stderr, all_threads=True)
    os._exit(EXIT_HANGING)


class LastResort:
    """Ends the process hard when it does not end by itself. Only a command, which owns its process, enables
    it."""

    def __init__(self) -> None:
        self._is_enabled = False

    def enable(self) -> None:
        self._is_enabled = True

    def arm(self, after_s: float = GONE_S) -> None:
        """From now on the process has so many seconds left; what ends sooner is not disturbed."""
        if self._is_enabled:
            timer = threading.Timer(after_s, _end_hanging)
            timer.daemon = True
            timer.start()


def _end_hanging() -> None:
    log.critical("the process does not end by itself and is cut off", seconds=GONE_S)
    os._exit(EXIT_HANGING)


last_resort = LastResort()
"""The process has one end."""
