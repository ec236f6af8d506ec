"""What the multilingual encoder made of the needs of a bundle, kept for the next run by their digest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from schemas.challenge import Challenge
from services.kernel.embedding.cached import KeptVectors, text_digest
from services.kernel.embedding.multilingual import Multilingual, MultilingualEncoder
from services.kernel.vectors.port import Sparse

_BETWEEN = "\0"
"""Stands in no text."""


class KeptEncoder(MultilingualEncoder):
    """The same vectors as those of `encoder`, each made once."""

    def __init__(self, encoder: MultilingualEncoder, kept: KeptVectors) -> None:
        super().__init__(encoder.artefact)
        self._kept = kept
        self._known: dict[bytes, Multilingual] = {}
        self._fresh: list[bytes] = []
        """Digests of what was made here and is not kept yet."""

    def encode(self, parts: Iterable[str], language: str | None) -> Multilingual:
        parts = tuple(parts)
        digest = _digest(parts, language)
        if digest not in self._known:
            self._known[digest] = super().encode(parts, language)
            self._fresh.append(digest)
        return self._known[digest]

    async def recall(self, needs: Sequence[Challenge]) -> None:
        """What is kept of them is not made again."""
        digests = [_digest((need.title, need.need), need.language) for need in needs]
        found = await self._kept.load(self.fingerprint, [one for one in digests if one not in self._known])
        self._known |= {digest: unpacked(data, self.dimensions) for digest, data in found.items()}

    async def keep(self) -> None:
        fresh, self._fresh = self._fresh, []
        await self._kept.save(self.fingerprint, {one: packed(self._known[one]) for one in fresh})


def packed(vectors: Multilingual) -> bytes:
    """The dense vector, then indices and weights of the sparse one; little-endian."""
    english = vectors.english
    return b"".join(
        (
            vectors.meaning.astype("<i2").tobytes(),
            english.indices.astype("<u4").tobytes(),
            english.values.astype("<f4").tobytes(),
        )
    )


def unpacked(data: bytes, dimensions: int) -> Multilingual:
    """What `packed` wrote."""
    meaning = np.frombuffer(data, "<i2", dimensions).astype(np.int16)
    count = (len(data) - meaning.nbytes) // 8
    return Multilingual(
        Sparse(
            indices=np.frombuffer(data, "<u4", count, meaning.nbytes).astype(np.uint32),
            values=np.frombuffer(data, "<f4", count, meaning.nbytes + 4 * count).astype(np.float32),
        ),
        meaning,
    )


def _digest(parts: Sequence[str], language: str | None) -> bytes:
    return text_digest(_BETWEEN.join((language or "", *parts)))
