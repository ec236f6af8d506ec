"""How near texts are to a challenge in meaning, read off the vectors that are kept: no model is loaded."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from services.consortia.coverage import Floats
from services.kernel.embedding.cached import KeptVectors, text_digest
from services.kernel.embedding.fixed_point import as_float32, from_bytes


class KeptMeaning:
    def __init__(self, kept: KeptVectors) -> None:
        self._kept = kept

    async def cosines(self, model: str, challenge: str, texts: Sequence[str]) -> Floats:
        """Of each text to the challenge, by the model with this fingerprint; 0 where a vector is not kept."""
        asked = text_digest(challenge)
        digests = [text_digest(text) for text in texts]
        kept = await self._kept.load(model, list(dict.fromkeys([asked, *digests])))
        if asked not in kept:
            return np.zeros(len(texts))
        vector = as_float32(from_bytes(kept[asked])).astype(np.float64)
        return np.array(
            [
                float(as_float32(from_bytes(kept[digest])).astype(np.float64) @ vector)
                if digest in kept
                else 0.0
                for digest in digests
            ],
            dtype=np.float64,
        )
