"""VectorIndex on a Qdrant server, for several processes and millions of points.

The server indexes in the background by itself, so that there is nothing to maintain from here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from uuid import UUID

from qdrant_client import AsyncQdrantClient, models

from services.kernel.clock import Clock, SystemClock
from services.kernel.vectors import server_values as values
from services.kernel.vectors.errors import CollectionMismatch, UnknownCollection
from services.kernel.vectors.port import (
    NO_FILTER,
    CollectionSpec,
    CollectionState,
    Filter,
    Hit,
    Payload,
    Point,
    Query,
)
from services.kernel.vectors.server_errors import server_errors
from services.kernel.vectors.validation import (
    check_filter,
    check_name,
    check_points,
    check_queries,
    check_selective,
    check_spec,
)

TIMEOUT_SECONDS = 10
"""One request: far beyond a slow search, short enough that a request of ours still answers its caller."""

POINTS_PER_REQUEST = 256
"""About 2 MB of JSON at 384 dimensions; the server refuses bodies over 32 MB."""

QUERIES_PER_REQUEST = 64
"""A batch is answered as a whole: its time grows with its size, and must stay below the timeout."""

POINTS_PER_PAGE = 256

POLL_SECONDS = 0.5
"""Between two looks at whether the server has finished indexing."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How a new collection lies on the servers: for a million companies it matters, for ten thousand not.

    `shards`: parts of a collection, spread over the servers; None: one for each. `replicas`: copies of each.
    `quantised`: searches read vectors of one byte a dimension, which stay in memory; those of four lie on
    disk and decide among what was found, so that a quarter of the memory is enough.
    """

    shards: int | None = None
    replicas: int = 1
    quantised: bool = False

    def of(self, dimensions: int) -> models.VectorParams:
        # Dot product on unit vectors is the cosine, and keeps the vectors bit for bit.
        size, distance = dimensions, models.Distance.DOT
        if not self.quantised:
            return models.VectorParams(size=size, distance=distance)
        int8 = models.ScalarQuantizationConfig(type=models.ScalarType.INT8, always_ram=True)
        return models.VectorParams(
            size=size,
            distance=distance,
            on_disk=True,
            quantization_config=models.ScalarQuantization(scalar=int8),
        )


PLAIN = Layout()


class ServerVectorIndex:
    """Make one with `connect` (a server) or `local` (the client's own engine, for tests)."""

    def __init__(
        self,
        client: AsyncQdrantClient,
        *,
        clock: Clock | None = None,
        indexes: bool = True,
        layout: Layout = PLAIN,
    ) -> None:
        self._client = client
        self._layout = layout
        self._clock = clock or SystemClock()
        self._indexes = indexes
        self._shapes: dict[str, CollectionSpec] = {}
        """By the name that was asked for, which may be an alias: looked up again when it seems wrong."""

    @classmethod
    def connect(
        cls,
        url: str,
        *,
        api_key: str | None = None,
        prefer_grpc: bool = False,
        grpc_port: int = 6334,
        timeout_seconds: int = TIMEOUT_SECONDS,
        clock: Clock | None = None,
        layout: Layout = PLAIN,
    ) -> Self:
        """Nothing is sent yet: a server that is down is reported by the first call."""
        client = AsyncQdrantClient(
            url=url,
            api_key=api_key,
            prefer_grpc=prefer_grpc,
            grpc_port=grpc_port,
            timeout=timeout_seconds,
            check_compatibility=False,  # it would ask the server here, synchronously
        )
        return cls(client, clock=clock, layout=layout)

    @classmethod
    def local(cls, path: Path | None = None, *, clock: Clock | None = None) -> Self:
        """The client's own engine, in memory or in a folder: exact and slow, for small tests."""
        client = AsyncQdrantClient(":memory:") if path is None else AsyncQdrantClient(path=str(path))
        return cls(client, clock=clock, indexes=False)

    async def ensure(self, spec: CollectionSpec) -> None:
        check_spec(spec)
        if await self.resolve(spec.name) is not None:
            raise CollectionMismatch(f"{spec.name!r} is an alias; a collection cannot have its name.")
        if spec.name not in await self.collections():
            await self._create(spec)
        existing = await self._shape(spec.name, anew=True)
        if dict(existing.dense) != dict(spec.dense) or set(existing.sparse) != set(spec.sparse):
            raise CollectionMismatch(
                f"Collection {spec.name!r} exists with dense vectors {dict(existing.dense)} and sparse "
                f"vectors {list(existing.sparse)}: choose another name, or drop it first."
            )
        if self._indexes:
            await self._index_fields(spec, set(existing.keywords))

    async def drop(self, collection: str) -> None:
        # Asked first, because the server would take the name of an alias too.
        if collection in await self.collections():
            with server_errors(collection):
                await self._client.delete_collection(collection)
            self._shapes.clear()

    async def collections(self) -> list[str]:
        with server_errors():
            answer = await self._client.get_collections()
        return sorted(one.name for one in answer.collections)

    async def resolve(self, alias: str) -> str | None:
        with server_errors():
            answer = await self._client.get_aliases()
        return next((one.collection_name for one in answer.aliases if one.alias_name == alias), None)

    async def switch(self, alias: str, collection: str) -> None:
        check_name(alias)
        known = await self.collections()
        if alias in known:
            raise CollectionMismatch(f"{alias!r} is a collection; an alias cannot have its name.")
        if collection not in known:
            raise UnknownCollection(collection)
        changes: list[models.AliasOperations] = []
        if await self.resolve(alias) is not None:
            changes.append(models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=alias)))
        changes.append(
            models.CreateAliasOperation(
                create_alias=models.CreateAlias(collection_name=collection, alias_name=alias)
            )
        )
        with server_errors(collection):
            await self._client.update_collection_aliases(changes)
        self._shapes.pop(alias, None)

    async def upsert(self, collection: str, points: Sequence[Point]) -> None:
        await self._checked(collection, lambda shape: check_points(shape, points))
        for start in range(0, len(points), POINTS_PER_REQUEST):
            slice_ = points[start : start + POINTS_PER_REQUEST]
            with server_errors(collection):
                await self._client.upsert(
                    collection, [values.point_struct(point) for point in slice_], wait=True
                )

    async def delete(self, collection: str, where: Filter) -> None:
        check_selective(where)
        selected = values.server_filter(where)
        assert selected is not None
        with server_errors(collection):
            await self._client.delete(collection, models.FilterSelector(filter=selected), wait=True)

    async def search(self, collection: str, queries: Sequence[Query]) -> list[list[Hit]]:
        await self._checked(collection, lambda shape: check_queries(shape, queries))
        answers: list[list[Hit]] = []
        for start in range(0, len(queries), QUERIES_PER_REQUEST):
            requests = [values.query_request(q) for q in queries[start : start + QUERIES_PER_REQUEST]]
            with server_errors(collection):
                found = await self._client.query_batch_points(collection, requests)
            answers.extend(values.hits(answer) for answer in found)
        return answers

    async def retrieve(self, collection: str, ids: Sequence[UUID]) -> list[Point]:
        found: list[Point] = []
        wanted = [str(one) for one in ids]
        for start in range(0, len(wanted), POINTS_PER_REQUEST) or (0,):
            with server_errors(collection):
                records = await self._client.retrieve(
                    collection,
                    wanted[start : start + POINTS_PER_REQUEST],
                    with_payload=True,
                    with_vectors=True,
                )
            found.extend(values.point(record) for record in records)
        return found

    async def count(self, collection: str, where: Filter = NO_FILTER) -> int:
        check_filter(where)
        with server_errors(collection):
            answer = await self._client.count(
                collection, count_filter=values.server_filter(where), exact=True
            )
        return answer.count

    async def scroll(
        self, collection: str, where: Filter = NO_FILTER
    ) -> AsyncIterator[list[tuple[UUID, Payload]]]:
        check_filter(where)
        after: models.ExtendedPointId | None = None
        while True:
            with server_errors(collection):
                records, following = await self._client.scroll(
                    collection,
                    scroll_filter=values.server_filter(where),
                    limit=POINTS_PER_PAGE,
                    offset=after,
                    with_payload=True,
                )
            if records:
                yield [values.identity_and_payload(record) for record in records]
            if following is None:
                return
            after = str(following)

    async def optimise(self, collection: str) -> None:
        """Wait until the server has indexed what it wants indexed (it leaves small segments as they are)."""
        while (await self._info(collection)).status is models.CollectionStatus.YELLOW:
            await self._clock.sleep(POLL_SECONDS)

    async def maintain(self) -> None:
        """Nothing to do: the server optimises by itself."""

    async def state(self, collection: str) -> CollectionState:
        """`optimised` is an estimate: the server counts indexed vectors of all kinds in one number."""
        info = await self._info(collection)
        name = await self.resolve(collection) or collection
        shape = values.shape(name, info)
        points = info.points_count or 0
        # Sparse vectors count as indexed from the start; the rest are dense ones in an ANN index.
        indexed = (info.indexed_vectors_count or 0) - points * len(shape.sparse)
        dense = points * len(shape.dense)
        return CollectionState(
            name=name,
            points=points,
            optimised=min(1.0, max(0.0, indexed / dense)) if dense else 1.0,
            details={
                "engine": "qdrant-server" if self._indexes else "qdrant-client local mode",
                "status": info.status.value,
                "segments": info.segments_count,
            },
        )

    async def close(self) -> None:
        await self._client.close()

    async def _create(self, spec: CollectionSpec) -> None:
        with server_errors(spec.name):
            try:
                await self._client.create_collection(
                    spec.name,
                    vectors_config={name: self._layout.of(size) for name, size in spec.dense.items()},
                    sparse_vectors_config={name: models.SparseVectorParams() for name in spec.sparse},
                    shard_number=self._layout.shards,
                    replication_factor=self._layout.replicas,
                )
            except Exception:
                # Another process may have been faster: then it exists, and its shape is compared next.
                if spec.name not in await self.collections():
                    raise

    async def _index_fields(self, spec: CollectionSpec, indexed: set[str]) -> None:
        schemas = dict.fromkeys(spec.keywords, models.PayloadSchemaType.KEYWORD)
        schemas |= dict.fromkeys(spec.numbers, models.PayloadSchemaType.FLOAT)
        for key, schema in schemas.items():
            if key not in indexed:
                with server_errors(spec.name):
                    await self._client.create_payload_index(spec.name, key, schema, wait=True)

    async def _checked(self, collection: str, check: Callable[[CollectionSpec], None]) -> None:
        """Run a check against the shape last seen, and once more against the present one before it counts:
        another process may have pointed the alias at a collection of another shape."""
        remembered = collection in self._shapes
        try:
            check(await self._shape(collection))
        except ValueError:
            if not remembered:
                raise
            check(await self._shape(collection, anew=True))

    async def _shape(self, collection: str, *, anew: bool = False) -> CollectionSpec:
        if anew or collection not in self._shapes:
            self._shapes[collection] = values.shape(collection, await self._info(collection))
        return self._shapes[collection]

    async def _info(self, collection: str) -> models.CollectionInfo:
        with server_errors(collection):
            return await self._client.get_collection(collection)
