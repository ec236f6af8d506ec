"""Fixtures of the web pieces."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from services.kernel.database import Database
from tests.conftest import MovableClock
from tests.kernel.web.application import application, client_of


@pytest.fixture
def app(database: Database, clock: MovableClock) -> FastAPI:
    return application(database, clock)


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Talks to the application on both databases."""
    async with client_of(app) as client:
        yield client


@pytest.fixture
async def simple(sqlite: Database, clock: MovableClock) -> AsyncIterator[httpx.AsyncClient]:
    """Talks to the application on SQLite alone."""
    async with client_of(application(sqlite, clock)) as client:
        yield client
