"""One folder with one shard of Qdrant Edge, opened: what a collection is, between two optimisations.

The binding holds the interpreter's lock in every call, so nothing here waits for another thread and every
call stops the event loop for as long as it runs: callers keep calls small. Running them in a thread would
not help; it would add the hand-over and stop the loop all the same.

Nothing here flushes while requests are served. A flush is about thirty synchronous writes to the disk with
the lock held (measured: 60-330 ms where a write takes 4 ms). It is not needed for durability: the engine
appends every operation to its log before `update` returns, and the log outlives a `kill -9`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from uuid import UUID

import qdrant_edge as qe

from services.kernel.vectors.edge_filters import edge_filter
from services.kernel.vectors.edge_policy import SCAN_IS_FINE
from services.kernel.vectors.edge_values import as_uuid, edge_query, hits
from services.kernel.vectors.errors import VectorStoreUnavailable
from services.kernel.vectors.port import NO_FILTER, CollectionSpec, Filter, Hit, Query

HNSW_EDGES = 16
HNSW_CANDIDATES = 100
"""The engine's own defaults. 128 candidates while building take a third more time."""

INDEX_FROM_KB = 1
"""The optimiser indexes every segment: when to run it is decided here, not in the engine."""

ONE_SEGMENT_KB = 1 << 30
"""The optimiser merges all into one segment, whatever its size: one graph is searched faster than two."""


PARTIAL = 4
"""A vector space that only some points have is scanned up to so many times fewer kilobytes: the engine takes
its vectors' mean length over all points, and so would scan all of one that a third of the points have."""

SEARCH_THREADS = 1
"""The engine then searches in the calling thread. With more it hands every search to a pool, and this thread
waits with the interpreter's lock held: no faster with one large segment, slower on a busy machine."""

POINTS_PER_TOUCH = 128
"""Half a millisecond."""


class Generation:
    """Raises VectorStoreUnavailable when the engine fails. Methods are synchronous and not thread-safe."""

    def __init__(self, path: Path, shard: qe.EdgeShard) -> None:
        self.path = path
        self._shard = shard

    @classmethod
    def create(cls, path: Path, spec: CollectionSpec, indexing_threads: int = 0) -> Generation:
        """A new shard in an empty or missing folder. `indexing_threads`: of `optimise`; 0 is all cores."""
        path.mkdir(parents=True, exist_ok=True)
        with engine_errors():
            generation = cls(path, qe.EdgeShard.create(str(path), _config(spec, indexing_threads)))
            generation.index_fields(spec.keywords, spec.numbers)
        return generation

    @classmethod
    def load(cls, path: Path) -> Generation:
        """Open a shard; operations that its log holds beyond the last flush are applied again."""
        with engine_errors():
            return cls(path, qe.EdgeShard.load(str(path)))

    def index_fields(self, keywords: Sequence[str], numbers: Sequence[str]) -> None:
        for key in keywords:
            self._apply(qe.UpdateOperation.create_field_index(key, _KEYWORD))
        for key in numbers:
            self._apply(qe.UpdateOperation.create_field_index(key, _NUMBER))

    def write(self, points: list[qe.Point]) -> None:
        self._apply(qe.UpdateOperation.upsert_points(points))

    def remove(self, ids: Sequence[UUID]) -> None:
        self._apply(qe.UpdateOperation.delete_points(list(ids)))

    def search(self, queries: Sequence[Query]) -> list[list[Hit]]:
        request = qe.QueryBatchRequest([edge_query(query) for query in queries])
        with engine_errors():
            return [hits(scored) for scored in self._shard.query_batch(request)]

    def records(self, ids: Sequence[UUID]) -> list[qe.Record]:
        """The points that exist, with vectors and payloads."""
        with engine_errors():
            return self._shard.retrieve(list(ids), True, True)

    def page(
        self, where: Filter, after: UUID | None, limit: int, *, payload: bool, vectors: bool = False
    ) -> tuple[list[qe.Record], UUID | None]:
        """Up to `limit` points in the order of their ids from `after` on, and where the next page starts."""
        with engine_errors():
            records, following = self._shard.scroll(
                qe.ScrollRequest(
                    offset=after,
                    limit=limit,
                    filter=edge_filter(where),
                    with_payload=payload,
                    with_vector=vectors,
                )
            )
        return records, None if following is None else as_uuid(following)

    def touch(self, after: UUID | None) -> UUID | None:
        """Read a page of whole points and forget them; where the next page starts."""
        with engine_errors():
            _, following = self._shard.scroll(
                qe.ScrollRequest(offset=after, limit=POINTS_PER_TOUCH, with_payload=True, with_vector=True)
            )
        return None if following is None else as_uuid(following)

    def count(self, where: Filter = NO_FILTER) -> int:
        with engine_errors():
            return self._shard.count(qe.CountRequest(exact=True, filter=edge_filter(where)))

    def segments(self) -> int:
        with engine_errors():
            return self._shard.info().segments_count

    def optimise(self) -> None:
        """Build the ANN index. Seconds to minutes, with the interpreter's lock held: for a process apart."""
        with engine_errors():
            self._shard.optimize()

    def flush(self) -> None:
        """Write everything out, so that the next `load` has no log to replay. Slow: not while serving."""
        with engine_errors():
            self._shard.flush()

    def flush_and_close(self) -> None:
        self.flush()
        with engine_errors():
            self._shard.close()

    def dismantling(self, spec: CollectionSpec) -> Iterator[Callable[[], None]]:
        """Steps of 10-30 ms at 60,000 points after which closing takes 12 ms instead of 170."""
        for key in (*spec.keywords, *spec.numbers):
            yield partial(self._apply, qe.UpdateOperation.delete_field_index(key))
        for name in (*spec.sparse, *spec.dense):
            yield partial(self._apply, qe.UpdateOperation.delete_vector_name(name))

    def close_quickly(self) -> None:
        """Close a shard whose folder was moved away (and its log written out, `sync_log`).

        `close` flushes first; with the folder gone it gives up at the first file instead of waiting for
        thirty writes of data that nobody will read. To be called in a thread, for the error's sake
        (`prepare_errors`).
        """
        with engine_errors():
            self._shard.close()

    def _apply(self, operation: qe.UpdateOperation) -> None:
        with engine_errors():
            self._shard.update(operation)


