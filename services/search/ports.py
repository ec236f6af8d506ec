"""What search asks of the process; bootstrap hands it in."""

from __future__ import annotations

from typing import Protocol

from services.indexing.generation import Generation


class SearchIndex(Protocol):
    async def generation(self) -> Generation:
        """The generation that serves. Raises `Unavailable` where this process cannot search."""
