"""Hints that something may be waiting. A lost hint costs one slow poll, never an event.

A waiter takes a token *before* it looks, looks, and only then waits with that token: a wake-up that
came in between makes the wait return at once, so there is no window in which one can be missed.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict

SHARED_POLL_S = 2.0
"""The safety net where wake-ups of every process arrive: what is lost with a hint is a moment."""


class Wakeups:
    """Wake-ups within one process. Topics are free strings, e.g. `journal`, `courier`."""

    is_shared = False
    """Whether the wake-ups of other processes arrive too, at present."""

    def __init__(self) -> None:
        self._generation: defaultdict[str, int] = defaultdict(int)
        self._events: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)

    def token(self, topic: str) -> int:
        return self._generation[topic]

    def wake(self, topic: str) -> None:
        self._generation[topic] += 1
        # Replaced, not cleared: whoever waits on the old event is woken, whoever comes later waits anew.
        self._events.pop(topic, asyncio.Event()).set()

    def wake_all(self) -> None:
        """Wake whoever waits here, whatever for."""
        for topic in list(self._events):
            Wakeups.wake(self, topic)

    def poll_s(self, quick_s: float) -> float:
        """How long to wait without a hint: `quick_s` where others can write without one reaching us."""
        return SHARED_POLL_S if self.is_shared else quick_s

    async def wait(self, topic: str, token: int, timeout_s: float) -> bool:
        """True if woken since `token` was taken, False after `timeout_s` seconds without a wake-up."""
        if self._generation[topic] != token:
            return True
        try:
            async with asyncio.timeout(timeout_s):
                await self._events[topic].wait()
        except TimeoutError:
            return False
        return True
