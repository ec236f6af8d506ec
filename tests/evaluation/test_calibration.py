"""What a score is worth: bins, against scikit-learn, and the calibration error."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve

from services.evaluation.calibration import BINS, calibration_error, reliability

PAIRS = st.lists(st.tuples(st.integers(0, 1_000), st.booleans()), min_size=1, max_size=80)
"""Scores in thousandths, as none of the bins has an edge between two of them that is not one itself."""


@settings(deadline=None)  # the first call of scikit-learn takes long
@given(PAIRS)
def test_bins_agree_with_scikit_learn(pairs: list[tuple[int, bool]]) -> None:
    # A thousandth of a thousandth off the edges, where scikit-learn puts a score into the bin below.
    scores = np.array([min(1.0, score / 1_000 + 1e-6) for score, _ in pairs])
    right = np.array([float(one) for _, one in pairs])

    table = [one for one in reliability(scores, right) if one.count]

    shares, means = calibration_curve(right, scores, n_bins=BINS)
    assert [one.share_right for one in table] == pytest.approx(shares)
    assert [one.mean_score for one in table] == pytest.approx(means)
    assert sum(one.count for one in table) == len(pairs)
    assert 0.0 <= calibration_error(table) <= 1.0


def test_a_score_on_an_edge_belongs_above_it_and_1_to_the_last_bin() -> None:
    table = reliability(np.array([0.0, 0.1, 0.3, 0.7, 1.0]), np.zeros(5))

    assert [one.count for one in table] == [1, 1, 0, 1, 0, 0, 0, 1, 0, 1]
    assert (table[3].low, table[3].high) == pytest.approx((0.3, 0.4))


def test_the_error_is_the_mean_distance_of_score_and_share() -> None:
    perfect = reliability(np.full(10, 0.8), np.array([1.0] * 8 + [0.0] * 2))
    boasting = reliability(np.full(10, 0.8), np.zeros(10))
    half = reliability(np.array([0.05, 0.95]), np.array([0.0, 0.0]))

    assert calibration_error(perfect) == pytest.approx(0.0)
    assert calibration_error(boasting) == pytest.approx(0.8)
    assert calibration_error(half) == pytest.approx(0.5)
    assert calibration_error(reliability(np.zeros(0), np.zeros(0))) == 0.0
