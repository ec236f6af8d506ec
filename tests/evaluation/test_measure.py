"""Figures, their intervals, and the intervals of differences."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import bootstrap

from services.evaluation.measure import Measure, difference, mean, smallest

VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=30)


def test_an_average_and_a_ratio() -> None:
    assert Measure.average([0.0, 1.0, 0.5]).value == 0.5
    assert Measure.ratio([1.0, 1.0], [1.0, 4.0]).value == pytest.approx(0.4)
    assert Measure.ratio([0.0, 0.0], [0.0, 0.0]).value == 0.0


def test_several_cells_have_a_mean_and_a_worst() -> None:
    got, possible = np.array([[1.0, 0.0, 0.0], [1.0, 1.0, 0.0]]), np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0]])

    assert Measure(got, possible, mean).value == pytest.approx(0.75)
    assert Measure(got, possible, smallest).value == pytest.approx(0.5)
    assert Measure(got * 0, possible * 0, smallest).value == 0.0


@settings(deadline=None)  # thousands of draws, on a machine that may be busy
@given(VALUES)
def test_an_interval_lies_between_the_extremes_and_is_the_same_again(values: list[float]) -> None:
    low, high = Measure.average(values).interval()

    assert min(values) - 1e-9 <= low <= high <= max(values) + 1e-9
    assert Measure.average(values).interval() == (low, high)


def test_an_interval_agrees_with_scipy() -> None:
    values = np.random.default_rng(5).beta(2, 5, size=200)
    ours = Measure.average(values.tolist()).interval()

    theirs = bootstrap(
        (values,), np.mean, method="percentile", rng=np.random.default_rng(6)
    ).confidence_interval

    assert ours == pytest.approx((theirs.low, theirs.high), abs=0.003)


def test_a_constant_difference_has_no_width_because_the_same_queries_are_drawn() -> None:
    values = np.random.default_rng(7).random(50)
    better = Measure.average((values + 0.1).tolist())

    value, (low, high) = difference(better, Measure.average(values.tolist()))

    assert (value, low, high) == pytest.approx((0.1, 0.1, 0.1))
    assert better.interval()[1] - better.interval()[0] > 0.05
    with pytest.raises(ValueError, match="measures of 1 and 50 queries are not paired"):
        difference(Measure.average([1.0]), better)
