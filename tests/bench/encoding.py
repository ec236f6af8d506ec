"""Stock sentence-transformers on torch against our embedder on ONNX Runtime: same model, texts, threads."""

from __future__ import annotations

import asyncio
import time

from services.kernel.embedding.batching import BatchingEmbedder
from services.kernel.embedding.source import locate
from tests.bench.bare_model import THREADS, open_model
from tests.bench.figures import Aim, Bench, Samples, Scale
from tests.bench.texts import Writer


async def measure(scale: Scale) -> Samples:
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(THREADS)
    stock = SentenceTransformer(str(locate(None).folder), device="cpu", local_files_only=True)
    embedder = BatchingEmbedder(open_model())
    writer, samples = Writer(seed=2), Samples()
    count = scale.pick(512, 64)
    try:
        for repetition in range(scale.pick(6, 2)):
            texts = [writer.capability() for _ in range(count)]
            began = time.perf_counter()
            await embedder.embed(texts)
            ours = time.perf_counter() - began
            began = time.perf_counter()
            await asyncio.to_thread(stock.encode, texts, show_progress_bar=False, normalize_embeddings=True)
            theirs = time.perf_counter() - began
            if repetition:  # the first is for warming up
                samples.ours.append(count / ours)
                samples.reference.append(count / theirs)
    finally:
        await embedder.close()
    return samples


BENCHES = [
    Bench(
        name="encoding",
        about="our embedder / SentenceTransformer.encode on torch; same model, texts and threads",
        unit="texts/s",
        aim=Aim(2.0, at_least=True),
        measure=measure,
    )
]
