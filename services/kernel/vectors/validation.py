"""What may be written and asked, checked before an engine sees it.

An engine is not a place for bad input: Qdrant Edge 0.9 writes an operation to its log before it looks at
it, so that a vector of the wrong length leaves half a point behind, and sparse indices and values of
different lengths leave a folder that can never be opened again.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import NoReturn
from uuid import UUID

import numpy as np

from services.kernel.vectors.port import (
    AnyOf,
    Between,
    CollectionSpec,
    Equals,
    Filter,
    PayloadValue,
    Point,
    Query,
    Sparse,
)

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
"""Names of collections and aliases: they become folders (Edge) and parts of URLs (server)."""

KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,127}")
"""Payload keys and vector names: both engines read a dot or a bracket in a key as a path."""

INT64 = range(-(2**63), 2**63)
"""Integers of a payload, and what a filter can compare."""

MAX_LIMIT = 10_000
"""Hits of one query: each costs about 10 µs with its payload, and the embedded engine stops the loop."""


def check_name(name: str) -> None:
    if not NAME.fullmatch(name):
        raise ValueError(
            f"{name!r} cannot name a collection or an alias: use letters, digits, '_', '-', '.', at most 128."
        )


def check_spec(spec: CollectionSpec) -> None:
    check_name(spec.name)
    for name in (*spec.dense, *spec.sparse, *spec.keywords, *spec.numbers):
        _check_key(name)
    if set(spec.dense) & set(spec.sparse):
        raise ValueError(f"Collection {spec.name!r}: a dense and a sparse vector share a name.")
    if set(spec.keywords) & set(spec.numbers):
        raise ValueError(f"Collection {spec.name!r}: a payload field is indexed as keyword and as number.")
    if not spec.dense and not spec.sparse:
        raise ValueError(f"Collection {spec.name!r} has no vectors.")
    for name, dimensions in spec.dense.items():
        if dimensions < 1:
            raise ValueError(f"Vector {name!r} of collection {spec.name!r} has {dimensions} dimensions.")


def check_points(spec: CollectionSpec, points: Iterable[Point]) -> None:
    """Raise ValueError naming the point and the vector or payload field that is wrong."""
    for point in points:
        if not point.dense and not point.sparse:
            raise ValueError(f"Point {point.id} has no vector.")
        for name, dense in point.dense.items():
            _check_dense(spec, name, dense, f"of point {point.id}")
        for name, sparse in point.sparse.items():
            _check_sparse(spec, name, sparse, f"of point {point.id}")
        for key, value in point.payload.items():
            _check_key(key)
            _check_payload(value, key, point.id)


def check_queries(spec: CollectionSpec, queries: Sequence[Query]) -> None:
    """Raise ValueError naming the query, by its place in the batch, and the vector that is wrong."""
    for place, query in enumerate(queries):
        where = f"of query {place}"
        if not 1 <= query.limit <= MAX_LIMIT:
            raise ValueError(f"The limit {query.limit} {where} is not between 1 and {MAX_LIMIT}.")
        for key in query.fields or ():
            _check_key(key)
        check_filter(query.filter)
        if isinstance(query.vector, Sparse):
            _check_sparse(spec, query.using, query.vector, where)
        else:
            _check_dense(spec, query.using, query.vector, where)


def check_filter(where: Filter) -> None:
    for condition in (*where.must, *where.must_not):
        _check_key(condition.key)
        match condition:
            case Equals(key, value):
                _check_comparable(key, [value])
            case AnyOf(key, values):
                _check_comparable(key, values)
                if len({type(value) for value in values}) > 1 or any(isinstance(v, bool) for v in values):
                    raise ValueError(f"AnyOf on {key!r} takes all strings or all integers.")
            case Between(key, low, high):
                if any(end is not None and math.isnan(end) for end in (low, high)):
                    raise ValueError(f"An end of Between on {key!r} is not a number.")


def check_selective(where: Filter) -> None:
    """Refuse a filter that would select everything, where everything would be deleted."""
    if not where.must and not where.must_not:
        raise ValueError("An empty filter would delete every point: drop the collection instead.")
    check_filter(where)


def _check_key(key: str) -> None:
    if not KEY.fullmatch(key):
        raise ValueError(
            f"{key!r} cannot name a vector or a payload field: use letters, digits, '_' and '-'."
        )


def _check_dense(spec: CollectionSpec, name: str, vector: object, where: str) -> None:
    if name not in spec.dense:
        _refuse_name(spec, name, where, "dense", sorted(spec.dense))
    dimensions = spec.dense[name]
    if not isinstance(vector, np.ndarray) or vector.dtype != np.float32:
        raise ValueError(f"Vector {name!r} {where} is not a float32 array.")
    if vector.shape != (dimensions,):
        raise ValueError(
            f"Vector {name!r} {where} has shape {vector.shape}; the collection takes {dimensions} dimensions."
        )
    if not np.isfinite(vector).all():
        raise ValueError(f"Vector {name!r} {where} holds a value that is not a finite number.")


def _check_sparse(spec: CollectionSpec, name: str, vector: Sparse, where: str) -> None:
    if name not in spec.sparse:
        _refuse_name(spec, name, where, "sparse", sorted(spec.sparse))
    if vector.indices.shape != vector.values.shape or vector.indices.ndim != 1:
        raise ValueError(f"Sparse vector {name!r} {where} has indices and values of different lengths.")
    if vector.indices.dtype != np.uint32 or vector.values.dtype != np.float32:
        raise ValueError(f"Sparse vector {name!r} {where} is not of uint32 indices and float32 values.")
    if np.any(vector.indices[1:] <= vector.indices[:-1]):
        raise ValueError(f"The indices of sparse vector {name!r} {where} are not ascending and unique.")
    if not np.isfinite(vector.values).all():
        raise ValueError(f"Sparse vector {name!r} {where} holds a value that is not a finite number.")


def _refuse_name(spec: CollectionSpec, name: str, where: str, kind: str, known: list[str]) -> NoReturn:
    raise ValueError(f"Collection {spec.name!r} has no {kind} vector {name!r} ({where}); it has {known}.")


def _check_payload(value: PayloadValue, key: str, point: UUID) -> None:
    items = value if isinstance(value, list) else [value]
    for item in items:
        if item is None or isinstance(item, bool):
            continue
        if isinstance(item, str):
            _check_text(item, key)
        elif isinstance(item, int):
            if item not in INT64:
                raise ValueError(f"Payload field {key!r} of point {point} does not fit into 64 bits.")
        elif not isinstance(item, float) or not math.isfinite(item):
            raise ValueError(f"Payload field {key!r} of point {point} cannot hold {item!r}.")


def _check_comparable(key: str, values: Iterable[str | int]) -> None:
    for value in values:
        if isinstance(value, str):
            _check_text(value, key)
        elif not isinstance(value, int) or value not in INT64:
            raise ValueError(f"A filter on {key!r} cannot compare with {value!r}.")


def _check_text(text: str, key: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as broken:
        raise ValueError(
            f"The text of payload field {key!r} is not valid Unicode: {broken.reason}."
        ) from None
