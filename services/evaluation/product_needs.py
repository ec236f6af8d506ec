"""The product's similarity of needs, measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from schemas.challenge import Challenge
from services.evaluation.measure import Floats
from services.indexing.collections import TEXT, WORDS
from services.intake.parts import challenge_parts
from services.kernel.embedding.fixed_point import as_float64, quantise
from services.kernel.embedding.lexical import LexicalEncoder
from services.kernel.embedding.port import Embedder
from services.pairing.similarity import Needs, similarities


@dataclass(frozen=True, slots=True)
class ProductNeeds:
    """Need ↔ need: the whole of the one against the whole of the other."""

    embedder: Embedder
    lexical: LexicalEncoder

    async def similarities(self, needs: Sequence[Challenge], others: Sequence[Challenge]) -> Floats:
        return similarities(await self._vectors(needs), await self._vectors(others))

    async def _vectors(self, needs: Sequence[Challenge]) -> Needs:
        wholes = [challenge_parts(one)[0].text for one in needs]
        empty = np.zeros((0, self.embedder.model.dimensions), dtype=np.float32)
        dense = await self.embedder.embed(wholes) if wholes else empty
        return Needs(
            len(wholes),
            {TEXT: as_float64(quantise(dense)), WORDS: [self.lexical.document(whole) for whole in wholes]},
        )
