"""Points, queries and hits of the port, in and out of Qdrant Edge's own types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast
from uuid import UUID

import numpy as np
import qdrant_edge as qe

from services.kernel.vectors.edge_filters import edge_filter
from services.kernel.vectors.port import Hit, Payload, Point, Query, Sparse

MIN_HNSW_EF = 128
"""Candidates that the search of the ANN graph keeps: at least the default, and twice what is asked for,
because the scores of the best are close together and a graph search loses the last ones first."""


def edge_point(point: Point) -> qe.Point:
    vectors: dict[str, list[float] | qe.SparseVector] = {
        name: vector.tolist() for name, vector in point.dense.items()
    }
    for name, sparse in point.sparse.items():
        if sparse.indices.size:
            vectors[name] = qe.SparseVector(sparse.indices.tolist(), sparse.values.tolist())
    return qe.Point(point.id, cast("qe.Vector", vectors), dict(point.payload))


def edge_query(query: Query) -> qe.QueryRequest:
    vector: list[float] | qe.SparseVector
    if isinstance(query.vector, Sparse):
        vector = qe.SparseVector(query.vector.indices.tolist(), query.vector.values.tolist())
    else:
        vector = query.vector.tolist()
    return qe.QueryRequest(
        limit=query.limit,
        query=qe.Query.Nearest(vector, query.using),
        filter=edge_filter(query.filter),
        with_payload=_selection(query.fields),
        params=qe.SearchParams(hnsw_ef=max(MIN_HNSW_EF, 2 * query.limit)),
    )


def hits(scored: list[qe.ScoredPoint]) -> list[Hit]:
    """Best first; the engine leaves the order of equal scores open, here the id decides."""
    answers = [Hit(as_uuid(one.id), one.score, one.payload or {}) for one in scored]
    answers.sort(key=lambda hit: (-hit.score, hit.id.bytes))
    return answers


def point(record: qe.Record) -> Point:
    dense: dict[str, np.ndarray[tuple[int], np.dtype[np.float32]]] = {}
    sparse: dict[str, Sparse] = {}
    for name, vector in _named(record).items():
        if isinstance(vector, qe.SparseVector):
            sparse[name] = Sparse(
                np.array(vector.indices, dtype=np.uint32), np.array(vector.values, dtype=np.float32)
            )
        else:
            dense[name] = np.array(vector, dtype=np.float32)
    return Point(as_uuid(record.id), dense, sparse, record.payload or {})


def again(record: qe.Record) -> qe.Point:
    """A point read from one shard, to be written to another as it is."""
    return qe.Point(record.id, cast("qe.Vector", record.vector or {}), record.payload or {})


Row = tuple[bytes, dict[str, object], Payload]
"""A point in plain values that `marshal` writes: id, vectors (a list, or a pair of lists), payload."""


def row(record: qe.Record) -> Row:
    vectors: dict[str, object] = {
        name: (vector.indices, vector.values) if isinstance(vector, qe.SparseVector) else vector
        for name, vector in _named(record).items()
    }
    return as_uuid(record.id).bytes, vectors, record.payload or {}


def point_of_row(one: Row) -> qe.Point:
    identity, vectors, payload = one
    named = {
        name: qe.SparseVector(*vector) if isinstance(vector, tuple) else vector
        for name, vector in vectors.items()
    }
    return qe.Point(UUID(bytes=identity), cast("qe.Vector", named), dict(payload))


def as_uuid(identity: qe.PointId) -> UUID:
    return identity if isinstance(identity, UUID) else UUID(str(identity))


def _selection(fields: tuple[str, ...] | None) -> bool | list[str]:
    if fields is None:
        return True
    return list(fields) if fields else False


def _named(record: qe.Record) -> Mapping[str, list[float] | qe.SparseVector]:
    return cast("Mapping[str, list[float] | qe.SparseVector]", record.vector or {})
