"""The product's similarity of needs, measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from schemas.challenge import Challenge
from services.evaluation.embedded import embedded
from services.evaluation.measure import Floats
from services.evaluation.methods import Progress
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
    progress: Progress

    async def similarities(self, needs: Sequence[Challenge], others: Sequence[Challenge]) -> Floats:
        return similarities(await self._vectors(needs), await self._vectors(others))

    async def _vectors(self, needs: Sequence[Challenge]) -> Needs:
        wholes = [challenge_parts(one)[0].text for one in needs]
        dense = await embedded(self.embedder, wholes, self.progress)
        return Needs(
            len(wholes),
            {TEXT: as_float64(quantise(dense)), WORDS: [self.lexical.document(whole) for whole in wholes]},
        )
