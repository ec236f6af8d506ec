"""Points, queries, filters and hits of the port, in and out of qdrant-client's models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import numpy as np
from qdrant_client import models

from services.kernel.vectors.port import (
    AnyOf,
    Between,
    CollectionSpec,
    Condition,
    Equals,
    Filter,
    Hit,
    Payload,
    Point,
    Query,
    Sparse,
)


def server_filter(where: Filter) -> models.Filter | None:
    if not where.must and not where.must_not:
        return None
    return models.Filter(
        must=[_condition(condition) for condition in where.must],
        must_not=[_condition(condition) for condition in where.must_not],
    )


def point_struct(point: Point) -> models.PointStruct:
    vectors: dict[str, Any] = {name: vector.tolist() for name, vector in point.dense.items()}
    for name, sparse in point.sparse.items():
        if sparse.indices.size:
            vectors[name] = _sparse_vector(sparse)
    return models.PointStruct(id=str(point.id), vector=vectors, payload=dict(point.payload))


def query_request(query: Query) -> models.QueryRequest:
    vector = _sparse_vector(query.vector) if isinstance(query.vector, Sparse) else query.vector.tolist()
    return models.QueryRequest(
        query=models.NearestQuery(nearest=vector),
        using=query.using,
        limit=query.limit,
        filter=server_filter(query.filter),
        with_payload=True if query.fields is None else (list(query.fields) or False),
        with_vector=False,
    )


def hits(answer: models.QueryResponse) -> list[Hit]:
    """Best first; the server leaves the order of equal scores open, here the id decides."""
    answers = [Hit(UUID(str(one.id)), one.score, one.payload or {}) for one in answer.points]
    answers.sort(key=lambda hit: (-hit.score, hit.id.bytes))
    return answers


def point(record: models.Record) -> Point:
    dense: dict[str, np.ndarray[tuple[int], np.dtype[np.float32]]] = {}
    sparse: dict[str, Sparse] = {}
    vectors: Mapping[str, Any] = record.vector if isinstance(record.vector, dict) else {}
    for name, vector in vectors.items():
        if isinstance(vector, models.SparseVector):
            sparse[name] = Sparse(
                np.array(vector.indices, dtype=np.uint32), np.array(vector.values, dtype=np.float32)
            )
        else:
            dense[name] = np.array(vector, dtype=np.float32)
    return Point(UUID(str(record.id)), dense, sparse, record.payload or {})


def identity_and_payload(record: models.Record) -> tuple[UUID, Payload]:
    return UUID(str(record.id)), record.payload or {}


def shape(name: str, info: models.CollectionInfo) -> CollectionSpec:
    """The collection's vectors as the server reports them, and the payload fields it has indexed."""
    vectors = info.config.params.vectors
    return CollectionSpec(
        name=name,
        dense={key: params.size for key, params in vectors.items()} if isinstance(vectors, dict) else {},
        sparse=tuple(info.config.params.sparse_vectors or {}),
        keywords=tuple(info.payload_schema or {}),
    )


def _sparse_vector(sparse: Sparse) -> models.SparseVector:
    return models.SparseVector(indices=sparse.indices.tolist(), values=sparse.values.tolist())


def _condition(condition: Condition) -> models.FieldCondition:
    match condition:
        case Equals(key, value):
            return models.FieldCondition(key=key, match=models.MatchValue(value=value))
        case AnyOf(key, values):
            return models.FieldCondition(key=key, match=models.MatchAny(any=_alike(values)))
        case Between(key, at_least, at_most):
            return models.FieldCondition(key=key, range=models.Range(gte=at_least, lte=at_most))


def _alike(values: tuple[str, ...] | tuple[int, ...]) -> list[str] | list[int]:
    texts = [value for value in values if isinstance(value, str)]
    return texts or [value for value in values if isinstance(value, int)]
