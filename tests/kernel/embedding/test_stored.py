"""Vectors in both databases."""

from __future__ import annotations

import asyncio

from services.kernel.database import Database
from services.kernel.embedding.stored import AT_A_TIME, VectorsInDatabase


def digests(number: int) -> dict[bytes, bytes]:
    return {place.to_bytes(16): place.to_bytes(4) for place in range(number)}


async def test_what_is_saved_is_loaded(database: Database) -> None:
    store = VectorsInDatabase(database)
    vectors = digests(2 * AT_A_TIME + 1)

    assert await store.save("model", vectors) == vectors
    assert await store.load("model", [*vectors, b"unknown"]) == vectors
    assert await store.load("other model", list(vectors)) == {}
    assert await store.load("model", []) == {}
    assert await store.save("model", {}) == {}


async def test_the_first_vector_of_a_digest_stays(database: Database) -> None:
    store = VectorsInDatabase(database)
    await store.save("model", {b"a": b"first"})

    assert await store.save("model", {b"a": b"second", b"b": b"new"}) == {b"a": b"first", b"b": b"new"}


async def test_those_who_save_the_same_at_once_agree(database: Database) -> None:
    store = VectorsInDatabase(database)
    saved = await asyncio.gather(
        *(store.save("model", {key: bytes([writer]) * 4 for key in digests(200)}) for writer in range(6))
    )

    assert all(each == saved[0] for each in saved)
    assert len(saved[0]) == 200
