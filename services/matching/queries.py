"""Saved queries: a sentence scored against a challenge as if it were a profile with this one capability."""

from __future__ import annotations

from collections.abc import Sequence

from schemas.challenge import Challenge
from services.indexing.generation import Generation, Generations
from services.intake.parts import challenge_parts
from services.kernel.embedding.fixed_point import quantise
from services.matching.board import made_ready
from services.matching.evidence import NO_BACKGROUND, Texts
from services.matching.nearest import embed
from services.matching.scoring import Challenges, ChallengeTexts, Companies, score_many


class SavedQueries:
    """Queries are held against the texts of a challenge alone, without the background that it has among the
    companies: an announcement is routed at the same time as that is measured, and a score must not depend on
    which comes first."""

    def __init__(self, generations: Generations) -> None:
        self._generations = generations

    async def fit(self, queries: Sequence[str], challenges: Sequence[Challenge]) -> list[list[float]]:
        """Score in [0, 1] of every query (rows) against every challenge (columns); at least one of each."""
        generation = self._generations.serving
        dense = quantise(await generation.embedder.embed(queries))
        texts = [
            Texts.of(dense[row : row + 1], [generation.lexical.document(query)])
            for row, query in enumerate(queries)
        ]
        stack = Challenges([await _texts(generation, challenge) for challenge in challenges])
        scores = score_many(stack, Companies(texts))
        return [[float(score) for score in row] for row in scores.T]


async def _texts(generation: Generation, challenge: Challenge) -> ChallengeTexts:
    parts = challenge_parts(challenge)
    embedded = await embed(generation.embedder, generation.lexical, parts)
    return made_ready(challenge, embedded, {part.id: NO_BACKGROUND for part in parts}).texts
