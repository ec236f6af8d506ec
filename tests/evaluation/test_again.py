"""A second run embeds nothing, and says the same; so does a first one elsewhere."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from services.evaluation import run
from services.evaluation.choices import Method, Task, methods_of
from services.kernel.embedding.batching import BatchingEmbedder
from services.kernel.embedding.port import Vectors
from tests.derivation import bundled_encoder
from tests.evaluation.every_task import BUNDLES, measured, product

PATIENCE_S = 300
"""Of a process of its own, which has models to load, on a machine that may be busy."""


class Counting(BatchingEmbedder):
    """The bundled model; keeps what it was asked for."""

    asked: list[str]

    async def embed(self, texts: Sequence[str]) -> Vectors:
        self.asked.extend(texts)
        return await super().embed(texts)


async def test_a_bundle_is_embedded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    async def counting(*_: Any, **__: Any) -> Counting:
        embedder = Counting(bundled_encoder())
        embedder.asked = asked
        return embedder

    def with_the_model(task: Task) -> Sequence[Method]:
        return [one for one in methods_of(task) if one in (Method.liaison, Method.dense)]

    monkeypatch.setattr(run, "open_transformer", counting)
    first = await measured(tmp_path / "bundles", with_the_model)
    assert len(asked) == len({*asked}) > 20, "texts that several tasks share are embedded once, too"
    asked.clear()
    second = await measured(tmp_path / "bundles", with_the_model)

    assert asked == []
    assert second == first


@pytest.mark.timeout(2 * PATIENCE_S)
def test_every_task_says_the_same_in_another_process(tmp_path: Path) -> None:
    here = asyncio.run(measured(tmp_path / "here", product))
    file = tmp_path / "there.json"
    subprocess.run(
        [sys.executable, "-m", "tests.evaluation.every_task", str(tmp_path / "there"), str(file)],
        check=True,
        timeout=PATIENCE_S,
        env={**os.environ, "PYTHONHASHSEED": "1"},  # sets of texts are in another order
    )
    assert {*orjson.loads(here)} == {*BUNDLES} == {*Task}
    assert file.read_bytes() == here
