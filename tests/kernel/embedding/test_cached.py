"""What was embedded once comes from memory or the store, the same bytes each time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from services.kernel.database import Database
from services.kernel.embedding.cached import AT_A_TIME, CachedEmbedder, text_digest
from services.kernel.embedding.encoder import Encoder, unit
from services.kernel.embedding.fixed_point import SCALE
from services.kernel.embedding.port import Embedder, EmbeddingModel, Vectors
from services.kernel.embedding.stored import VectorsInDatabase


class CountingEmbedder:
    """Vectors drawn by the text; counts what it is asked for."""

    def __init__(self, fingerprint: str = "model-a") -> None:
        self.model = EmbeddingModel("counting", fingerprint, 16)
        self.asked: list[str] = []

    async def embed(self, texts: Sequence[str]) -> Vectors:
        self.asked.extend(texts)
        seeds = [int.from_bytes(text_digest(text)[:4]) for text in texts]
        drawn: NDArray[np.float64] = np.array([np.random.default_rng(seed).normal(size=16) for seed in seeds])
        return unit(drawn.astype(np.float32))

    async def close(self) -> None:
        self.asked.append("closed")


@pytest.fixture
def store(sqlite: Database) -> VectorsInDatabase:
    return VectorsInDatabase(sqlite)


async def test_a_text_is_embedded_once(store: VectorsInDatabase) -> None:
    inner = CountingEmbedder()
    embedder: Embedder = CachedEmbedder(inner, store)
    first = await embedder.embed(["pump", "valve", "pump"])
    again = await embedder.embed(["valve", "magnet", "pump"])

    assert inner.asked == ["pump", "valve", "magnet"]
    assert (first[0] == first[2]).all()
    assert (again[[2, 0]] == first[:2]).all()


async def test_a_new_process_embeds_nothing_that_is_stored(store: VectorsInDatabase) -> None:
    texts = [f"text {number}" for number in range(AT_A_TIME + 10)]
    first = await CachedEmbedder(CountingEmbedder(), store).embed(texts)
    later = CountingEmbedder()
    again = await CachedEmbedder(later, store).embed(texts)

    assert later.asked == []
    assert again.tobytes() == first.tobytes()


async def test_rows_are_in_fixed_point(store: VectorsInDatabase) -> None:
    rows = await CachedEmbedder(CountingEmbedder(), store).embed(["pump", "valve"])

    assert rows.dtype == np.float32
    assert (rows * SCALE == np.rint(rows * SCALE)).all()
    assert np.abs(np.linalg.norm(rows, axis=1) - 1).max() < 6e-4


async def test_another_model_does_not_see_these_vectors(store: VectorsInDatabase) -> None:
    await CachedEmbedder(CountingEmbedder("model-a"), store).embed(["pump"])
    other = CountingEmbedder("model-b")
    await CachedEmbedder(other, store).embed(["pump"])

    assert other.asked == ["pump"]


async def test_spellings_of_one_text_share_a_vector(store: VectorsInDatabase) -> None:
    inner = CountingEmbedder()
    rows = await CachedEmbedder(inner, store).embed(
        ["étanchéité", "e\N{COMBINING ACUTE ACCENT}tanche\u0301ite\u0301"]
    )

    assert inner.asked == ["étanchéité"]
    assert (rows[0] == rows[1]).all()


class Slow(CountingEmbedder):
    """Embeds when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.let = asyncio.Event()
        self.begun = asyncio.Event()
        self.fails = False

    async def embed(self, texts: Sequence[str]) -> Vectors:
        self.begun.set()
        await self.let.wait()
        if self.fails:
            self.fails = False
            raise RuntimeError("out of order")
        return await super().embed(texts)


async def test_calls_at_the_same_time_share_what_is_in_the_making(store: VectorsInDatabase) -> None:
    inner = Slow()
    embedder = CachedEmbedder(inner, store)
    first = asyncio.create_task(embedder.embed(["pump", "valve"]))
    await inner.begun.wait()
    second = asyncio.create_task(embedder.embed(["valve", "pump"]))
    inner.let.set()

    assert ((await first) == (await second)[::-1]).all()
    assert inner.asked == ["pump", "valve"]


