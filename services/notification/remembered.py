"""How well saved queries fit challenges, remembered: whoever reads a feed or a calendar asks the same again
and again, and an answer costs the embedding of a challenge."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime, timedelta

from schemas.challenge import Challenge
from services.kernel.clock import Clock
from services.notification.ports import QueryFits

REMEMBERED = 50_000
"""Fits kept, the least recently used is forgotten: a hundred queries against 500 challenges, some 15 MB."""
TRUSTED_FOR = timedelta(hours=1)
"""Another embedding model gives other fits: after so long they are its own everywhere."""

_Asked = tuple[str, str, int]
"""A query, and a challenge in one version."""


class RememberedFits:
    """`QueryFits` of one process, by those of another."""

    def __init__(self, fits: QueryFits, clock: Clock) -> None:
        self._fits = fits
        self._clock = clock
        self._known: OrderedDict[_Asked, tuple[float, datetime]] = OrderedDict()

    async def fit(self, queries: Sequence[str], challenges: Sequence[Challenge]) -> list[list[float]]:
        """Fit in [0, 1] of every query (rows) to every challenge (columns)."""
        now = self._clock.now()
        found = [[self._recall((query, one.id, one.version), now) for one in challenges] for query in queries]
        unknown = [place for place in range(len(challenges)) if any(row[place] is None for row in found)]
        if unknown:
            fresh = await self._fits.fit(queries, [challenges[place] for place in unknown])
            for query, row, fits in zip(queries, found, fresh, strict=True):
                for place, fit in zip(unknown, fits, strict=True):
                    row[place] = fit
                    self._known[query, challenges[place].id, challenges[place].version] = (fit, now)
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return [[fit for fit in row if fit is not None] for row in found]

    def _recall(self, asked: _Asked, now: datetime) -> float | None:
        known = self._known.get(asked)
        if known is None or now - known[1] >= TRUSTED_FOR:
            return None
        self._known.move_to_end(asked)
        return known[0]
