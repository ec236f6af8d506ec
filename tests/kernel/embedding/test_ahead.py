"""Embedding ahead is a hint: it helps, and never hurts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np

from services.kernel.embedding.ahead import AT_ONCE, Ahead
from services.kernel.embedding.port import EmbeddingModel, Vectors
from tests.eventually import eventually


class Noting:
    """Notes what it is asked for, and answers when it is let."""

    def __init__(self) -> None:
        self.model = EmbeddingModel("noting", "noting", 4)
        self.asked: list[Sequence[str]] = []
        self.done = 0
        self.let = asyncio.Event()
        self.fails = False

    async def embed(self, texts: Sequence[str]) -> Vectors:
        self.asked.append(texts)
        await self.let.wait()
        self.done += 1
        if self.fails:
            raise RuntimeError("out of order")
        return np.zeros((len(texts), 4), np.float32)

    async def close(self) -> None: ...


async def test_what_is_expected_is_embedded_beside() -> None:
    ahead, embedder = Ahead(), Noting()
    embedder.let.set()
    ahead.serve(lambda: embedder)
    ahead.expect(["pump", "valve"])

    assert embedder.asked == [], "the caller is not held up"
    await eventually(lambda: embedder.done == 1)
    assert embedder.asked == [["pump", "valve"]]
    await ahead.close()


async def test_without_a_model_nothing_happens() -> None:
    ahead = Ahead()
    ahead.expect(["pump"])
    await ahead.close()


async def test_a_flood_is_left_to_those_who_need_it() -> None:
    ahead, embedder = Ahead(), Noting()
    ahead.serve(lambda: embedder)
    for number in range(AT_ONCE + 5):
        ahead.expect([f"pump {number}"])
        await asyncio.sleep(0)
    assert len(embedder.asked) == AT_ONCE
    embedder.let.set()
    await eventually(lambda: embedder.done == AT_ONCE)
    ahead.expect(["valve"])
    await eventually(lambda: embedder.done == AT_ONCE + 1)
    await ahead.close()


async def test_a_failure_is_no_news_and_closing_lets_go() -> None:
    ahead, embedder = Ahead(), Noting()
    embedder.fails = True
    ahead.serve(lambda: embedder)
    ahead.expect(["pump"])
    embedder.let.set()
    await eventually(lambda: embedder.done == 1)

    embedder.let.clear()
    ahead.expect(["valve"])
    await eventually(lambda: len(embedder.asked) == 2)
    await ahead.close()
    assert embedder.done == 1
    ahead.expect(["magnet"])
    assert len(embedder.asked) == 2