@pytest.mark.parametrize("how", ["cancelled", "failed"])
async def test_who_waits_for_a_call_that_comes_to_nothing_asks_itself(
    store: VectorsInDatabase, how: str
) -> None:
    inner = Slow()
    embedder = CachedEmbedder(inner, store)
    first = asyncio.create_task(embedder.embed(["pump"]))
    await inner.begun.wait()
    second = asyncio.create_task(embedder.embed(["pump", "valve"]))
    await asyncio.sleep(0)
    if how == "cancelled":
        first.cancel()
    inner.fails = how == "failed"
    inner.let.set()

    assert (await second).shape == (2, 16)
    with pytest.raises(asyncio.CancelledError if how == "cancelled" else RuntimeError):
        await first
    assert sorted(inner.asked) == ["pump", "valve"]


async def test_memory_is_bounded(store: VectorsInDatabase) -> None:
    loads: list[int] = []

    class Watched(VectorsInDatabase):
        async def load(self, model: str, digests: Sequence[bytes]) -> dict[bytes, bytes]:
            loads.append(len(digests))
            return await super().load(model, digests)

    watched = Watched(store._database)
    inner = CountingEmbedder()
    embedder = CachedEmbedder(inner, watched, in_memory=2)
    await embedder.embed(["a", "b", "c"])
    loads.clear()
    await embedder.embed(["b", "c"])
    assert loads == [], "the two latest are in memory"
    await embedder.embed(["a"])
    assert loads == [1], "the first had to go, and is in the store"
    assert inner.asked == ["a", "b", "c"]


async def test_the_first_vector_that_was_stored_is_everybodys(store: VectorsInDatabase) -> None:
    theirs: Mapping[bytes, bytes] = {text_digest("pump"): np.full(16, 4096, "<i2").tobytes()}

    class Overtaken(CountingEmbedder):
        async def embed(self, texts: Sequence[str]) -> Vectors:
            await store.save(self.model.fingerprint, theirs)  # another process, a moment earlier
            return await super().embed(texts)

    embedder = CachedEmbedder(Overtaken(), store)

    assert ((await embedder.embed(["pump"])) == 0.25).all()
    assert ((await embedder.embed(["pump"])) == 0.25).all()


@pytest.mark.parametrize("texts", [["pump", ""], ["pump", " \n"]])
async def test_an_empty_text_is_refused_before_anything_is_done(
    store: VectorsInDatabase, texts: list[str]
) -> None:
    inner = CountingEmbedder()
    with pytest.raises(ValueError, match="text 2 of 2 is empty"):
        await CachedEmbedder(inner, store).embed(texts)
    assert inner.asked == []


async def test_no_texts_give_no_rows(store: VectorsInDatabase) -> None:
    assert (await CachedEmbedder(CountingEmbedder(), store).embed([])).shape == (0, 16)


async def test_closing_closes_the_model(store: VectorsInDatabase) -> None:
    inner = CountingEmbedder()
    await CachedEmbedder(inner, store).close()
    assert inner.asked == ["closed"]


async def test_with_the_real_model_fresh_and_stored_are_one(encoder: Encoder, sqlite: Database) -> None:
    from services.kernel.embedding.batching import BatchingEmbedder

    texts = ["Cryogenic valve", "Pompe à vide", "Niobium cavity " * 40]
    inner = BatchingEmbedder(encoder)
    fresh, other = await asyncio.gather(
        CachedEmbedder(inner, VectorsInDatabase(sqlite)).embed(texts),
        CachedEmbedder(inner, VectorsInDatabase(sqlite)).embed(texts),
    )
    stored = await CachedEmbedder(inner, VectorsInDatabase(sqlite)).embed(texts)
    exact = await inner.embed(texts)
    await inner.close()

    assert fresh.tobytes() == stored.tobytes() == other.tobytes()
    assert np.abs(fresh - exact).max() <= 0.5 / SCALE + 1e-7
