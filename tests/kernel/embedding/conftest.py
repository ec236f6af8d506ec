"""The bundled model, exported once for all runs of the suite, and a tiny model that is made in a second."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from services.kernel.embedding.batching import BatchingEmbedder
from services.kernel.embedding.encoder import Encoder
from services.kernel.embedding.source import locate
from services.kernel.embedding.transformer import open_encoder, open_plain_encoder
from services.kernel.settings import EmbeddingBackend

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

MODELS = Path(__file__).parents[3] / "var" / "models"
"""Where `liaison serve` keeps them too: the suite exports the bundled model only where nobody has yet."""

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "vacuum", "pump", "helium", "line", "sensor", "magnet"]


@pytest.fixture(scope="session")
def encoder() -> Encoder:
    return open_encoder(None, cache=MODELS, backend=EmbeddingBackend.onnx, threads=2)


@pytest.fixture(scope="session")
def plain() -> Encoder:
    """The bundled model with vectors as it gives them."""
    return open_plain_encoder(None, cache=MODELS, backend=EmbeddingBackend.onnx, threads=2)


@pytest.fixture
async def embedder(encoder: Encoder) -> AsyncIterator[BatchingEmbedder]:
    embedder = BatchingEmbedder(encoder)
    yield embedder
    await embedder.close()


@pytest.fixture(scope="session")
def stock() -> SentenceTransformer:
    """The bundled model as sentence-transformers runs it by itself, on torch."""
    from sentence_transformers import SentenceTransformer

    model: SentenceTransformer = SentenceTransformer(str(locate(None).folder), device="cpu")
    return model


def save_tiny_model(folder: Path, pooling: str) -> Path:
    """A real BERT of one layer with random weights, saved by sentence-transformers."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers.models import bert

    parts = folder / "parts"
    parts.mkdir(parents=True)
    (parts / "vocab.txt").write_text("\n".join(WORDS), "utf-8")
    torch.manual_seed(5)
    config = bert.BertConfig(  # type: ignore[no-untyped-call]
        vocab_size=len(WORDS),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    bert.BertModel(config).save_pretrained(str(parts))  # type: ignore[no-untyped-call]
    tokenizer = bert.BertTokenizerFast(  # type: ignore[no-untyped-call]
        vocab_file=str(parts / "vocab.txt"), model_max_length=32
    )
    tokenizer.save_pretrained(str(parts))
    transformer = Transformer(str(parts))
    whole = SentenceTransformer(modules=[transformer, Pooling(32, pooling_mode=pooling)], device="cpu")
    whole.save_pretrained(str(folder / "model"), create_model_card=False)
    return folder / "model"


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pools by its first token, and its modules do not normalise."""
    return save_tiny_model(tmp_path_factory.mktemp("tiny"), "cls")


@pytest.fixture(scope="session")
def torch_only_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pools in a way that only sentence-transformers knows."""
    return save_tiny_model(tmp_path_factory.mktemp("torch_only"), "max")


OPEN_AND_EMBED = """
import sys
from pathlib import Path
from services.kernel.embedding.exported import open_exported
from services.kernel.embedding.source import fingerprint, locate

source, cache = locate(sys.argv[1]), Path(sys.argv[2])
encoder = open_exported(source, fingerprint(source, cache), cache, lanes=1)
assert "torch" not in sys.modules, "only the process that exports pays for torch"
sys.stdout.write(encoder.encode(encoder.tokenise(["vacuum pump"])).tobytes().hex())
"""


@dataclass(frozen=True, slots=True)
class Exported:
    """A cache with the tiny model's export, as several processes that started at once left it."""

    cache: Path
    statuses: list[int]
    said: list[tuple[str, str]]
    """Of each process, standard output and standard error."""


@pytest.fixture(scope="session")
def exported(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    cache = tmp_path_factory.mktemp("exported")
    command = [sys.executable, "-c", OPEN_AND_EMBED, str(tiny_model), str(cache)]
    started = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)
    ]
    said = [process.communicate(timeout=200) for process in started]
    return Exported(cache, [process.returncode for process in started], said)
