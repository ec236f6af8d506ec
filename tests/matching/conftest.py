"""The bundled model, for tests whose subject is what real texts score; and a world that derives."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.kernel.database import Database
from services.kernel.embedding.encoder import Encoder
from tests.conftest import MovableClock
from tests.derivation import Derivation, bundled_encoder, deriving


@pytest.fixture(scope="session")
def model() -> Encoder:
    return bundled_encoder()


@pytest.fixture
async def derivation(database: Database, clock: MovableClock, tmp_path: Path) -> AsyncIterator[Derivation]:
    async with deriving(database, clock, tmp_path) as derivation:
        yield derivation


@pytest.fixture
async def local(sqlite: Database, clock: MovableClock, tmp_path: Path) -> AsyncIterator[Derivation]:
    """On SQLite alone, for tests whose subject is not the database."""
    async with deriving(sqlite, clock, tmp_path) as derivation:
        yield derivation
