"""What libraries say again and again, said once in a while: a broker that is down for an hour must not fill
the disk with the attempts to reach it (measured: 1,400 lines a second in a worker)."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

EVERY_S = 10.0
"""Between two lines of the same kind: whoever reads along sees that it goes on."""

KINDS_MAX = 1_000
"""Kinds of lines that are remembered. A library that puts variables into the text itself has no end of them;
then all are forgotten, and each is said once more."""

LEFT_OUT = "left_out"
"""Attribute of a line's record: how many of its kind were left out before it."""


class Repeats(logging.Filter):
    """Lets a line of these libraries through if none of its kind (logger and text, before values are put in)
    went through within EVERY_S. What others log is not touched."""

    def __init__(self, libraries: tuple[str, ...], now: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._libraries = libraries
        self._now = now
        self._last: dict[tuple[str, str], tuple[float, int]] = {}
        """Per kind when one went through, and how many were left out since."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.partition(".")[0] not in self._libraries:
            return True
        kind, now = (record.name, str(record.msg)), self._now()
        at, left_out = self._last.get(kind, (now - EVERY_S, 0))
        if now - at < EVERY_S:
            self._last[kind] = at, left_out + 1
            return False
        if len(self._last) >= KINDS_MAX:
            self._last.clear()
        self._last[kind] = now, 0
        if left_out:
            setattr(record, LEFT_OUT, left_out)
        return True
