from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from services.kernel.database import Database
from tests.conftest import MovableClock
from tests.intake import serving
from tests.intake.people import World, build
from tests.intake.serving import Api


@pytest.fixture
async def world(database: Database, clock: MovableClock) -> World:
    return await build(database, clock)


@pytest.fixture
async def local(sqlite: Database, clock: MovableClock) -> World:
    """On SQLite alone, for tests whose subject is not the database."""
    return await build(sqlite, clock)


@pytest.fixture
async def api(local: World) -> AsyncIterator[Api]:
    async with serving.api(local) as api:
        yield api
