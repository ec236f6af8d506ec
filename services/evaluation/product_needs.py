"""The product's pairing of needs, measured."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from schemas.challenge import Challenge
from services.evaluation.measure import Floats
from services.evaluation.methods import Progress
from services.kernel.embedding.multilingual import MultilingualEncoder
from services.kernel.vectors.edge import EdgeVectorIndex
from services.pairing.index import IndexedNeed, NeedsIndex
from services.pairing.similarity import Needs, needs_of, similarities, stacked
from services.pairing.vectors import NeedVectors

WRITTEN = 500
"""Needs that are written to the index at once."""


@dataclass(frozen=True, slots=True)
class ProductNeeds:
    """Need ↔ need, in whatever languages they are written."""

    encoder: MultilingualEncoder
    progress: Progress

    async def among(self, needs: Sequence[Challenge]) -> Floats:
        """Each need is put into an index and found from there, as a need that is announced is. Those that are
        found near are above 1, in their order; the others, of which the product would not suggest one, are
        as alike as they are."""
        vectors = NeedVectors(lambda: self.encoder)
        indexed = []
        for number, need in enumerate(needs, start=1):
            indexed.append(IndexedNeed(need, await asyncio.to_thread(vectors.of, need)))
            self.progress("embedding needs", number, len(needs))
        made = stacked([one.vectors for one in indexed], self.encoder.dimensions)
        scores = await asyncio.to_thread(similarities, made, made)
        with tempfile.TemporaryDirectory() as scratch:
            store = await EdgeVectorIndex.open(Path(scratch))
            try:
                # Never optimised, so that searches are exact and two runs print the same.
                index = NeedsIndex(store, lambda: self.encoder)
                for start in range(0, len(indexed), WRITTEN):
                    await index.write(indexed[start : start + WRITTEN])
                await self._rank(indexed, index, vectors, scores)
            finally:
                await store.close()
        return scores

    async def similarities(self, needs: Sequence[Challenge], others: Sequence[Challenge]) -> Floats:
        return similarities(await self._vectors(needs), await self._vectors(others))

    async def _rank(
        self, indexed: Sequence[IndexedNeed], index: NeedsIndex, vectors: NeedVectors, scores: Floats
    ) -> None:
        places = {one.need.id: place for place, one in enumerate(indexed)}
        for place, one in enumerate(indexed):
            [near] = await index.near([one])
            others = [indexed[other].need for other in sorted(places[need] for need in near)]
            best = await asyncio.to_thread(vectors.alike, one.need, others)
            order = [places[other.id] for _, other in best]
            scores[place, order] = 1.0 + np.arange(len(order), 0, -1)
            self.progress("liaison: finding needs", place + 1, len(indexed))

    async def _vectors(self, needs: Sequence[Challenge]) -> Needs:
        made = await asyncio.to_thread(needs_of, self.encoder, needs)
        self.progress("embedding needs", len(needs), len(needs))
        return made
