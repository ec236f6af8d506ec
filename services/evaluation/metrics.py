"""Ranking metrics. Sources: Järvelin and Kekäläinen 2002 (nDCG, linear gain); Voorhees 1999 (MRR)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence


def ndcg(ranking: Sequence[str], grades: Mapping[str, float], depth: int) -> float:
    """Discounted cumulative gain of the first `depth` over that of the ideal order, in [0, 1]."""
    gain = sum(
        grades.get(one, 0.0) / math.log2(rank + 1) for rank, one in enumerate(ranking[:depth], start=1)
    )
    best = sorted(grades.values(), reverse=True)[:depth]
    ideal = sum(grade / math.log2(rank + 1) for rank, grade in enumerate(best, start=1))
    return gain / ideal if ideal else 0.0


def recall(ranking: Sequence[str], grades: Mapping[str, float], depth: int) -> float:
    """Share of the right ones that are among the first `depth`."""
    return sum(one in grades for one in ranking[:depth]) / len(grades) if grades else 0.0


def reciprocal_rank(ranking: Sequence[str], grades: Mapping[str, float]) -> float:
    """1 / rank of the first right one; 0 if none was found."""
    return next((1.0 / rank for rank, one in enumerate(ranking, start=1) if one in grades), 0.0)
