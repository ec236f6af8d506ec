"""What texts mean across languages, for the index: one vector a text, comparable in 23 languages.

People who search ask for it in their own language; matching does where the embedding model cannot read a
text.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from services.kernel.embedding.fixed_point import as_float32
from services.kernel.embedding.multilingual import MultilingualEncoder, headed, shipped_digest
from services.kernel.embedding.port import Vectors

DIMENSIONS = 192
"""Of the artefact that ships. Known without unpacking it, which takes a second: a collection is made at the
start, a text encoded when the first one comes."""


class Meaning(Protocol):
    @property
    def fingerprint(self) -> str:
        """Of whatever decides a vector."""

    @property
    def dimensions(self) -> int: ...

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """One row per text, of length 1, or zero where no word is like any that is known."""


class ShippedMeaning:
    """By the encoder that ships with the product, on a thread; unpacked when it is first needed."""

    def __init__(self) -> None:
        self._fingerprint = shipped_digest()

    @property
    def fingerprint(self) -> str:
        return self._fingerprint

    @property
    def dimensions(self) -> int:
        return DIMENSIONS

    async def embed(self, texts: Sequence[str]) -> Vectors:
        return await asyncio.to_thread(_embed, texts)


def _embed(texts: Sequence[str]) -> Vectors:
    encoder = MultilingualEncoder.shipped()
    rows = np.array([encoder.meaning(headed(text)) for text in texts], np.int16)
    return as_float32(rows.reshape(len(texts), DIMENSIONS))
