"""What the product has to be better than: single cosines, mean vectors, BM25.

All of them read the same texts as the product: a challenge's whole against a company's capabilities cut into
passages, or the whole of one need against that of another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import bm25s
import numpy as np

from schemas.challenge import Challenge
from services.evaluation.bundle import Bundle
from services.evaluation.choices import Method
from services.evaluation.embedded import embedded
from services.evaluation.entities import challenges_of, companies_of
from services.evaluation.measure import Floats
from services.evaluation.methods import Progress, Ranked
from services.intake.parts import challenge_parts, company_parts
from services.kernel.embedding.port import Embedder
from services.kernel.embedding.words import words

LOWEST = -np.inf
"""Of what has no texts: it is not ranked."""


class TextScorer(Protocol):
    """Scores of entities, each made of several texts, the one that stands for the whole first."""

    async def score(self, asked: Sequence[Sequence[str]], answering: Sequence[Sequence[str]]) -> Floats:
        """Shape (asked, answering)."""


def text_scorer(method: Method, embedder: Embedder, progress: Progress) -> TextScorer:
    """Of every method but the product itself. Raises KeyError."""
    scorers: Mapping[Method, TextScorer] = {
        Method.dense: Dense(embedder, progress),
        Method.mean_vector: Mean(embedder, progress),
        Method.bm25: Bm25(),
    }
    return scorers[method]


@dataclass(frozen=True, slots=True)
class Dense:
    """Cosine of what is asked to the nearest text. Of what is asked only the whole counts."""

    embedder: Embedder
    progress: Progress

    async def score(self, asked: Sequence[Sequence[str]], answering: Sequence[Sequence[str]]) -> Floats:
        queries = await _rows(self, [texts[0] for texts in asked])
        flat = [text for texts in answering for text in texts]
        return _best(queries @ (await _rows(self, flat)).T, answering)


@dataclass(frozen=True, slots=True)
class Mean:
    """Cosine of the whole of what is asked to the mean vector of all texts."""

    embedder: Embedder
    progress: Progress

    async def score(self, asked: Sequence[Sequence[str]], answering: Sequence[Sequence[str]]) -> Floats:
        queries = await _rows(self, [texts[0] for texts in asked])
        rows = await _rows(self, [text for texts in answering for text in texts])
        found = np.full((len(asked), len(answering)), LOWEST)
        for place, start, end in _spans(answering):
            mean = rows[start:end].mean(axis=0)
            found[:, place] = queries @ (mean / max(float(np.linalg.norm(mean)), 1e-12))
        return found


@dataclass(frozen=True, slots=True)
class Bm25:
    """Okapi BM25 with Lucene's inverse document frequency, k1 1.5 and b 0.75 as the library bm25s has them by
    default; words are cut and folded as everywhere in the product. Best single text."""

    async def score(self, asked: Sequence[Sequence[str]], answering: Sequence[Sequence[str]]) -> Floats:
        documents = [_terms(text) for texts in answering for text in texts]
        if not any(documents):
            return _best(np.zeros((len(asked), len(documents))), answering)
        index = bm25s.BM25()
        index.index(documents, show_progress=False)
        rows = np.zeros((len(asked), len(documents)))
        for place, texts in enumerate(asked):
            # A word counts once however often it is asked for, as in Lucene's sets of query terms.
            terms = sorted(set(_terms(texts[0])))
            if terms:
                rows[place] = index.get_scores(terms)
        return _best(rows, answering)


class Baseline:
    """Challenge → companies and back, by a score of all pairs."""

    def __init__(self, bundle: Bundle, scores: Floats) -> None:
        """`scores`: shape (challenges, companies), in the order of the bundle."""
        self._challenges = {one.id: place for place, one in enumerate(bundle.challenges)}
        self._companies = {one.id: place for place, one in enumerate(bundle.companies)}
        self._scores = scores

    @classmethod
    async def of(cls, bundle: Bundle, scorer: TextScorer) -> Baseline:
        asked = [[part.text for part in challenge_parts(one)] for one in challenges_of(bundle.challenges)]
        answering = [[part.text for part in company_parts(one)] for one in companies_of(bundle.companies)]
        return cls(bundle, await scorer.score(asked, answering))

    async def rank(self, challenge: str) -> list[Ranked]:
        row = self._scores[self._challenges[challenge]]
        found = [Ranked(one, float(row[place])) for one, place in self._companies.items()]
        return sorted((one for one in found if one.score > LOWEST), key=lambda one: -one.score)

    async def scores(self, company: str) -> Mapping[str, float]:
        column = self._scores[:, self._companies[company]]
        return {one: float(column[place]) for one, place in self._challenges.items()}


@dataclass(frozen=True, slots=True)
class NeedBaseline:
    """Need ↔ need: whole against whole, or for the mean vector against all parts."""

    scorer: TextScorer
    parts: bool = False

    async def similarities(self, needs: Sequence[Challenge], others: Sequence[Challenge]) -> Floats:
        answering = [[part.text for part in challenge_parts(one)] for one in others]
        return await self.scorer.score(
            [[challenge_parts(one)[0].text] for one in needs],
            answering if self.parts else [texts[:1] for texts in answering],
        )


async def _rows(scorer: Dense | Mean, texts: Sequence[str]) -> Floats:
    return (await embedded(scorer.embedder, texts, scorer.progress)).astype(np.float64)


def _terms(text: str) -> list[str]:
    return [word.term for word in words(text)]


def _best(scores: Floats, answering: Sequence[Sequence[str]]) -> Floats:
    """The highest score among the texts of each; `scores` has a column for every text."""
    found = np.full((scores.shape[0], len(answering)), LOWEST)
    for place, start, end in _spans(answering):
        found[:, place] = scores[:, start:end].max(axis=1)
    return found


def _spans(answering: Sequence[Sequence[str]]) -> Iterator[tuple[int, int, int]]:
    """Place, and where its texts start and end among all, of each that has any."""
    bounds = np.concatenate([[0], np.cumsum([len(texts) for texts in answering])]).tolist()
    for place, (start, end) in enumerate(pairwise(bounds)):
        if start < end:
            yield place, start, end
