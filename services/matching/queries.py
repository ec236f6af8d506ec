"""Saved queries: a sentence scored against a challenge as if it were a profile with this one capability."""

from __future__ import annotations

from collections.abc import Sequence

from schemas.challenge import Challenge
from services.kernel.embedding.fixed_point import quantise
from services.kernel.embedding.lexical import LexicalEncoder
from services.matching.board import Board
from services.matching.evidence import Texts
from services.matching.scoring import Challenges, Companies, score_many


class SavedQueries:
    def __init__(self, board: Board, lexical: LexicalEncoder) -> None:
        self._board = board
        self._lexical = lexical

    async def fit(self, queries: Sequence[str], challenges: Sequence[Challenge]) -> list[list[float]]:
        """Score in [0, 1] of every query (rows) against every challenge (columns); at least one of each."""
        dense = quantise(await self._board.embedder.embed(queries))
        texts = [
            Texts.of(dense[row : row + 1], [self._lexical.document(query)])
            for row, query in enumerate(queries)
        ]
        ready = [await self._board.ready(challenge) for challenge in challenges]
        scores = score_many(Challenges([one.texts for one in ready]), Companies(texts))
        return [[float(score) for score in row] for row in scores.T]
