"""The product's pairing of needs, measured."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from schemas.challenge import Challenge
from services.evaluation.kept_needs import KeptEncoder
from services.evaluation.measure import Floats
from services.evaluation.methods import Progress
from services.kernel.vectors.edge import EdgeVectorIndex
from services.pairing.index import IndexedNeed, NeedsIndex
from services.pairing.similarity import similarities, stacked
from services.pairing.vectors import NeedVectors

WRITTEN = 500
"""Needs that are written to the index at once."""


@dataclass(frozen=True, slots=True)
class ProductNeeds:
    """Need ↔ need, in whatever languages they are written."""

    encoder: KeptEncoder
    progress: Progress

    async def similarities(self, needs: Sequence[Challenge], others: Sequence[Challenge]) -> Floats:
        """The others are put into an index, and each need is looked for there as one that is announced is.
        Those that are found near are above 1, in their order; the rest, of which the product would not
        suggest one, are as alike as they are. What has the same id or buyer is not found."""
        vectors = NeedVectors(lambda: self.encoder)
        offered = await self._indexed(others, vectors)
        asked = offered if needs is others else await self._indexed(needs, vectors)
        await self.encoder.keep()
        made, theirs = (
            stacked([one.vectors for one in some], self.encoder.dimensions) for some in (asked, offered)
        )
        scores = await asyncio.to_thread(similarities, made, theirs)
        with tempfile.TemporaryDirectory() as scratch:
            store = await EdgeVectorIndex.open(Path(scratch))
            try:
                # Never optimised, so that searches are exact and two runs print the same.
                index = NeedsIndex(store, lambda: self.encoder)
                for start in range(0, len(offered), WRITTEN):
                    await index.write(offered[start : start + WRITTEN])
                await self._rank(asked, offered, index, vectors, scores)
            finally:
                await store.close()
        return scores

    async def _indexed(self, needs: Sequence[Challenge], vectors: NeedVectors) -> list[IndexedNeed]:
        await self.encoder.recall(needs)
        indexed = []
        for number, need in enumerate(needs, start=1):
            indexed.append(IndexedNeed(need, await asyncio.to_thread(vectors.of, need)))
            self.progress("embedding needs", number, len(needs))
        return indexed

    async def _rank(
        self,
        asked: Sequence[IndexedNeed],
        offered: Sequence[IndexedNeed],
        index: NeedsIndex,
        vectors: NeedVectors,
        scores: Floats,
    ) -> None:
        places = {one.need.id: place for place, one in enumerate(offered)}
        for row, one in enumerate(asked):
            [near] = await index.near([one])
            others = [offered[other].need for other in sorted(places[need] for need in near)]
            best = await asyncio.to_thread(vectors.alike, one.need, others)
            order = [places[other.id] for _, other in best]
            scores[row, order] = 1.0 + np.arange(len(order), 0, -1)
            self.progress("liaison: finding needs", row + 1, len(asked))
