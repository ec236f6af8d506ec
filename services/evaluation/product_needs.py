"""The product's similarity of needs, measured."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from schemas.challenge import Challenge
from services.evaluation.measure import Floats
from services.evaluation.methods import Progress
from services.kernel.embedding.multilingual import MultilingualEncoder
from services.pairing.neighbours import with_neighbours
from services.pairing.similarity import Needs, needs_of, similarities


@dataclass(frozen=True, slots=True)
class ProductNeeds:
    """Need ↔ need, in whatever languages they are written."""

    encoder: MultilingualEncoder
    progress: Progress

    async def among(self, needs: Sequence[Challenge]) -> Floats:
        made = await self._vectors(needs)
        return await asyncio.to_thread(lambda: with_neighbours(similarities(made, made)))

    async def similarities(self, needs: Sequence[Challenge], others: Sequence[Challenge]) -> Floats:
        return similarities(await self._vectors(needs), await self._vectors(others))

    async def _vectors(self, needs: Sequence[Challenge]) -> Needs:
        made = await asyncio.to_thread(needs_of, self.encoder, needs)
        self.progress("embedding needs", len(needs), len(needs))
        return made
