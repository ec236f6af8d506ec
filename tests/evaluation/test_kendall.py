"""The weighted Kendall loss and the accuracies of pairs, by hand and against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from services.evaluation.kendall import Counted, easy, hard, loss

GRADES = st.lists(st.sampled_from([1.0, 2.0, 2.5, 3.0, 4.0, 4.5, 5.0]), min_size=2, max_size=12)
SCORES = st.lists(st.sampled_from([0.0, 0.1, 0.2, 0.5, 0.9]), min_size=12, max_size=12)


def named(values: list[float]) -> dict[str, float]:
    return {f"paper {place}": value for place, value in enumerate(values)}


def test_a_wrong_order_costs_the_difference_and_a_tie_half_of_it() -> None:
    grades = {"a": 5.0, "b": 3.0, "c": 2.0}

    assert loss(grades, {"a": 0.9, "b": 0.5, "c": 0.1}) == Counted(0.0, 6.0)
    assert loss(grades, {"a": 0.1, "b": 0.5, "c": 0.9}) == Counted(6.0, 6.0)
    assert loss(grades, {"a": 0.5, "b": 0.5, "c": 0.9}) == Counted(1.0 + 3.0 + 1.0, 6.0)
    assert loss({"a": 4.0, "b": 4.0}, {"a": 0.0, "b": 1.0}) == Counted(0.0, 0.0)


def test_easy_and_hard_pairs_are_those_of_the_paper() -> None:
    grades = {"a": 5.0, "b": 4.0, "c": 2.0, "d": 3.0, "e": 4.0}
    scores = {"a": 0.3, "b": 0.5, "c": 0.3, "d": 0.9, "e": 0.1}

    assert easy(grades, scores) == Counted(1, 3)  # a-c is a tie, b-c right, e-c wrong
    assert hard(grades, scores) == Counted(1, 2)  # b-e is no pair: both are graded 4


@given(GRADES, SCORES)
def test_turning_the_scores_around_turns_the_loss_around(values: list[float], scores: list[float]) -> None:
    grades = named(values)
    turned = {name: -score for name, score in named(scores).items()}
    one, other = loss(grades, named(scores)), loss(grades, turned)

    assert 0.0 <= one.got <= one.possible
    assert one.got + other.got == pytest.approx(one.possible)


@given(GRADES, SCORES, st.randoms(use_true_random=False))
def test_neither_the_order_of_the_papers_nor_the_scale_of_the_scores_matters(
    values: list[float], scores: list[float], random: object
) -> None:
    items = list(named(values).items())
    getattr(random, "shuffle")(items)  # noqa: B009 - hypothesis types it as object
    grown = {name: 3.0 * score + 7.0 for name, score in named(scores).items()}
    for count in (loss, easy, hard):
        one, other = count(named(values), named(scores)), count(dict(items), grown)
        assert (one.got, one.possible) == pytest.approx((other.got, other.possible))


@settings(deadline=None)  # the first call of scikit-learn takes long
@given(st.lists(st.booleans(), min_size=2, max_size=12).filter(lambda one: len(set(one)) == 2), SCORES)
def test_with_two_grades_it_is_what_is_missing_from_the_area_under_the_curve(
    good: list[bool], scores: list[float]
) -> None:
    counted = loss(named([4.0 if one else 1.0 for one in good]), named(scores))

    expected = 1.0 - roc_auc_score(np.array(good), np.array(scores[: len(good)]))

    assert counted.got / counted.possible == pytest.approx(float(expected))
