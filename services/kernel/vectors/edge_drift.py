"""How far a collection has moved away from its ANN index since that was built."""

from __future__ import annotations

from collections.abc import Set
from uuid import UUID


class Drift:
    """Counts from what an earlier process had counted; an estimate, because that one may have crashed, and
    because a point that it wrote and this one writes again counts twice."""

    def __init__(self, outside: int = 0, gone: int = 0, written: int = 0) -> None:
        self._outside_before = outside
        self._written_before = written
        self._written: set[UUID] = set()
        self.gone = gone
        """Points removed that still take up room in the index."""
        self.logged = 0
        """Points written, each time counted: the length of the engine's log, which opening shortens."""

    @property
    def outside(self) -> int:
        """Points that a search has to scan because they are not in the index."""
        return self._outside_before + len(self._written)

    @property
    def written(self) -> int:
        """Points written since the index was built, each time counted."""
        return self._written_before + self.logged

    def wrote(self, ids: Set[UUID]) -> None:
        self.logged += len(ids)
        self._written |= ids

    def removed(self, ids: Set[UUID]) -> None:
        self.gone += len(ids - self._written)
        self._written -= ids
