"""A model run by sentence-transformers on torch: slower, and able to run every model it knows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from services.kernel.embedding.encoder import Tokens, unit
from services.kernel.embedding.port import EmbeddingModel, Vectors
from services.kernel.embedding.source import ModelUnavailable

TOKENS_PER_BATCH = 1024
"""Torch divides each operation among its threads, so that it gains by larger batches than one core does."""

CHARACTERS_PER_TOKEN = 4
"""Roughly, in European languages: lengths only decide which texts share a batch."""


class TorchEncoder:
    """Raises `ModelUnavailable` when sentence-transformers cannot load the folder.

    One lane: torch has one set of threads for the whole process.
    """

    lanes = 1
    tokens_per_batch = TOKENS_PER_BATCH

    def __init__(self, folder: Path, *, name: str, fingerprint: str, threads: int) -> None:
        import torch
        from sentence_transformers import SentenceTransformer

        torch.set_num_threads(threads)
        try:
            self._model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
            dimensions = self._encode(["dimensions"]).shape[1]
        except Exception as error:  # whatever it meets in the files
            raise ModelUnavailable(
                f"The embedding model {name!r} cannot be loaded from {folder}: {first_line(error)} Save it "
                "anew with sentence-transformers, or name another in LIAISON_EMBEDDING_MODEL."
            ) from error
        self._longest = self._model.max_seq_length or TOKENS_PER_BATCH
        self.model = EmbeddingModel(name=name, fingerprint=fingerprint, dimensions=dimensions)

    def tokenise(self, texts: Sequence[str]) -> list[Tokens]:
        return [Tokens(text, min(len(text) // CHARACTERS_PER_TOKEN + 2, self._longest)) for text in texts]

    def encode(self, batch: Sequence[Tokens]) -> Vectors:
        return self._encode([tokens.text for tokens in batch])

    def _encode(self, texts: list[str]) -> Vectors:
        return unit(self._model.encode(texts, batch_size=len(texts), show_progress_bar=False))


def first_line(error: Exception) -> str:
    """The first sentence of what a library says, for a message of our own."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].rstrip(".") + "."
