"""Embedding of many texts, which is what a first run spends its time on, with its progress."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from services.evaluation.methods import Progress
from services.kernel.embedding.port import Embedder, Vectors

AT_A_TIME = 256
"""Texts between two steps of the progress: a second or so of work."""


async def embedded(embedder: Embedder, texts: Sequence[str], progress: Progress) -> Vectors:
    """One row per text, in order; of none, no row."""
    rows = np.zeros((len(texts), embedder.model.dimensions), dtype=np.float32)
    for start in range(0, len(texts), AT_A_TIME):
        part = texts[start : start + AT_A_TIME]
        rows[start : start + len(part)] = await embedder.embed(part)
        progress("embedding texts", start + len(part), len(texts))
    return rows
