"""The Embedder port: texts in, vectors out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
"""Shape (n, dimensions), rows L2-normalised."""


@dataclass(frozen=True, slots=True)
class EmbeddingModel:
    """Which model made a vector. Vectors of two fingerprints are never compared."""

    name: str
    fingerprint: str
    """Short hex digest of whatever decides a vector: weights, pooling, normalisation, fixed point."""
    dimensions: int


class Embedder(Protocol):
    @property
    def model(self) -> EmbeddingModel: ...

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """One row per text, in order. Never blocks the event loop. An empty text is a ValueError."""

    async def close(self) -> None: ...
