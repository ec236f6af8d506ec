"""The VectorIndex port: what the rooms ask of a vector store, and nothing of how it is carried.

A *collection* holds points; a point has named dense vectors, named sparse vectors and a flat payload.
Readers and writers may name an *alias* wherever a collection is expected: an alias points at one
collection and is re-pointed atomically, which is how a change of the embedding model switches at once.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

PayloadValue = str | int | float | bool | list[str] | list[int] | None
Payload = Mapping[str, PayloadValue]
"""Keys of letters, digits, '_' and '-'. A float may come back one unit in its last place off."""
Dense = NDArray[np.float32]
"""One vector, shape (dimensions,), L2-normalised: a dot product is a cosine."""


@dataclass(frozen=True, slots=True)
class Sparse:
    """A sparse vector: `indices` sorted ascending, unique, uint32; `values` float32, same length."""

    indices: NDArray[np.uint32]
    values: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Point:
    """A point carries any of its collection's vectors, at least one; an absent one is never found by it."""

    id: UUID
    dense: Mapping[str, Dense]
    sparse: Mapping[str, Sparse]
    payload: Payload


@dataclass(frozen=True, slots=True)
class Equals:
    """The payload field is this value, or is a list that contains it."""

    key: str
    value: str | int | bool


@dataclass(frozen=True, slots=True)
class AnyOf:
    """The payload field is one of these values, or is a list that contains one of them."""

    key: str
    values: tuple[str, ...] | tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Between:
    """The numeric payload field lies in [at_least, at_most]; an open end is None."""

    key: str
    at_least: float | None = None
    at_most: float | None = None


Condition = Equals | AnyOf | Between


@dataclass(frozen=True, slots=True)
class Filter:
    """All of `must` and none of `must_not`."""

    must: tuple[Condition, ...] = ()
    must_not: tuple[Condition, ...] = ()


NO_FILTER = Filter()


@dataclass(frozen=True, slots=True)
class Query:
    """The `limit` points nearest to `vector` in the vector space named `using` (by dot product).

    A sparse query finds only points that share an index with it. `fields` names the payload fields that
    the hits carry: None for all, () for none. Payloads are the larger part of the cost of a search with
    hundreds of hits: ask for what is read.
    """

    using: str
    vector: Dense | Sparse
    limit: int
    filter: Filter = NO_FILTER
    fields: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    id: UUID
    score: float
    payload: Payload


@dataclass(frozen=True, slots=True)
class CollectionSpec:
    """Shape of a collection. `dense`: name → dimensions. `keywords`, `numbers`: payload fields to index."""

    name: str
    dense: Mapping[str, int]
    sparse: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CollectionState:
    """What an operator wants to know of a collection. `optimised`: the share of points in the ANN index."""

    name: str
    points: int
    optimised: float
    details: Mapping[str, str | int | float] = field(default_factory=dict)


class VectorIndex(Protocol):
    """Every method may be called from any task; writes are durable against a crash of the process.

    Raises `VectorStoreUnavailable` (transient: try again) when the store cannot be reached or written,
    `UnknownCollection` when neither a collection nor an alias has the name, and ValueError, naming the
    vector or the field and before anything is written, for what the collection cannot hold: another
    number of dimensions, a NaN, an unknown vector name, a payload key with a dot.
    """

    async def ensure(self, spec: CollectionSpec) -> None:
        """Create the collection if it does not exist, and payload indexes that it lacks.

        Raises CollectionMismatch if it exists with other vectors.
        """

    async def drop(self, collection: str) -> None:
        """Remove the collection if it exists, and the aliases that point at it."""

    async def collections(self) -> list[str]: ...

    async def resolve(self, alias: str) -> str | None:
        """The collection that the alias points at, or None."""

    async def switch(self, alias: str, collection: str) -> None:
        """Point the alias at the collection, atomically: a search sees the old one or the new one."""

    async def upsert(self, collection: str, points: Sequence[Point]) -> None:
        """Write the points; one that exists is replaced as a whole. Of two with one id the last one wins."""

    async def delete(self, collection: str, where: Filter) -> None:
        """Remove every point that the filter selects. An empty filter is refused with ValueError."""

    async def search(self, collection: str, queries: Sequence[Query]) -> list[list[Hit]]:
        """Answers in the order of the queries, each best first, equal scores by id."""

    async def retrieve(self, collection: str, ids: Sequence[UUID]) -> list[Point]:
        """The points that exist, with their vectors, in no particular order."""

    async def count(self, collection: str, where: Filter = NO_FILTER) -> int: ...

    def scroll(self, collection: str, where: Filter = NO_FILTER) -> AsyncIterator[list[tuple[UUID, Payload]]]:
        """All points that the filter selects, in pages, without their vectors."""

    async def optimise(self, collection: str) -> None:
        """Build the ANN index without stopping reads or writes; returns when it serves."""

    async def maintain(self) -> None:
        """Housekeeping, to be called about once a minute: optimise what has outgrown a plain scan."""

    async def state(self, collection: str) -> CollectionState: ...

    async def close(self) -> None: ...
