"""What a score is worth rises with it, agrees with what was measured, and sets the bounds of the words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.matching.calibration import CHANCE, lift, likelihood
from services.matching.scoring import GOOD, POSSIBLE, STRONG

MEASURED = ((0.45, 0.0104), (0.55, 0.0167), (0.65, 0.0311), (0.75, 0.0560), (0.84, 0.1435), (0.916, 0.2998))
"""Mean score and share right of the pairs of the test collection, as `liaison evaluate` prints them."""


@pytest.mark.parametrize(("score", "share"), MEASURED)
def test_it_is_the_share_that_was_measured(score: float, share: float) -> None:
    assert likelihood(score) == pytest.approx(share, rel=0.2)


@given(st.floats(0, 1), st.floats(0, 1))
def test_it_rises_with_the_score_and_stays_a_share(one: float, other: float) -> None:
    low, high = sorted((one, other))

    assert 0.0 <= likelihood(low) <= likelihood(high) < 0.6


def test_the_words_for_a_score_begin_where_they_mean_something() -> None:
    assert lift(STRONG) == pytest.approx(10, rel=0.1)
    assert lift(GOOD) == pytest.approx(3, rel=0.1)
    assert lift(POSSIBLE) > 1
    assert likelihood(STRONG) == pytest.approx(lift(STRONG) * CHANCE)
