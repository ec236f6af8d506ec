"""Needs in the vector index: one point each, found by meaning and by English terms, in any language.

The collection is this room's own: its vectors are those of the multilingual encoder, which never changes with
the embedding model of profiles.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid5

from schemas.challenge import Challenge
from services.kernel.embedding.fixed_point import as_float32
from services.kernel.embedding.multilingual import Multilingual, MultilingualEncoder
from services.kernel.vectors.port import (
    AnyOf,
    CollectionSpec,
    Dense,
    Equals,
    Filter,
    Payload,
    Point,
    Query,
    VectorIndex,
)
from services.pairing.similarity import ENGLISH, MEANING

NEAREST = 100
"""Needs looked at for each, by each of two rankings: what the best ten have in common with others shows among
so many. nDCG@10 over needs of other buyers .275 with 50, .276 with 100 and .278 with all."""
SEARCHED = 16
"""Needs searched for at once: two queries each."""
REMOVED = 200
"""Needs removed in one request."""
PREFIX = "needs-"
"""Of the collection's name, before the fingerprint of the encoder."""
ENTITY, VERSION, BUYER = "entity", "version", "buyer"

_NAMESPACE = UUID("1f0e3e0c-55b0-4c1e-8a2b-6c7d0f4f9b21")
"""Fixed for good: point ids are derived from it, so that writing a need again overwrites it."""


@dataclass(frozen=True, slots=True)
class IndexedNeed:
    need: Challenge
    vectors: Multilingual


class NeedsIndex:
    """Every method may be called again for the same needs. Raises `VectorStoreUnavailable`."""

    def __init__(self, vectors: VectorIndex, encoder: Callable[[], MultilingualEncoder]) -> None:
        """`encoder` is asked for when the first need comes, and takes a second then."""
        self._vectors = vectors
        self._encoder = encoder
        self._opening = asyncio.Lock()
        self._collection: str | None = None
        self.writing = asyncio.Lock()
        """Held while needs are read and written, so that a repair cannot put an older version over a
        newer."""

    async def collection(self) -> str:
        """Its name; made where it is not there, and those of other encoders dropped: no two share one."""
        async with self._opening:
            if self._collection is None:
                encoder = await asyncio.to_thread(self._encoder)
                name = f"{PREFIX}{encoder.fingerprint}"
                spec = CollectionSpec(
                    name=name,
                    dense={MEANING: encoder.dimensions},
                    sparse=(ENGLISH,),
                    keywords=(ENTITY, BUYER),
                    numbers=(VERSION,),
                )
                await self._vectors.ensure(spec)
                for other in await self._vectors.collections():
                    if other.startswith(PREFIX) and other != name:
                        await self._vectors.drop(other)
                self._collection = name
            return self._collection

    async def write(self, needs: Sequence[IndexedNeed]) -> None:
        """A need without a word that is known has no vector, and is not found."""
        points = [point for one in needs if (point := _point(one)) is not None]
        if points:
            await self._vectors.upsert(await self.collection(), points)

    async def remove(self, needs: Sequence[str]) -> None:
        for start in range(0, len(needs), REMOVED):
            gone = tuple(needs[start : start + REMOVED])
            await self._vectors.delete(await self.collection(), Filter(must=(AnyOf(ENTITY, gone),)))

    async def near(self, needs: Sequence[IndexedNeed]) -> list[set[str]]:
        """Per need the ids of needs of other buyers that come near it in meaning or in words."""
        found: list[set[str]] = []
        for start in range(0, len(needs), SEARCHED):
            part = needs[start : start + SEARCHED]
            asked = [(place, query) for place, one in enumerate(part) for query in _queries(one)]
            answers = await self._vectors.search(await self.collection(), [query for _, query in asked])
            near: list[set[str]] = [set() for _ in part]
            for (place, _), hits in zip(asked, answers, strict=True):
                near[place] |= {str(hit.payload[ENTITY]) for hit in hits}
            found += near
        return found

    async def versions(self) -> Mapping[str, int]:
        """Version of every need that is in the index."""
        held: dict[str, int] = {}
        async for points in self._vectors.scroll(await self.collection()):
            for _, payload in points:
                version = payload[VERSION]
                assert isinstance(version, int)
                held[str(payload[ENTITY])] = version
        return held


def _point(one: IndexedNeed) -> Point | None:
    dense = {MEANING: _dense(one.vectors)} if one.vectors.meaning.any() else {}
    sparse = {ENGLISH: one.vectors.english} if one.vectors.english.indices.size else {}
    if not dense and not sparse:
        return None
    payload: Payload = {ENTITY: one.need.id, VERSION: one.need.version, BUYER: one.need.buyer}
    return Point(uuid5(_NAMESPACE, one.need.id), dense, sparse, payload)


def _queries(one: IndexedNeed) -> list[Query]:
    others = Filter(must_not=(Equals(BUYER, one.need.buyer),))
    asked: list[Query] = []
    if one.vectors.meaning.any():
        asked.append(Query(MEANING, _dense(one.vectors), NEAREST, others, (ENTITY,)))
    if one.vectors.english.indices.size:
        asked.append(Query(ENGLISH, one.vectors.english, NEAREST, others, (ENTITY,)))
    return asked


def _dense(vectors: Multilingual) -> Dense:
    return as_float32(vectors.meaning)
