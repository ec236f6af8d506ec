"""A metric with what it is made of, query by query, so that its interval can be had by drawing queries anew.

Percentile bootstrap (Efron 1979), paired over queries: every method of a task is drawn the same queries, so
that the interval of a difference shows the difference, not which queries were drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Interval = tuple[float, float]
Combine = Callable[[Floats], Floats]

RESAMPLES = 2_000
"""The ends of a 95 % interval are then its 50th values: steady to about a twentieth of its width."""
SEED = 20_230_323
"""Fixed, so that a second run prints the same intervals."""
LEVEL = 95.0
"""Per cent that an interval holds."""


def mean(cells: Floats) -> Floats:
    """Over the last axis, as far as it has figures; 0 where it has none."""
    there = np.isfinite(cells)
    total = np.where(there, cells, 0.0).sum(axis=-1)
    return np.asarray(total / np.maximum(there.sum(axis=-1), 1), dtype=np.float64)


def smallest(cells: Floats) -> Floats:
    """Over the last axis, as far as it has figures; 0 where it has none."""
    least = np.where(np.isfinite(cells), cells, np.inf).min(axis=-1)
    return np.asarray(np.where(np.isfinite(least), least, 0.0), dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Measure:
    """`got` out of `possible`, both of shape (queries, cells): the figure of a cell is the sum of what was
    got over the sum of what was possible. The measure is its only cell, or what `combine` makes of several
    (a cell per language, say)."""

    got: Floats
    possible: Floats
    combine: Combine = mean

    @classmethod
    def average(cls, values: Sequence[float]) -> Measure:
        """The mean of one value per query."""
        return cls.ratio(values, [1.0] * len(values))

    @classmethod
    def ratio(cls, got: Sequence[float], possible: Sequence[float]) -> Measure:
        """One figure: the sum of the one over the sum of the other."""
        return cls(np.array(got, np.float64)[:, None], np.array(possible, np.float64)[:, None])

    @property
    def value(self) -> float:
        return float(self._of(np.ones((1, len(self.got))))[0])

    def drawn(self) -> Floats:
        """Its value for each of RESAMPLES draws of as many queries, with replacement. Measures of the same
        number of queries are drawn the same ones."""
        queries = len(self.got)
        times = np.random.default_rng(SEED).multinomial(queries, np.full(queries, 1 / queries), RESAMPLES)
        return self._of(times.astype(np.float64))

    def interval(self) -> Interval:
        return percentiles(self.drawn())

    def _of(self, times: Floats) -> Floats:
        """`times`: shape (draws, queries), how often each query counts."""
        got, possible = times @ self.got, times @ self.possible
        with np.errstate(divide="ignore", invalid="ignore"):
            cells = np.where(possible > 0.0, got / possible, np.nan)
        return self.combine(cells)


def percentiles(drawn: Floats) -> Interval:
    """What holds the middle LEVEL per cent of the draws."""
    outside = (100.0 - LEVEL) / 2
    low, high = np.percentile(drawn, [outside, 100.0 - outside])
    return float(low), float(high)


def difference(one: Measure, other: Measure) -> tuple[float, Interval]:
    """How much larger `one` is than `other`, on the same queries, and the interval of that."""
    if len(one.got) != len(other.got):
        raise ValueError(f"measures of {len(one.got)} and {len(other.got)} queries are not paired")
    return one.value - other.value, percentiles(one.drawn() - other.drawn())
