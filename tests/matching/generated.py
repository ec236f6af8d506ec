"""Challenges and companies of random vectors, for properties of the arithmetic."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from services.kernel.embedding.encoder import unit
from services.kernel.embedding.fixed_point import quantise
from services.kernel.embedding.lexical import WEIGHT_SCALE
from services.kernel.vectors.port import Sparse
from services.matching.evidence import Background, Texts
from services.matching.scoring import ChallengeTexts, PartTerms

DIMENSIONS = 24
VOCABULARY = 40
"""Few words, so that texts share some."""

SEEDS = st.integers(0, 2**32 - 1)


def texts(count: int, seed: int) -> Texts:
    """Texts around a few common directions, so that some are near to each other and some are not."""
    random = np.random.default_rng(seed)
    subjects = np.random.default_rng(7).normal(size=(5, DIMENSIONS))
    mixed = subjects[random.integers(0, 5, count)] + random.normal(scale=0.8, size=(count, DIMENSIONS))
    return Texts.of(quantise(unit(mixed.astype(np.float32))), [_words(random) for _ in range(count)])


def _words(random: np.random.Generator) -> Sparse:
    places = np.unique(random.integers(0, VOCABULARY, random.integers(0, 9)))
    indices = np.sort((places * 2_654_435_761 % 2**32).astype(np.uint32))
    raw = random.random(indices.size) + 0.1
    values = np.rint(raw / np.linalg.norm(raw) * WEIGHT_SCALE) / WEIGHT_SCALE if indices.size else raw
    return Sparse(indices, values.astype(np.float32))


@st.composite
def challenges(draw: st.DrawFn) -> ChallengeTexts:
    requirements = draw(st.integers(0, 4))
    background = st.builds(Background, level=st.floats(0.2, 0.8), indexed=st.integers(0, 50_000))
    parts = [PartTerms("whole", draw(background))]
    parts += [
        PartTerms(
            f"r{place}", draw(background), draw(st.floats(0.1, 10)), draw(st.booleans()), draw(st.booleans())
        )
        for place in range(requirements)
    ]
    return ChallengeTexts(tuple(parts), texts(len(parts), draw(SEEDS)))


@st.composite
def companies(draw: st.DrawFn) -> Texts:
    return texts(draw(st.integers(0, 12)), draw(SEEDS))
