"""Fixtures of the gateway."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from services.kernel.clock import SystemClock
from services.kernel.database import Database
from services.kernel.journal.tail import Tail
from tests.gateway.serving import gateway
from tests.kernel.web.application import client_of


@pytest.fixture
async def plain(sqlite: Database) -> AsyncIterator[httpx.AsyncClient]:
    """Talks to the application without a network, on SQLite."""
    async with client_of(gateway(sqlite, Tail(sqlite, SystemClock()))) as client:
        yield client


@pytest.fixture
async def both(database: Database) -> AsyncIterator[httpx.AsyncClient]:
    """The same on both databases."""
    async with client_of(gateway(database, Tail(database, SystemClock()))) as client:
        yield client
