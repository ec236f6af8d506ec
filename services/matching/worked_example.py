"""A score step by step, for the page on how scores come about: a need with one requirement, and a company of
three texts. How alike the texts are is given; everything else is what the formula makes of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from schemas.match import Strength
from services.kernel.embedding.fixed_point import quantise
from services.kernel.vectors.port import Sparse
from services.matching import evidence, scoring
from services.matching.evidence import Background, Floats, Texts
from services.matching.scoring import Challenges, ChallengeTexts, Companies, PartTerms, Scored

SAID = (
    "Cryogenic pressure sensors for liquid helium",
    "Strain gauges for low temperatures",
    "Training courses in vacuum technology",
)
"""The company's texts."""
ASKED = (
    ("the whole", "Measuring the pressure of liquid helium at 4 K"),
    ("the requirement, mandatory", "An accredited laboratory certifies the calibration"),
)
MEANING = ((0.60, 0.35, 0.10), (0.32, 0.20, 0.10))
"""Cosine of what they mean: a row per part, a column per text."""
WORDS = ((0.40, 0.00, 0.00), (0.10, 0.00, 0.00))
"""Cosine of their words."""
BACKGROUND = Background(level=0.45, indexed=20_000)
"""Of both parts: texts come a little nearer to them than usual."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One text of the company beside one part. `above`: the level of the part; `place`: from 1, by evidence;
    `counts`: what it counts for that; `adds`: to the total."""

    text: str
    meaning: float
    words: float
    similarity: float
    above: float
    evidence: float
    place: int
    counts: float
    adds: float


@dataclass(frozen=True, slots=True)
class PartWorked:
    """`weight`: its share of the mean; `averaged`: as it goes into it."""

    name: str
    text: str
    compared: tuple[Compared, ...]
    total: float
    answer: float
    weight: float
    averaged: float


@dataclass(frozen=True, slots=True)
class Worked:
    """`level`: what is taken off each similarity; `evidence`: the mean, read as such; `unanswered`: how far
    the requirement is a gap; `score`: as the pair would be suggested with."""

    level: float
    parts: tuple[PartWorked, ...]
    mean: float
    evidence: float
    answer: float
    unanswered: float
    score: float
    strength: Strength | None


def worked() -> Worked:
    challenges, companies = Challenges([_challenge()]), Companies([_company()])
    similarity = evidence.similarities(challenges.texts, companies.texts)
    totals = evidence.totals(similarity, challenges.levels, companies.starts)
    answers, averaged = evidence.answered(totals), scoring.averaged(totals)
    shares = challenges.shares[0]
    meaning = challenges.texts.dense @ companies.texts.dense.T
    words = evidence.word_cosines(challenges.texts, companies.texts)
    level = float(challenges.levels[0])
    mean = shares @ averaged[:, 0]
    unanswered = float(challenges.mandatory_shares[0] @ scoring.gap(answers[:, 0]))
    found = Scored(challenges, companies).details(0, 0)
    return Worked(
        level=level,
        parts=tuple(
            PartWorked(
                name=name,
                text=text,
                compared=_compared(meaning[row], words[row], similarity[row], level),
                total=float(totals[row, 0]),
                answer=float(answers[row, 0]),
                weight=float(shares[row]),
                averaged=float(averaged[row, 0]),
            )
            for row, (name, text) in enumerate(ASKED)
        ),
        mean=float(mean),
        evidence=float(scoring.as_evidence(mean)),
        answer=float(evidence.answered(scoring.as_evidence(mean))),
        unanswered=unanswered,
        score=found.score,
        strength=found.strength,
    )


def _compared(meaning: Floats, words: Floats, similarity: Floats, level: float) -> tuple[Compared, ...]:
    none, alone = np.array([level]), np.arange(len(SAID) + 1)
    single = evidence.totals(similarity[None, :], none, alone)[0]  # each text as if it were a company's only
    places = np.empty(len(SAID), dtype=np.int64)
    places[np.argsort(-single, kind="stable")] = np.arange(len(SAID))
    counts = evidence.DISCOUNT ** places.astype(np.float64)
    return tuple(
        Compared(
            text=text,
            meaning=float(meaning[n]),
            words=float(words[n]),
            similarity=float(similarity[n]),
            above=max(0.0, float(similarity[n]) - level),
            evidence=float(single[n]),
            place=int(places[n]) + 1,
            counts=float(counts[n]),
            adds=float(counts[n] * single[n]),
        )
        for n, text in enumerate(SAID)
    )


def _challenge() -> ChallengeTexts:
    """Each part is an axis of its own, of meaning and of words: a text can have any likeness to it."""
    axes = np.eye(len(ASKED), len(ASKED) + 1, dtype=np.float32)
    words = [_sparse({row: 1.0}) for row in range(len(ASKED))]
    terms = (PartTerms("whole", BACKGROUND), PartTerms("requirement", BACKGROUND, mandatory=True))
    return ChallengeTexts(terms, Texts.of(quantise(axes), words))


def _company() -> Texts:
    meaning = np.array(MEANING).T
    rest = np.sqrt(1.0 - (meaning**2).sum(axis=1))
    dense = np.column_stack([meaning, rest]).astype(np.float32)
    words = [_sparse(dict(enumerate(column))) for column in zip(*WORDS, strict=True)]
    return Texts.of(quantise(dense), words)


def _sparse(weights: dict[int, float]) -> Sparse:
    """A unit vector of words: those of the parts, and one that only the company has."""
    rest = math.sqrt(1.0 - min(1.0, math.fsum(weight * weight for weight in weights.values())))
    terms = weights | {len(ASKED): rest}
    return Sparse(np.array(list(terms), dtype=np.uint32), np.array(list(terms.values()), dtype=np.float32))
