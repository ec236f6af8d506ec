"""The model alone: the same exported graph on the same number of threads, and nothing around it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from services.kernel.embedding.encoder import Encoder, Tokens
from services.kernel.embedding.transformer import open_encoder
from services.kernel.settings import EmbeddingBackend
from tests.bench.figures import MODELS

THREADS = 2
"""Of the model, on either side of a comparison; the benches' own figures were taken on two cores."""


def open_model() -> Encoder:
    """Exports the graph first, where that was not done yet (a quarter of a minute)."""
    return open_encoder(None, cache=MODELS, backend=EmbeddingBackend.onnx, threads=THREADS)


async def encode(encoder: Encoder, texts: Sequence[str]) -> None:
    """Embed the texts as fast as the model can: sorted by length, full batches, one thread per lane."""
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(encoder.lanes) as pool:
        tokens = sorted(encoder.tokenise(texts), key=lambda one: one.length, reverse=True)
        await asyncio.gather(
            *(loop.run_in_executor(pool, encoder.encode, batch) for batch in _batches(encoder, tokens))
        )


def _batches(encoder: Encoder, tokens: Sequence[Tokens]) -> list[list[Tokens]]:
    batches: list[list[Tokens]] = []
    for one in tokens:
        if batches and batches[-1][0].length * (len(batches[-1]) + 1) <= encoder.tokens_per_batch:
            batches[-1].append(one)
        else:
            batches.append([one])
    return batches
