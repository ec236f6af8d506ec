"""A world that derives, subscriptions and deliveries included."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.kernel.database import Database
from tests.conftest import MovableClock
from tests.derivation import Derivation, deriving


@pytest.fixture
async def derivation(database: Database, clock: MovableClock, tmp_path: Path) -> AsyncIterator[Derivation]:
    async with deriving(database, clock, tmp_path) as derivation:
        yield derivation


@pytest.fixture
async def local(sqlite: Database, clock: MovableClock, tmp_path: Path) -> AsyncIterator[Derivation]:
    """On SQLite alone, for tests whose subject is not the database."""
    async with deriving(sqlite, clock, tmp_path) as derivation:
        yield derivation
