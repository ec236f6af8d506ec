"""Fixtures of the board."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conftest import MovableClock, copied
from tests.gateway.board.world import World, world


@pytest.fixture
async def market(tmp_path: Path, clock: MovableClock, sqlite_tables: Path) -> AsyncIterator[World]:
    async with world(tmp_path, clock, copied(sqlite_tables, tmp_path)) as made:
        yield made


@pytest.fixture
async def anywhere(tmp_path: Path, clock: MovableClock, database_url: str) -> AsyncIterator[World]:
    """The same on both databases, for pages whose queries are the board's own."""
    async with world(tmp_path, clock, database_url) as made:
        yield made
