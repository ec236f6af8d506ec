"""A world in which needs meet needs: the real encoder, the real index, notification behind them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.kernel.database import Database
from tests.conftest import MovableClock
from tests.pairing.market import Market, opened


@pytest.fixture
async def market(database: Database, clock: MovableClock, tmp_path: Path) -> AsyncIterator[Market]:
    async with opened(database, clock, tmp_path) as market:
        yield market


@pytest.fixture
async def local(sqlite: Database, clock: MovableClock, tmp_path: Path) -> AsyncIterator[Market]:
    """On SQLite alone, for tests whose subject is not the database."""
    async with opened(sqlite, clock, tmp_path) as market:
        yield market
