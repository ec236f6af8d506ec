"""The metrics against figures worked out by hand, and against scikit-learn."""

from __future__ import annotations

import math
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score

from services.evaluation.metrics import ndcg, recall, reciprocal_rank

RANKING = ["a", "b", "c", "d", "e"]


@pytest.mark.parametrize(
    ("grades", "depth", "expected"),
    [
        ({"a": 1.0}, 5, 1.0),
        ({"b": 1.0}, 5, 1 / math.log2(3)),
        ({"b": 1.0}, 1, 0.0),
        ({"a": 1.0, "b": 3.0}, 5, (1 + 3 / math.log2(3)) / (3 + 1 / math.log2(3))),
        ({"a": 1.0, "nowhere": 1.0}, 5, 1 / (1 + 1 / math.log2(3))),
        ({"a": 1.0, "b": 1.0, "c": 1.0}, 2, 1.0),
        ({}, 5, 0.0),
    ],
)
def test_ndcg_by_hand(grades: dict[str, float], depth: int, expected: float) -> None:
    assert ndcg(RANKING, grades, depth) == pytest.approx(expected, abs=1e-12)


def test_recall_and_reciprocal_rank_by_hand() -> None:
    grades = {"b": 1.0, "d": 2.0, "nowhere": 1.0}
    assert recall(RANKING, grades, 2) == pytest.approx(1 / 3)
    assert recall(RANKING, grades, 5) == pytest.approx(2 / 3)
    assert recall(RANKING, {}, 5) == 0.0
    assert reciprocal_rank(RANKING, grades) == pytest.approx(1 / 2)
    assert reciprocal_rank(RANKING, {"nowhere": 1.0}) == 0.0
    assert reciprocal_rank([], grades) == 0.0


@given(
    st.lists(st.sampled_from([0.0, 1.0, 2.0, 5.0]), min_size=2, max_size=60).filter(any),
    st.randoms(use_true_random=False),
    st.integers(1, 60),
)
def test_ndcg_agrees_with_scikit_learn(relevance: list[float], random: Random, depth: int) -> None:
    names = [f"company {number}" for number in range(len(relevance))]
    ranking = random.sample(names, len(names))
    grades = {name: grade for name, grade in zip(names, relevance, strict=True) if grade}
    scores = [-ranking.index(name) for name in names]

    expected = ndcg_score(np.array([relevance]), np.array([scores]), k=depth)

    assert ndcg(ranking, grades, depth) == pytest.approx(float(expected), abs=1e-9)
