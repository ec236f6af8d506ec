"""What a score is worth: how often such a pair turned out right, where that is known.

A score orders; it is no probability. On the CORDIS test collection (721 challenges, 3,326 organisations) a
pair is *right* where the organisation really took part in the project. That is strict: many more could have,
and were not asked. So of the pairs that score 0.9 three in ten are right, a hundred times what chance gives,
and a score bent to say so would call every suggestion weak. Both can be given instead: the score, and how
likely a pair of that score is right, in that sense, and how many times likelier than one drawn at random. The
last is what carries over to an index where a company more or less is right.

The map is a logistic curve of two parameters on the log odds of the score (Platt 1999), fitted to the pairs
that would be suggested. It rises with the score, so that both give one order.
"""

from __future__ import annotations

import math

INTERCEPT = -4.26
"""Log odds of a pair with score 0.5 (1 in 72)."""
SLOPE = 1.405
"""Log odds for each of the score's own."""
CHANCE = 0.0025
"""Share of right pairs among all: 1 in 400."""
LOWEST, HIGHEST = 0.01, 0.95
"""Scores between which the curve is read: beyond them the collection has too few pairs."""


def likelihood(score: float) -> float:
    """Share of pairs of this score that are right, in [0, 1]."""
    bounded = min(HIGHEST, max(LOWEST, score))
    return 1.0 / (1.0 + math.exp(-INTERCEPT - SLOPE * math.log(bounded / (1.0 - bounded))))


def lift(score: float) -> float:
    """How many times likelier a pair of this score is right than one drawn at random."""
    return likelihood(score) / CHANCE
