"""Telling a few bad events from a defect of ours that would drain the stream into the dead letters."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

WINDOW = 100
"""Outcomes looked at: a few batches, so that an old accident is forgotten."""

LIMIT = 10
"""Dead letters within WINDOW that are still taken for bad events. A defect in the code or a schema gone
wrong fails nearly every event and reaches the limit after a dozen; ten bad ones among a hundred are an
unlucky import."""


class FloodGuard:
    """Counts dead letters among the last WINDOW outcomes of one service.

    >>> guard = FloodGuard(limit=1)
    >>> guard.would_flood(), guard.dead(), guard.would_flood()
    (False, None, True)
    """

    def __init__(self, *, window: int = WINDOW, limit: int = LIMIT) -> None:
        self.limit = limit
        self.window = window
        self._outcomes: deque[bool] = deque(maxlen=window - 1)
        """The latest, leaving room for the one in question."""

    def would_flood(self) -> bool:
        """Whether one more dead letter would be more than the limit."""
        return sum(self._outcomes) + 1 > self.limit

    def handled(self, events: int = 1) -> None:
        self._outcomes.extend([False] * min(events, self.window))

    def dead(self) -> None:
        self._outcomes.append(True)

    def restart(self, dead: Iterable[object] = ()) -> None:
        """Forget everything, then count these dead letters: a restart is no fresh budget."""
        self._outcomes.clear()
        self._outcomes.extend(True for _ in dead)
