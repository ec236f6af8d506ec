from __future__ import annotations

import pytest

from services.directory.service import Directory
from services.kernel.database import Database
from tests.conftest import MovableClock
from tests.directory.people import Register, World, build


@pytest.fixture
async def world(database: Database, clock: MovableClock) -> World:
    register = Register()
    return await build(Directory(database, clock, register), database, register)
