"""A text that was embedded once is not embedded again: vectors are kept under a digest of their text."""

from __future__ import annotations

import hashlib
import unicodedata
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from services.kernel.embedding.batching import refuse_blank
from services.kernel.embedding.fixed_point import as_float32, from_bytes, quantise, to_bytes
from services.kernel.embedding.port import Embedder, EmbeddingModel, Vectors
from services.kernel.metrics import EMBEDDED

DIGEST_BYTES = 16
"""128 bits: among a billion texts two of one digest are less likely than 1 in 10^20."""

KEPT_IN_MEMORY = 20_000
"""Vectors; about 1 kB each with 384 dimensions."""

AT_A_TIME = 1_024
"""Texts between two looks into the store. What is computed is saved so often, and so many are in memory."""


class KeptVectors(Protocol):
    """Where vectors outlive the process. Vectors are opaque bytes of one length per model."""

    async def load(self, model: str, digests: Sequence[bytes]) -> dict[bytes, bytes]:
        """Those that are kept, by digest."""

    async def save(self, model: str, vectors: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
        """Keeps them, and returns what is kept now: where two save one digest, the first one's vector."""


class CachedEmbedder:
    """An Embedder in front of another: looks into memory, then into the store, and only then embeds.

    Rows are rounded to fixed point: a fresh vector and a stored one are the same bytes. Their length differs
    from 1 by less than 6e-4. Texts are taken in Unicode's normal form C.
    """

    def __init__(self, inner: Embedder, kept: KeptVectors, *, in_memory: int = KEPT_IN_MEMORY) -> None:
        self._inner = inner
        self._kept = kept
        self._capacity = in_memory
        self._recent: OrderedDict[bytes, bytes] = OrderedDict()

    @property
    def model(self) -> EmbeddingModel:
        return self._inner.model

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """One row per text, in order. Raises ValueError for a text that is empty or blank."""
        refuse_blank(texts)
        rows = np.empty((len(texts), self.model.dimensions), np.float32)
        for start in range(0, len(texts), AT_A_TIME):
            part = [unicodedata.normalize("NFC", text) for text in texts[start : start + AT_A_TIME]]
            digests = [text_digest(text) for text in part]
            vectors = await self._vectors(dict(zip(digests, part, strict=True)))
            fixed = np.stack([from_bytes(vectors[digest]) for digest in digests])
            rows[start : start + len(part)] = as_float32(fixed)
        return rows

    async def close(self) -> None:
        await self._inner.close()

    async def _vectors(self, texts: Mapping[bytes, str]) -> dict[bytes, bytes]:
        """The vector of each digest; `texts` are the distinct texts by digest."""
        found: dict[bytes, bytes] = {}
        for digest in texts:
            if (vector := self._recent.get(digest)) is not None:
                self._recent.move_to_end(digest)
                found[digest] = vector
        EMBEDDED.labels("memory").inc(len(found))
        absent = [digest for digest in texts if digest not in found]
        if absent:
            stored = await self._kept.load(self.model.fingerprint, absent)
            EMBEDDED.labels("database").inc(len(stored))
            fresh = await self._compute({digest: texts[digest] for digest in absent if digest not in stored})
            added = {digest: stored.get(digest) or fresh[digest] for digest in absent}
            self._remember(added)
            found |= added
        return found

    async def _compute(self, texts: Mapping[bytes, str]) -> dict[bytes, bytes]:
        if not texts:
            return {}
        fixed = quantise(await self._inner.embed(list(texts.values())))
        EMBEDDED.labels("model").inc(len(texts))
        fresh = {digest: to_bytes(vector) for digest, vector in zip(texts, fixed, strict=True)}
        return fresh | await self._kept.save(self.model.fingerprint, fresh)

    def _remember(self, vectors: Mapping[bytes, bytes]) -> None:
        self._recent.update(vectors)
        while len(self._recent) > self._capacity:
            self._recent.popitem(last=False)


def text_digest(text: str) -> bytes:
    """What a text is known by in the store; `text` in normal form C."""
    return hashlib.sha256(text.encode()).digest()[:DIGEST_BYTES]
