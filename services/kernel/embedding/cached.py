"""A text that was embedded once is not embedded again: vectors are kept under a digest of their text."""

from __future__ import annotations

import asyncio
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

JOINED_MAX = 64
"""Texts of a call that others wait for instead of bringing the same texts themselves. A larger one takes
seconds; who shares a text with it goes on to the model, which serves small requests first and embeds a text
that two want once."""


class KeptVectors(Protocol):
    """Where vectors outlive the process. Vectors are opaque bytes of one length per model."""

    async def load(self, model: str, digests: Sequence[bytes]) -> dict[bytes, bytes]:
        """Those that are kept, by digest."""

    async def save(self, model: str, vectors: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
        """Keeps them, and returns what is kept now: where two save one digest, the first one's vector."""


class CachedEmbedder:
    """An Embedder in front of another: looks into memory, then into the store, and only then embeds.

    Rows are rounded to fixed point: a fresh vector and a stored one are the same bytes. Their length differs
    from 1 by less than 6e-4. Texts are taken in Unicode's normal form C. Used from one event loop.
    """

    def __init__(self, inner: Embedder, kept: KeptVectors, *, in_memory: int = KEPT_IN_MEMORY) -> None:
        self._inner = inner
        self._kept = kept
        self._capacity = in_memory
        self._recent: OrderedDict[bytes, bytes] = OrderedDict()
        self._coming: dict[bytes, asyncio.Future[dict[bytes, bytes]]] = {}
        """What some call is fetching or computing: whoever wants it, too, waits for that call. Its result is
        empty where that call did not get so far."""

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
        while absent := [digest for digest in texts if digest not in found]:
            coming = {digest: self._coming[digest] for digest in absent if digest in self._coming}
            if len(coming) < len(absent):
                found |= await self._bring({one: texts[one] for one in absent if one not in coming})
            if coming:
                await asyncio.wait(set(coming.values()))
            for digest, theirs in coming.items():
                if digest in theirs.result():
                    found[digest] = theirs.result()[digest]
        return found

    async def _bring(self, texts: Mapping[bytes, str]) -> dict[bytes, bytes]:
        """From the store, or computed; concurrent calls wait for it."""
        coming: asyncio.Future[dict[bytes, bytes]] = asyncio.get_running_loop().create_future()
        joined = dict.fromkeys(texts, coming) if len(texts) <= JOINED_MAX else {}
        self._coming.update(joined)
        brought: dict[bytes, bytes] = {}
        try:
            stored = await self._kept.load(self.model.fingerprint, list(texts))
            EMBEDDED.labels("database").inc(len(stored))
            fresh = await self._compute({one: text for one, text in texts.items() if one not in stored})
            brought = {digest: stored.get(digest) or fresh[digest] for digest in texts}
            self._remember(brought)
        finally:
            for digest in joined:
                del self._coming[digest]
            coming.set_result(brought)
        return brought

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


async def embed_once(embedder: Embedder, texts: Sequence[str]) -> Vectors:
    """The very rows that `embed` gives, of texts that nobody asks for again: what somebody types into a
    search is kept nowhere."""
    inner = embedder._inner if isinstance(embedder, CachedEmbedder) else embedder
    normal = [unicodedata.normalize("NFC", text) for text in texts]
    return as_float32(quantise(await inner.embed(normal)))


def text_digest(text: str) -> bytes:
    """What a text is known by in the store; `text` in normal form C."""
    return hashlib.sha256(text.encode()).digest()[:DIGEST_BYTES]
