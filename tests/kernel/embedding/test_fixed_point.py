"""Dot products of fixed-point vectors are exact, whatever the batch."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from services.kernel.embedding.encoder import unit
from services.kernel.embedding.fixed_point import (
    SCALE,
    as_float32,
    as_float64,
    from_bytes,
    quantise,
    to_bytes,
)


def unit_vectors(rows: int, dimensions: int) -> st.SearchStrategy[NDArray[np.float32]]:
    floats = st.floats(-1, 1, width=32)
    return arrays.arrays(np.float32, (rows, dimensions), elements=floats).map(unit)


@given(unit_vectors(6, 96), st.permutations(range(96)), st.permutations(range(6)))
def test_a_dot_product_is_the_same_for_any_order_and_any_batch(
    vectors: NDArray[np.float32], columns: list[int], rows: list[int]
) -> None:
    fixed = as_float64(quantise(vectors))
    together = fixed @ fixed.T

    assert (fixed[:, columns] @ fixed[:, columns].T == together).all()
    assert (fixed[rows] @ fixed.T == together[rows]).all()
    alone = [[float(one @ other) for other in fixed] for one in fixed]
    assert (np.array(alone) == together).all()
    exact = quantise(vectors).astype(np.int64)
    assert (together * SCALE * SCALE == exact @ exact.T).all()


@given(unit_vectors(2, 384))
def test_a_cosine_hardly_moves(vectors: NDArray[np.float32]) -> None:
    before = vectors.astype(np.float64)
    after = as_float64(quantise(vectors))

    # Each component is off by half a step at the most, and a unit vector's components sum to sqrt(384) at the
    # most: twice that, for two vectors, and the product of the two errors.
    half = 0.5 / SCALE
    bound = 2 * math.sqrt(384) * half + 384 * half**2
    assert abs(float(before[0] @ before[1]) - float(after[0] @ after[1])) <= bound


@given(unit_vectors(1, 384))
def test_what_is_stored_is_what_is_read(vectors: NDArray[np.float32]) -> None:
    fixed = quantise(vectors)[0]

    assert len(to_bytes(fixed)) == 768
    assert (from_bytes(to_bytes(fixed)) == fixed).all()
    assert (quantise(as_float32(fixed)) == fixed).all(), "a vector that was rounded stays as it is"


def test_the_ends_of_the_range_fit() -> None:
    assert quantise(np.array([[1.0, -1.0, 0.0]], dtype=np.float32)).tolist() == [[16384, -16384, 0]]


@pytest.mark.parametrize("component", [np.nan, np.inf, -2.0])
def test_a_vector_that_was_never_normalised_is_refused(component: Any) -> None:
    with pytest.raises(ValueError, match="normalise"):
        quantise(np.array([[component, 0.0]], dtype=np.float32))


def test_half_a_component_is_damage() -> None:
    with pytest.raises(ValueError, match="embed the text again"):
        from_bytes(b"\x00\x01\x02")
