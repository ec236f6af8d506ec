"""Made-up points, the same ones for every adapter."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import numpy as np

from services.kernel.vectors.port import CollectionSpec, Dense, Payload, Point, Sparse

COUNTRIES = ("DE", "FR", "IT", "ES")


def spec(name: str, dimensions: int = 8) -> CollectionSpec:
    return CollectionSpec(
        name=name,
        dense={"text": dimensions},
        sparse=("words",),
        keywords=("company", "country", "stages"),
        numbers=("trl", "year"),
    )


def identity(number: int) -> UUID:
    return UUID(int=number + 1)


def units(count: int, dimensions: int = 8, seed: int = 7) -> Sequence[Dense]:
    vectors = np.random.default_rng(seed).standard_normal((count, dimensions)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return list(vectors)


def words(seed: int, size: int = 6, vocabulary: int = 60) -> Sparse:
    draw = np.random.default_rng(seed)
    indices = np.sort(draw.choice(vocabulary, size=size, replace=False)).astype(np.uint32)
    return Sparse(indices, draw.random(size).astype(np.float32) + np.float32(0.1))


def payload(number: int) -> Payload:
    return {
        "company": f"cmp_{number // 3}",
        "country": COUNTRIES[number % 4],
        "stages": ["prototype", "series"] if number % 2 else ["study"],
        "trl": number % 9 + 1,
        "year": None if number % 5 == 0 else 2000 + number % 30,
        "active": number % 3 == 0,
        "share": number / 8,
    }


def points(count: int, dimensions: int = 8, seed: int = 7) -> list[Point]:
    return [
        Point(identity(n), {"text": vector}, {"words": words(n)}, payload(n))
        for n, vector in enumerate(units(count, dimensions, seed))
    ]


def sparse_product(one: Sparse, other: Sparse) -> float:
    mine = dict(zip(one.indices.tolist(), one.values.tolist(), strict=True))
    pairs = zip(other.indices.tolist(), other.values.tolist(), strict=True)
    return float(sum(mine[index] * value for index, value in pairs if index in mine))
