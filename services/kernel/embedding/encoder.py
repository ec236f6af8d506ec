"""What turns texts into vectors, seen from the batches: a loaded model that threads call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from services.kernel.embedding.port import EmbeddingModel, Vectors


@dataclass(frozen=True, slots=True)
class Tokens:
    """One text as its model reads it, cut to the model's window."""

    text: str
    length: int
    """Tokens; an estimate where the model tokenises on its own."""
    ids: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))


class Encoder(Protocol):
    """A loaded model. Its methods block; up to `lanes` threads may call them at once, never an event loop."""

    @property
    def model(self) -> EmbeddingModel: ...

    @property
    def lanes(self) -> int:
        """Batches that may run side by side."""

    @property
    def tokens_per_batch(self) -> int:
        """Tokens of a batch, padding included, beyond which a larger one is no faster."""

    def tokenise(self, texts: Sequence[str]) -> list[Tokens]: ...

    def encode(self, batch: Sequence[Tokens]) -> Vectors:
        """One L2-normalised row per member, in order."""


def unit(vectors: NDArray[np.float32]) -> Vectors:
    """Rows scaled to length 1. A row of zeros stays one."""
    lengths = np.sqrt(np.square(vectors, dtype=np.float64).sum(axis=1, keepdims=True))
    scaled: Vectors = (vectors / np.maximum(lengths, 1e-12)).astype(np.float32)
    return scaled
