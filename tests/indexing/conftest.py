"""A world that derives, and a second embedding model: tiny, real, made in a second."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.kernel.database import Database
from services.kernel.embedding.encoder import Encoder
from services.kernel.embedding.transformer import open_encoder
from services.kernel.settings import EmbeddingBackend
from tests.conftest import MovableClock
from tests.derivation import Derivation, deriving
from tests.kernel.embedding.conftest import save_tiny_model


@pytest.fixture
async def derivation(database: Database, clock: MovableClock, tmp_path: Path) -> AsyncIterator[Derivation]:
    async with deriving(database, clock, tmp_path) as derivation:
        yield derivation


@pytest.fixture
async def local(sqlite: Database, clock: MovableClock, tmp_path: Path) -> AsyncIterator[Derivation]:
    """On SQLite alone, for tests whose subject is not the database."""
    async with deriving(sqlite, clock, tmp_path) as derivation:
        yield derivation


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("tiny"), "cls")


@pytest.fixture(scope="session")
def tiny(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    cache = tmp_path_factory.mktemp("models")
    return open_encoder(str(tiny_model), cache=cache, backend=EmbeddingBackend.torch, threads=1)
