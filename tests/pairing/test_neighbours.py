"""The second pass: symmetric, bounded, and a neighbour in common brings two needs together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.pairing.neighbours import WEIGHT, with_neighbours


@given(st.integers(0, 14), st.integers(0, 2**32 - 1))
def test_it_is_symmetric_bit_for_bit_and_bounded(count: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    half = random.uniform(-1.0, 1.0, (count, count))
    similar = np.triu(half) + np.triu(half, 1).T

    found = with_neighbours(similar)

    assert found.shape == similar.shape
    assert (found == found.T).all()
    assert (np.abs(found) <= 1.0).all()
    assert (found == with_neighbours(similar)).all()


def test_a_neighbour_in_common_brings_two_needs_together() -> None:
    similar = np.array(
        [[1.0, 0.8, 0.1, 0.1], [0.8, 1.0, 0.8, 0.0], [0.1, 0.8, 1.0, 0.0], [0.1, 0.0, 0.0, 1.0]]
    )

    found = with_neighbours(similar)

    assert similar[0, 2] == similar[0, 3]
    assert found[0, 2] > found[0, 3]
    # By hand: of need 0 the neighbours 1, 2, 3 weigh .64, .01, .01; of need 2 the needs 0, 1 weigh .01, .64.
    first = (0.64 * 0.8 + 0.01 * 1.0 + 0.01 * 0.0) / 0.66
    second = (0.01 * 1.0 + 0.64 * 0.8) / 0.65
    assert found[0, 2] == pytest.approx((0.1 + WEIGHT * (first + second) / 2) / (1 + WEIGHT))


def test_needs_alike_to_none_stay_so_and_one_alone_is_as_it_was() -> None:
    assert (with_neighbours(np.eye(3)) == np.eye(3) / (1 + WEIGHT)).all()
    assert with_neighbours(np.ones((1, 1))).tolist() == [[1.0]]
    assert with_neighbours(np.zeros((0, 0))).shape == (0, 0)


def test_two_sets_of_needs_are_refused() -> None:
    with pytest.raises(ValueError, match=r"are square, not \(2, 3\)"):
        with_neighbours(np.zeros((2, 3)))
