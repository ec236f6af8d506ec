"""What a score is worth rises with it, agrees with what was measured, and sets the bounds of the words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.matching.calibration import CHANCE, lift, likelihood
from services.matching.scoring import GOOD, POSSIBLE, STRONG

MEASURED = ((0.25, 0.0115), (0.4, 0.0190), (0.6, 0.0432), (0.8, 0.1060))
"""Score and share right of the pairs of the test collection that lie within 0.02 of it."""


@pytest.mark.parametrize(("score", "share"), MEASURED)
def test_it_is_the_share_that_was_measured(score: float, share: float) -> None:
    assert likelihood(score) == pytest.approx(share, rel=0.2)


@given(st.floats(0, 1), st.floats(0, 1))
def test_it_rises_with_the_score_and_stays_a_share(one: float, other: float) -> None:
    low, high = sorted((one, other))

    assert 0.0 <= likelihood(low) <= likelihood(high) < 0.4


def test_where_one_company_in_thirteen_is_right_the_score_is_the_share_of_right_ones() -> None:
    for score in (0.25, 0.5, 0.8):
        odds = likelihood(score) / (1 - likelihood(score))
        in_another_market = odds / (CHANCE / (1 - CHANCE)) * (1 / 13) / (12 / 13)
        assert in_another_market / (1 + in_another_market) == pytest.approx(score, abs=0.01)


def test_the_words_for_a_score_begin_where_they_mean_something() -> None:
    assert lift(STRONG) == pytest.approx(17, rel=0.1)
    assert lift(GOOD) == pytest.approx(8, rel=0.1)
    assert lift(POSSIBLE) == pytest.approx(4, rel=0.1)
    assert likelihood(STRONG) == pytest.approx(lift(STRONG) * CHANCE)
