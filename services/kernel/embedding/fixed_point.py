"""Unit vectors in fixed point, so that a dot product is exact.

A sum of floats depends on its order, and matrix libraries choose the order by the shape of the batch.
Here every component is a multiple of 2^-14. A product of two is a multiple of 2^-28, and a sum of a few
hundred such products stays far below 2^53 steps, so float64 holds every intermediate sum exactly: the
same two vectors have the same dot product, bit for bit, in any batch, on any machine.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FRACTION_BITS = 14
"""Largest that lets ±1.0 fit into 16 bits. A cosine of two 384-dimensional vectors moves by about 2.5e-5."""
SCALE = float(1 << FRACTION_BITS)
BYTES_PER_COMPONENT = 2

FixedPoint = NDArray[np.int16]
"""Shape (n, dimensions) or (dimensions,); a component c stands for c / SCALE."""


def quantise(vectors: NDArray[np.float32]) -> FixedPoint:
    """Rounds components in [-1, 1] to the nearest step, halves to even.

    Raises ValueError for a component that is not finite or outside [-1, 1]: such a vector was never
    normalised, and its dot products would not be cosines.
    """
    if not bool(np.all(np.abs(vectors) <= 1.0 + 1e-6)):
        raise ValueError("vectors must be finite and of unit length: normalise them first")
    scaled = np.rint(np.clip(vectors, -1.0, 1.0).astype(np.float64) * SCALE)
    return scaled.astype(np.int16)


def as_float64(fixed: FixedPoint) -> NDArray[np.float64]:
    """The same vectors as float64, exactly."""
    return fixed.astype(np.float64) / SCALE


def as_float32(fixed: FixedPoint) -> NDArray[np.float32]:
    """The same vectors as float32, exactly (15 bits fit into its 24); what a vector store takes."""
    return fixed.astype(np.float32) / np.float32(SCALE)


def to_bytes(fixed: FixedPoint) -> bytes:
    """One vector as little-endian 16-bit integers, the form that is stored."""
    return fixed.astype("<i2", copy=False).tobytes()


def from_bytes(data: bytes) -> FixedPoint:
    """The vector that `to_bytes` wrote. Raises ValueError when the length is not that of whole components."""
    if len(data) % BYTES_PER_COMPONENT:
        raise ValueError("a stored vector has an odd number of bytes: it is damaged, embed the text again")
    return np.frombuffer(data, dtype="<i2").astype(np.int16)
