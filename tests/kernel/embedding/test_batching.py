"""Many callers at once on the lanes of a model."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence

import numpy as np
import pytest

from services.kernel.embedding.batching import BatchingEmbedder
from services.kernel.embedding.encoder import Tokens
from services.kernel.embedding.port import EmbeddingModel, Vectors

PATIENCE_S = 30.0
LONGEST_STALL_S = 0.1


class GatedEncoder:
    """An encoder whose batches wait until the test lets them go; a text's vector is its length.

    `broken` is a text that it cannot encode.
    """

    tokens_per_batch = 64
    model = EmbeddingModel("gated", "0", 2)

    def __init__(self, lanes: int = 1, broken: str = "") -> None:
        self.lanes = lanes
        self.broken = broken
        self.gate = threading.Semaphore(0)
        self.begun: list[list[str]] = []

    def open(self) -> None:
        self.gate.release(1_000_000)

    def tokenise(self, texts: Sequence[str]) -> list[Tokens]:
        return [Tokens(text, len(text.split())) for text in texts]

    def encode(self, batch: Sequence[Tokens]) -> Vectors:
        self.begun.append([tokens.text for tokens in batch])
        assert self.gate.acquire(timeout=PATIENCE_S)
        if any(tokens.text == self.broken for tokens in batch):
            raise ArithmeticError("no vector for this one")
        return np.array([[len(tokens.text), 1] for tokens in batch], np.float32)


async def until(condition: object, what: str) -> None:
    assert callable(condition)
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        await asyncio.sleep(0.001)


@pytest.mark.alone
async def test_a_small_request_does_not_wait_for_a_bulk(embedder: BatchingEmbedder) -> None:
    bulk = asyncio.create_task(
        embedder.embed([f"profile number {number} of a bulk" for number in range(3000)])
    )
    await asyncio.sleep(0)
    started = time.monotonic()
    rows = await embedder.embed(["pressure sensor for helium", "vacuum pump"])
    waited = time.monotonic() - started

    assert not bulk.done()
    assert rows.shape == (2, 384)
    assert (await bulk).shape == (3000, 384)
    assert waited < (time.monotonic() - started) / 4


@pytest.mark.alone
async def test_the_event_loop_goes_on_while_a_bulk_is_embedded(embedder: BatchingEmbedder) -> None:
    bulk = asyncio.create_task(embedder.embed([f"supplier of {number} valves" for number in range(1500)]))
    stalls = []
    while not bulk.done():
        before = time.monotonic()
        await asyncio.sleep(0.005)
        stalls.append(time.monotonic() - before)

    assert len(await bulk) == 1500
    # The scheduler of a machine that is busy with other things is not ours to test: one in fifty may be late.
    assert sorted(stalls)[len(stalls) * 49 // 50] <= LONGEST_STALL_S
    assert len(stalls) > 20


async def test_concurrent_callers_each_get_their_rows(embedder: BatchingEmbedder) -> None:
    texts = [[f"caller {caller} wants {number} pumps" for number in range(caller)] for caller in range(1, 12)]
    answers = await asyncio.gather(*(embedder.embed(each) for each in texts))

    for each, rows in zip(texts, answers, strict=True):
        assert (rows == await embedder.embed(each)).all()


async def test_a_text_that_many_want_is_encoded_once() -> None:
    encoder = GatedEncoder(lanes=2)
    embedder = BatchingEmbedder(encoder)
    callers = [asyncio.create_task(embedder.embed(["first", "shared", "shared"])) for _ in range(5)]
    await until(lambda: encoder.begun, "a batch")
    late = asyncio.create_task(embedder.embed(["shared"]))
    await asyncio.sleep(0)
    encoder.open()
    rows = await asyncio.gather(*callers, late)
    await embedder.close()

    assert sorted(text for batch in encoder.begun for text in batch) == ["first", "shared"]
    assert [list(answer[:, 0]) for answer in rows] == [[5, 6, 6]] * 5 + [[6]]


async def test_a_caller_that_leaves_takes_nothing_from_the_others() -> None:
    encoder = GatedEncoder()
    embedder = BatchingEmbedder(encoder)
    busy = asyncio.create_task(embedder.embed(["busy"]))
    await until(lambda: encoder.begun, "the lane to be busy")
    leaving = asyncio.create_task(embedder.embed(["shared", "only mine"]))
    staying = asyncio.create_task(embedder.embed(["shared", "other"]))
    await asyncio.sleep(0)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    encoder.open()
    await busy
    rows = await staying
    await embedder.close()

    assert list(rows[:, 0]) == [6, 5]
    assert "only mine" not in [text for batch in encoder.begun for text in batch]


async def test_a_caller_that_leaves_during_its_batch_harms_nobody() -> None:
    encoder = GatedEncoder()
    embedder = BatchingEmbedder(encoder)
    leaving = asyncio.create_task(embedder.embed(["going away"]))
    await until(lambda: encoder.begun, "its batch")
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    encoder.open()
    rows = await embedder.embed(["going away", "another"])
    await embedder.close()

    assert list(rows[:, 0]) == [10, 7]


async def test_an_error_reaches_those_who_asked_for_that_text_and_nobody_else() -> None:
    encoder = GatedEncoder(broken="broken")
    embedder = BatchingEmbedder(encoder)
    busy = asyncio.create_task(embedder.embed(["busy"]))
    await until(lambda: encoder.begun, "the lane to be busy")
    bad = asyncio.create_task(embedder.embed(["broken", "fine"]))
    good = asyncio.create_task(embedder.embed(["healthy"]))
    await asyncio.sleep(0)
    encoder.open()
    await busy

    with pytest.raises(ArithmeticError, match="no vector"):
        await bad
    assert list((await good)[:, 0]) == [7]
    assert list((await embedder.embed(["after"]))[:, 0]) == [5]
    await embedder.close()


async def test_a_text_that_cannot_be_tokenised_fails_its_callers_alone(embedder: BatchingEmbedder) -> None:
    bad, good = await asyncio.gather(
        embedder.embed(["half a surrogate: \ud83e", "pump"]),
        embedder.embed(["pump", "valve"]),
        return_exceptions=True,
    )

    assert isinstance(bad, Exception)
    assert not isinstance(good, BaseException)
    assert good.shape == (2, 384)


async def test_closing_finishes_what_waits_and_refuses_what_comes() -> None:
    encoder = GatedEncoder()
    embedder = BatchingEmbedder(encoder)
    waiting = asyncio.create_task(embedder.embed([f"text {number}" for number in range(100)]))
    await until(lambda: encoder.begun, "the first batch")
    closing = asyncio.create_task(embedder.close())
    await asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="closed"):
        await embedder.embed(["too late"])
    encoder.open()
    await closing

    assert len(await waiting) == 100
    await embedder.close()
