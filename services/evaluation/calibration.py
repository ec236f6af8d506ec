"""Does a score mean what is claimed of it? What is claimed against the share that turned out right.

Reliability table and expected calibration error with ten bins of equal width (Naeini, Cooper and Hauskrecht
2015; DeGroot and Fienberg 1983).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from services.evaluation.measure import Floats

BINS = 10


@dataclass(frozen=True, slots=True)
class Bin:
    """Pairs with a score in [low, high); the last bin includes its end. `mean_claimed`: how likely they were
    said to be right, on average."""

    low: float
    high: float
    count: int
    mean_score: float
    mean_claimed: float
    share_right: float


def reliability(scores: Floats, right: Floats, claimed: Floats | None = None, bins: int = BINS) -> list[Bin]:
    """`scores` in [0, 1]; `right`: 1 where the pair turned out right, else 0; `claimed`: how likely each was
    said to be right, by default its score. Bins without a pair are there, with figures of 0."""
    edges = np.arange(bins + 1) / bins  # 3 / 10 is the 0.3 that a score is rounded to
    places = np.clip(np.searchsorted(edges, scores, side="right") - 1, 0, bins - 1)
    counts = np.bincount(places, minlength=bins)
    some = np.maximum(counts, 1)
    mean_scores = np.bincount(places, weights=scores, minlength=bins) / some
    claims = np.bincount(places, weights=scores if claimed is None else claimed, minlength=bins) / some
    shares = np.bincount(places, weights=right, minlength=bins) / some
    return [
        Bin(
            low=float(edges[n]),
            high=float(edges[n + 1]),
            count=int(counts[n]),
            mean_score=float(mean_scores[n]),
            mean_claimed=float(claims[n]),
            share_right=float(shares[n]),
        )
        for n in range(bins)
    ]


def calibration_error(table: Sequence[Bin]) -> float:
    """How far claim and share lie apart on average over the pairs, in [0, 1]; 0 without any."""
    total = sum(one.count for one in table)
    apart = sum(one.count * abs(one.mean_claimed - one.share_right) for one in table)
    return apart / total if total else 0.0
