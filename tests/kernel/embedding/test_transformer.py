"""The real model: exact against sentence-transformers, the same bytes in any company."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from structlog.testing import capture_logs

from services.kernel.embedding.batching import BatchingEmbedder
from services.kernel.embedding.encoder import Encoder
from services.kernel.embedding.onnx_encoder import OnnxEncoder
from services.kernel.embedding.port import Vectors
from services.kernel.embedding.torch_encoder import TorchEncoder
from services.kernel.embedding.transformer import open_plain_encoder, open_transformer
from services.kernel.settings import EmbeddingBackend
from tests.kernel.embedding.conftest import MODELS

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

SENTENCES = (
    "Radiation-hard pressure sensor for a 4 K helium line",
    "vacuum",
    "  Measure   pressure between 0.1 and 20 bar at 4 K, within 1 %.\n",
    "Hochreines Niob für Kavitäten",
    "вакуумная камера из нержавеющей стали",
    "étanchéité à l'hélium " * 30,
    "We design, build and test superconducting magnets, with their quench protection. " * 100,
    "🧲 ≤ 10⁻⁹ mbar·l/s",
)


def cosines(ours: Vectors, theirs: Vectors) -> Vectors:
    return np.asarray((ours * theirs).sum(axis=1), np.float32)


def test_the_plain_vectors_are_those_of_the_stock_model(plain: Encoder, stock: SentenceTransformer) -> None:
    ours = np.concatenate([plain.encode([tokens]) for tokens in plain.tokenise(SENTENCES)])
    theirs = stock.encode(list(SENTENCES), normalize_embeddings=True, convert_to_numpy=True)

    assert ours.dtype == np.float32
    assert ours.shape == (len(SENTENCES), plain.model.dimensions) == (8, 384)
    assert cosines(ours, theirs).min() >= 0.9999
    assert np.abs(ours - theirs).max() < 1e-5
    assert np.allclose(np.linalg.norm(ours, axis=1), 1.0, atol=1e-6)


async def test_a_text_has_the_same_bytes_alone_and_in_company(embedder: BatchingEmbedder) -> None:
    together = await embedder.embed([*SENTENCES, *(f"{text} of steel" for text in SENTENCES)])
    alone = [(await embedder.embed([text]))[0] for text in SENTENCES]

    assert [row.tobytes() for row in together[: len(SENTENCES)]] == [row.tobytes() for row in alone]


async def test_rows_come_in_the_order_of_the_texts_with_their_repetitions(embedder: BatchingEmbedder) -> None:
    texts = [SENTENCES[place] for place in (3, 0, 3, 6, 1, 0)]
    rows = await embedder.embed(texts)

    assert (rows[0] == rows[2]).all()
    assert (rows[1] == rows[5]).all()
    for row, text in zip(rows, texts, strict=True):
        assert (row == (await embedder.embed([text]))[0]).all()


async def test_what_lies_beyond_the_window_changes_nothing(embedder: BatchingEmbedder) -> None:
    long = "cryogenic " * 300
    rows = await embedder.embed([long, long + "accountancy", long * 500])

    assert (rows[0] == rows[1]).all()
    assert (rows[0] == rows[2]).all()


async def test_no_texts_give_no_rows(embedder: BatchingEmbedder) -> None:
    assert (await embedder.embed([])).shape == (0, 384)


@pytest.mark.parametrize("blank", ["", "  \n\t"])
async def test_an_empty_text_is_refused_by_its_place(embedder: BatchingEmbedder, blank: str) -> None:
    with pytest.raises(ValueError, match="text 2 of 3 is empty"):
        await embedder.embed(["vacuum", blank, "pump"])


async def test_another_model_by_its_folder(tiny_model: Path, tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer

    embedder = await open_transformer(str(tiny_model), cache=tmp_path, threads=1)
    texts = ["vacuum pump", "helium line sensor " * 20, "magnet"]
    rows = await embedder.embed(texts)
    await embedder.close()
    theirs = SentenceTransformer(str(tiny_model), device="cpu").encode(texts, normalize_embeddings=True)

    assert embedder.model.dimensions == 32
    assert cosines(rows, theirs).min() >= 0.9999


def test_both_backends_have_one_fingerprint(plain: Encoder) -> None:
    torch = open_plain_encoder(None, cache=MODELS, backend=EmbeddingBackend.torch, threads=2)

    assert isinstance(plain, OnnxEncoder)
    assert isinstance(torch, TorchEncoder)
    assert torch.model == plain.model
    assert (
        cosines(torch.encode(torch.tokenise(SENTENCES)), plain.encode(plain.tokenise(SENTENCES))).min()
        >= 0.9999
    )


async def test_a_model_that_onnx_cannot_run_runs_on_torch_and_says_why(
    torch_only_model: Path, tmp_path: Path
) -> None:
    from sentence_transformers import SentenceTransformer

    with capture_logs() as logs:
        embedder = await open_transformer(str(torch_only_model), cache=tmp_path)
    rows = await embedder.embed(["vacuum pump", "magnet"])
    await embedder.close()
    theirs = SentenceTransformer(str(torch_only_model), device="cpu").encode(["vacuum pump", "magnet"])

    assert {
        "event": "embedding.torch_instead_of_onnx",
        "reason": "it pools by 'max', not by mean or cls",
    }.items() <= (next(entry for entry in logs if entry["log_level"] == "warning").items())
    assert np.allclose(rows, theirs / np.linalg.norm(theirs, axis=1, keepdims=True), atol=1e-5)
