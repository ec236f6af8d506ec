"""The bundled model, for tests whose subject is what real texts score."""

from __future__ import annotations

import pytest

from services.kernel.embedding.encoder import Encoder
from services.kernel.embedding.transformer import open_encoder
from services.kernel.settings import EmbeddingBackend
from tests.kernel.embedding.conftest import MODELS


@pytest.fixture(scope="session")
def model() -> Encoder:
    return open_encoder(None, cache=MODELS, backend=EmbeddingBackend.onnx, threads=2)
