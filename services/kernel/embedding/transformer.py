"""The Embedder on a sentence-transformers model: ONNX Runtime where it can, torch where it must."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import structlog

from services.kernel.embedding.batching import BatchingEmbedder
from services.kernel.embedding.cores import usable_cores
from services.kernel.embedding.encoder import Encoder
from services.kernel.embedding.exported import OnnxUnusable, open_exported
from services.kernel.embedding.metric import MappedEncoder, shipped
from services.kernel.embedding.source import BUNDLED_NAMES, fingerprint, locate
from services.kernel.embedding.torch_encoder import TorchEncoder
from services.kernel.settings import EmbeddingBackend

log = structlog.get_logger("liaison.embedding")

MOST_THREADS = 16
"""Unless the settings say more: between batches every lane needs the interpreter lock, 0.3 of 30 ms."""


async def open_transformer(
    model: str | None = None,
    *,
    cache: Path,
    backend: EmbeddingBackend = EmbeddingBackend.onnx,
    threads: int | None = None,
) -> BatchingEmbedder:
    """The embedder of `model`: None for the bundled one, a folder, or a name on the Hugging Face hub.

    `cache` keeps the exported graph (90 MB for the bundled model; made on the first start, 15 s) and the
    digests of weights. `threads`: default, the cores this process may use. Does not block the event loop.
    A text beyond the model's window (256 tokens, 1,100 characters of English, for the bundled one) is cut.
    Raises `ModelUnavailable` with a sentence that says what to do.
    """
    encoder = await asyncio.to_thread(
        open_encoder,
        model,
        cache=cache,
        backend=backend,
        threads=threads or min(usable_cores(), MOST_THREADS),
    )
    return BatchingEmbedder(encoder)


def open_encoder(model: str | None, *, cache: Path, backend: EmbeddingBackend, threads: int) -> Encoder:
    """The loaded model, without the batches: for threads, and for measuring. Blocks. The bundled model's
    vectors are mapped by the metric that ships for them; for other models there is none."""
    plain = open_plain_encoder(model, cache=cache, backend=backend, threads=threads)
    return MappedEncoder(plain, shipped()) if model is None or model in BUNDLED_NAMES else plain


def open_plain_encoder(model: str | None, *, cache: Path, backend: EmbeddingBackend, threads: int) -> Encoder:
    """The same with vectors as the model gives them."""
    # The lanes are the threads; a tokeniser that opens threads of its own would take cores from them.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    source = locate(model)
    print_ = fingerprint(source, cache)
    if backend is EmbeddingBackend.onnx:
        try:
            return open_exported(source, print_, cache, lanes=threads)
        except OnnxUnusable as reason:
            log.warning("embedding.torch_instead_of_onnx", model=source.name, reason=str(reason))
    return TorchEncoder(source.folder, name=source.name, fingerprint=print_, threads=threads)
