from __future__ import annotations

import pytest

from services.kernel.database import Database
from tests.conftest import MovableClock
from tests.consortia.town import Town, founded
from tests.intake.people import build


@pytest.fixture
async def town(database: Database, clock: MovableClock) -> Town:
    return await founded(await build(database, clock))


@pytest.fixture
async def local(sqlite: Database, clock: MovableClock) -> Town:
    """On SQLite alone, for tests whose subject is not the database."""
    return await founded(await build(sqlite, clock))
