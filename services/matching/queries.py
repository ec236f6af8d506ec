"""Saved queries: how near a sentence comes to a challenge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from schemas.challenge import Challenge
from services.intake.parts import Part, challenge_parts
from services.kernel.embedding.fixed_point import quantise
from services.kernel.embedding.lexical import LexicalEncoder
from services.kernel.embedding.port import Embedder
from services.matching.across import similarities
from services.matching.evidence import HALF, NO_BACKGROUND, Texts, answers, offsets
from services.matching.nearest import embed
from services.matching.said import Said
from services.matching.scoring import DECIMALS

QUERY_HALF = HALF / 1.5
"""Evidence that makes a fit of one half. A query is a single text of a few words, where several texts of a
company add up: those of its field fit by .6 to .9, others by less than .1."""


class Encoders(Protocol):
    """What turns a text into vectors."""

    @property
    def embedder(self) -> Embedder: ...

    @property
    def lexical(self) -> LexicalEncoder: ...


class Serving(Protocol):
    """Whoever knows with what is encoded at present: `Generations`, or a process without an index."""

    @property
    def serving(self) -> Encoders: ...


class SavedQueries:
    """A query is a subject, not a profile: nobody expects it to answer every requirement. Its fit is how well
    it answers the part of the challenge that it comes nearest to, the whole or one requirement.

    It is held against the texts alone, without the background that they have among the companies: an
    announcement is routed at the same time as that is measured, and a score must not depend on which comes
    first.
    """

    def __init__(self, encoders: Serving) -> None:
        self._encoders = encoders

    async def fit(self, queries: Sequence[str], challenges: Sequence[Challenge]) -> list[list[float]]:
        """Fit in [0, 1] of every query (rows) to every challenge (columns); at least one of each."""
        encoders = self._encoders.serving
        dense = quantise(await encoders.embedder.embed(queries))
        said = Said.of([Part(query, query) for query in queries], encoders.embedder.model.name)
        asked = Texts.of(dense, [encoders.lexical.document(query) for query in queries], said)
        columns = []
        for challenge in challenges:
            parts = challenge_parts(challenge)
            texts = (await embed(encoders.embedder, encoders.lexical, parts)).texts
            level = np.full(len(parts), NO_BACKGROUND.offset)
            single = offsets([1] * len(queries))  # each query is one text
            columns.append(answers(similarities(texts, asked), level, single, QUERY_HALF).max(axis=0))
        return [[round(float(fit), DECIMALS) for fit in row] for row in np.stack(columns, axis=1)]
