"""How alike two needs are, for a company's own order: across languages, without the index."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Collection, Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from schemas.challenge import Challenge
from services.kernel.embedding.fixed_point import as_float64
from services.kernel.embedding.multilingual import MultilingualEncoder

REMEMBERED = 10_000
"""Needs whose vectors are kept, 1.6 kB each: all that are open, and those answered in a few years."""

Floats = NDArray[np.float64]


class ChallengeSource(Protocol):
    async def challenges(self, ids: Collection[str]) -> Mapping[str, Challenge]:
        """Those that exist, by id."""


class Likeness:
    """Vectors of needs, by challenge and version. Used from one event loop."""

    def __init__(self, source: ChallengeSource) -> None:
        self._source = source
        self._kept: OrderedDict[tuple[str, int], Floats] = OrderedDict()

    async def vectors(self, wanted: Mapping[str, int]) -> dict[str, Floats]:
        """By challenge id, of its version `wanted` or the present one; zeros where no word is known."""
        missing = [one for one, version in wanted.items() if (one, version) not in self._kept]
        if missing:
            found = await self._source.challenges(missing)
            made = await asyncio.to_thread(_encoded, [found[one] for one in missing if one in found])
            for one, fresh in made.items():
                self._kept[one, wanted[one]] = fresh
        vectors: dict[str, Floats] = {}
        for one, version in wanted.items():
            vector = self._kept.get((one, version))
            if vector is not None:
                self._kept.move_to_end((one, version))
                vectors[one] = vector
        while len(self._kept) > REMEMBERED:
            self._kept.popitem(last=False)
        return vectors


def _encoded(challenges: list[Challenge]) -> dict[str, Floats]:
    encoder = MultilingualEncoder.shipped()
    return {one.id: as_float64(encoder.meaning((one.title, one.need))) for one in challenges}
