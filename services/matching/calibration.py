"""What a score is worth: how often such a pair turned out right, where that is known.

On the CORDIS test collection (721 challenges, 3,326 organisations) a pair is *right* where the organisation
really took part in the project. That is strict: many more could have, and were not asked. So of the pairs
that score 0.9 one in five is right, eighty times what chance gives, and a score bent to say so would call
every suggestion weak.

What carries over to another market is how many times the odds of being right rise with the evidence. The
score is read so that it says that: its odds are those of being right times RARITY, at any score. So in a
market where one company in thirteen is right, the score *is* the share of right ones, and in any other market
the share follows from how many are right by chance. One constant, fitted to the pairs that would be
suggested, as the intercept of a logistic curve of slope 1 on the log odds of the score (Platt 1999; a slope
that is free comes out at 0.99).
"""

from __future__ import annotations

RARITY = 33.0
"""Odds of a score over the odds of being right, in the trial."""
CHANCE = 0.0025
"""Share of right pairs among all in the trial: 1 in 400."""
HIGHEST = 0.95
"""Above it the trial has too few pairs to say more."""


def likelihood(score: float) -> float:
    """Share of pairs of this score that are right in the trial, in [0, 1]."""
    bounded = min(HIGHEST, max(0.0, score))
    return bounded / (bounded + RARITY * (1.0 - bounded))


def lift(score: float) -> float:
    """How many times likelier a pair of this score is right than one drawn at random."""
    return likelihood(score) / CHANCE