@contextmanager
def engine_errors() -> Iterator[None]:
    """The engine's errors as ours. A panic in its Rust code is no `Exception`, and is one of them too."""
    try:
        yield
    except (VectorStoreUnavailable, ValueError, TypeError):
        raise
    except Exception as failure:
        raise VectorStoreUnavailable(f"The embedded vector store failed: {failure}") from failure
    except BaseException as failure:
        if type(failure).__name__ != "PanicException":
            raise
        raise VectorStoreUnavailable(f"The embedded vector store failed: {failure}") from failure


def prepare_errors(folder: Path) -> None:
    """Let the engine fail once, harmlessly, in a thread. It attaches a trace to each of its errors, and the
    first one in a process reads the debug information of every library in the trace: 55-80 ms with the
    interpreter's lock held. That of the last four libraries is kept, and the trace of a thread has fewer (of
    a coroutine it has more, so that each error there takes 40 ms)."""
    with suppress(Exception):
        qe.EdgeShard.load(str(folder / "no-such-shard"))


def warm(folder: Path) -> None:
    """Read every file once, so that the first searches find them in memory.

    The engine asks the system to forget what it has written; without this the first dense search in 60,000
    points takes 60 ms with the interpreter's lock held, afterwards 1 ms.
    """
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb", buffering=0) as file:
                while file.read(1 << 20):
                    pass


def sync_log(folder: Path) -> None:
    """Write the log of a shard out to the disk: then closing the shard does not wait for it."""
    for path in (folder / "wal").iterdir():
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def remove_folder(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


_KEYWORD = qe.KeywordIndexParams(memory=qe.Memory.Cold)
_NUMBER = qe.FloatIndexParams(memory=qe.Memory.Cold)


_FLOAT_BYTES = 4


def _config(spec: CollectionSpec, indexing_threads: int) -> qe.EdgeConfig:
    """What a filter leaves is scanned where a scan is fine, as is a small collection.

    Everything stays in the page cache instead of on the heap: opening 60,000 points then takes 20 ms
    instead of 70-270 ms. Dot product on unit vectors is the cosine, and keeps the vectors bit for bit."""
    cold = qe.Memory.Cold
    longest = max([1, *spec.dense.values()])
    return qe.EdgeConfig(
        vectors={
            name: qe.EdgeVectorParams(
                dimensions,
                qe.Distance.Dot,
                hnsw_config=_graph(dimensions // (1 if dimensions == longest else PARTIAL), indexing_threads),
                memory=cold,
            )
            for name, dimensions in spec.dense.items()
        },
        sparse_vectors={name: qe.EdgeSparseVectorParams(memory=cold) for name in spec.sparse},
        id_tracker_memory=cold,
        payload_memory=cold,
        max_search_threads=SEARCH_THREADS,
        hnsw_config=_graph(longest, indexing_threads),
        optimizers=qe.EdgeOptimizersConfig(
            default_segment_number=1, max_segment_size=ONE_SEGMENT_KB, indexing_threshold=INDEX_FROM_KB
        ),
    )


def _graph(dimensions: int, indexing_threads: int) -> qe.HnswIndexConfig:
    """`dimensions`: of a vector as the engine reckons; it counts in kilobytes up to where it scans."""
    return qe.HnswIndexConfig(
        m=HNSW_EDGES,
        ef_construct=HNSW_CANDIDATES,
        full_scan_threshold=max(1, dimensions * _FLOAT_BYTES * SCAN_IS_FINE // 1024),
        max_indexing_threads=indexing_threads,
        memory=qe.Memory.Cold,
    )
