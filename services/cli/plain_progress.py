"""Progress where nobody watches a bar, in a pipe or a log: a plain line now and then."""

from __future__ import annotations

from collections.abc import Callable

TENTHS = 10
"""Lines of a step at the most: each says that another tenth is done."""
QUIET_S = 5.0
"""Before the first line and between any two: what takes less is told by its result."""
UNCOUNTED_S = 60.0
"""The same in a step of which nobody knows how long it is: there a line says that the work goes on."""


class PlainProgress:
    def __init__(
        self, step: str, total: int | None, *, say: Callable[[str], None], now: Callable[[], float]
    ) -> None:
        """`now`: seconds of a clock that never goes back."""
        self._step = step
        self._total = total
        self._say = say
        self._now = now
        self._began = self._said_at = now()
        self._tenths = 0

    def advance(self, done: int, total: int | None = None, description: str | None = None) -> None:
        """What is left out is as it was; another description begins another step."""
        if description is not None and description != self._step:
            self._step, self._total, self._tenths = description, total, 0
        elif total is not None:
            self._total = total
        now = self._now()
        if self._total:
            tenths = done * TENTHS // self._total
            due = tenths > self._tenths and now - self._said_at >= QUIET_S
        else:
            tenths, due = 0, now - self._said_at >= UNCOUNTED_S
        if due:
            of = f" of {self._total}" if self._total else ""
            self._say(f"{self._step}: {done}{of}, {now - self._began:.0f} s")
            self._tenths, self._said_at = tenths, now
