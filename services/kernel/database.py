"""The database: SQLite in one file by default, PostgreSQL by URL. One way to read, one way to write."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import orjson
from sqlalchemy import JSON, Connection, DateTime, Engine, MetaData, create_engine, event
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import URL, Dialect, make_url
from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import (
    AsyncConnection,
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeDecorator

from services.kernel.lost_connections import end_with_their_connection
from services.kernel.notify import SharedWakeups
from services.kernel.problems import Unavailable
from services.kernel.wakeups import Wakeups

SQLITE_BUSY_MS = 5_000
"""How long a writer of another process may hold the file before we answer 503: longer than any
transaction of ours takes, shorter than a client's patience."""

WRITER_WAIT_S = 5.0
"""SQLite: how long a writer waits for those of its own process that came before it, who may each wait
SQLITE_BUSY_MS for another process."""

WAL_RETRY_S = 0.005
"""The switch of a new file to WAL takes about as long; it happens once in the life of a file."""

SQLITE_READERS = 4
"""Connections that read beside the writer; each costs a thread."""

POOL_WAIT_S = 5.0
"""Whoever gets no connection within this time is told 503."""

IDLE_MS = 20_000
"""PostgreSQL ends a transaction that nobody has touched for so long: a process that was stopped in the midst
of one must not hold its locks before those who took over."""

_WAKE = "liaison.wake"


@dataclass(frozen=True, slots=True)
class Pool:
    """Connections of one process to PostgreSQL: `size` are kept open, `burst` more are made while many are
    wanted at once and closed again. The settings say why these numbers."""

    size: int = 10
    burst: int = 10
    wait_s: float = POOL_WAIT_S


T = TypeVar("T")


class Base(DeclarativeBase):
    """All tables. Constraint names are fixed, so that migrations can name them on both databases."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Instant(TypeDecorator[datetime]):
    """A timezone-aware instant, kept in UTC; a naive datetime is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Document(TypeDecorator[Any]):
    """A JSON document; JSONB on PostgreSQL."""

    impl = JSON
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        return dialect.type_descriptor(JSONB() if dialect.name == "postgresql" else JSON())


def _to_json(value: Any) -> str:
    return orjson.dumps(value).decode()


def wake_after_commit(tx: AsyncSession, topic: str) -> None:
    """Give the hint `topic` once this transaction has committed, and only then."""
    tx.info.setdefault(_WAKE, set()).add(topic)


class Database:
    """Transactions on one database.

    `read()` and `write()` are async context managers that yield a session in a transaction; leaving
    `write()` without an exception commits. Raises `Unavailable` (503, transient) when the database is
    locked, full, read-only or out of reach: then nothing was written.
    """

    def __init__(
        self, url: str, *, wakeups: Wakeups | None = None, pool: Pool | None = None, echo: bool = False
    ) -> None:
        self.url = make_url(url)
        self.dialect = self.url.get_backend_name()
        pool = pool or Pool()
        self._serial = asyncio.Lock()
        if self.dialect == "sqlite":
            self._durable = self._sqlite_engine(begin="BEGIN IMMEDIATE", synchronous="FULL", echo=echo)
            self._writer = self._sqlite_engine(begin="BEGIN IMMEDIATE", synchronous="NORMAL", echo=echo)
            self._reader = self._sqlite_engine(begin="BEGIN", synchronous="NORMAL", echo=echo)
            self._plain_writer = _PlainSqlite(self.url, begin="BEGIN IMMEDIATE")
            self._plain_reader = _PlainSqlite(self.url, begin="BEGIN")
        elif self.dialect == "postgresql":
            self._durable = self._writer = self._reader = create_async_engine(
                self.url.set(drivername="postgresql+asyncpg"),
                pool_size=pool.size,
                max_overflow=pool.burst,
                pool_timeout=pool.wait_s,
                pool_pre_ping=True,
                connect_args={"server_settings": {"idle_in_transaction_session_timeout": str(IDLE_MS)}},
                json_serializer=_to_json,
                json_deserializer=orjson.loads,
                echo=echo,
            )
            end_with_their_connection(self._writer.sync_engine)
        else:
            raise ValueError(
                f"database {self.dialect!r} is not supported: use sqlite:///path/to/file.db or "
                "postgresql://user:password@host/name"
            )
        self.wakeups = wakeups or (Wakeups() if self.is_serial else SharedWakeups(self.url))
        self._writing = async_sessionmaker(self._writer, expire_on_commit=False)
        self._accepting = async_sessionmaker(self._durable, expire_on_commit=False)
        self._reading = async_sessionmaker(self._reader, expire_on_commit=False)

    @property
    def is_serial(self) -> bool:
        """True where the database lets one writer in at a time, so that insert order is commit order."""
        return self.dialect == "sqlite"

    @property
    def engine(self) -> AsyncEngine:
        """The engine that writes; for migrations."""
        return self._writer

    def _sqlite_engine(self, *, begin: str, synchronous: str, echo: bool) -> AsyncEngine:
        if self.url.database and self.url.database != ":memory:":
            Path(self.url.database).parent.mkdir(parents=True, exist_ok=True)
        writer = begin != "BEGIN"
        engine = create_async_engine(
            self.url.set(drivername="sqlite+aiosqlite"),
            pool_size=1 if writer else SQLITE_READERS,
            max_overflow=0 if writer else SQLITE_READERS,
            pool_timeout=POOL_WAIT_S,
            json_serializer=_to_json,
            json_deserializer=orjson.loads,
            echo=echo,
        )
        _configure_sqlite(engine.sync_engine, begin=begin, synchronous=synchronous)
        return engine

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """A transaction that only reads: one consistent snapshot on SQLite."""
        with _translated():
            async with self._reading() as session, session.begin():
                await self._connect(session)
                yield session

    @asynccontextmanager
    async def write(self, *, durable: bool = False) -> AsyncIterator[AsyncSession]:
        """A transaction that writes. Keep it short: no model and no network call inside.

        Every commit survives a crash of the process. On SQLite a `durable` one survives a power cut too
        (the disk is waited for, 3-7 ms), and with it all before it: what the API has accepted is written
        so. What is derived from it is not waited for; after a power cut it is derived again.
        """
        sessions = self._accepting if durable else self._writing
        with _translated():
            if self.is_serial:
                async with self._turn(), sessions() as session, session.begin():
                    yield session
            else:
                async with sessions() as session, session.begin():
                    await self._connect(session)
                    yield session
        for topic in session.info.get(_WAKE, ()):
            self.wakeups.wake(topic)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[AsyncConnection]:
        """A connection in a transaction that sees one moment, however long it reads; writers go on. Raises
        `Unavailable` when it cannot be had; what goes wrong later comes as it is."""
        engine = self._reader
        if not self.is_serial:
            engine = engine.execution_options(isolation_level="REPEATABLE READ")
        async with AsyncExitStack() as stack:
            with _translated():
                connection = await stack.enter_async_context(engine.begin())
            yield connection

    async def in_one_go(self, work: Callable[[Connection], T], *, write: bool = False) -> T:
        """Run `work` on a plain connection in one transaction, and return what it returns.

        For hot paths of several statements. On SQLite all of it is one visit to a thread; through `read()`
        and `write()` each statement makes several, and each of those waits for a round of a busy event
        loop (measured: 20 ms instead of 3 for the courier's four statements). On PostgreSQL it is no
        faster and works the same. Raises as they do; `work` runs to its end even if the caller is
        cancelled.
        """
        with _translated():
            if not self.is_serial:
                engine = self._writer if write else self._reader
                try:
                    async with engine.begin() as connection:
                        return await connection.run_sync(work)
                except FileNotFoundError as error:
                    raise Unavailable(_UNREACHABLE) from error
            if write:
                async with self._turn():
                    return await self._plain_writer.run(work)
            return await self._plain_reader.run(work)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """In-process writers queue fairly here instead of spinning on SQLite's file lock; while another
        process holds that, nobody waits for all who came before."""
        try:
            async with asyncio.timeout(WRITER_WAIT_S):
                await self._serial.acquire()
        except TimeoutError:
            raise Unavailable(_BUSY, retry_after=2) from None
        try:
            yield
        finally:
            self._serial.release()

    async def _connect(self, session: AsyncSession) -> None:
        if self.is_serial:
            return
        try:
            await session.connection()
        except FileNotFoundError as error:  # the server's Unix socket, while the server is down
            raise Unavailable(_UNREACHABLE) from error

    async def share_wakeups(self) -> None:
        """Give wake-ups to the other processes on this database, and take theirs, until cancelled. Returns at
        once on SQLite, which is one process's own. Without it everything works, by polling."""
        if isinstance(self.wakeups, SharedWakeups):
            await self.wakeups.run()

    async def close(self) -> None:
        for engine in {self._reader, self._writer, self._durable}:
            await engine.dispose()
        if self.is_serial:
            self._plain_reader.close()
            self._plain_writer.close()


class _PlainSqlite:
    """One connection to the file, in a thread of its own."""

    def __init__(self, url: URL, *, begin: str) -> None:
        self._engine = create_engine(
            url.set(drivername="sqlite"),
            pool_size=1,
            max_overflow=0,
            json_serializer=_to_json,
            json_deserializer=orjson.loads,
        )
        _configure_sqlite(self._engine, begin=begin, synchronous="NORMAL")
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sqlite")

    async def run(self, work: Callable[[Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._transaction, work)

    def _transaction(self, work: Callable[[Connection], T]) -> T:
        with self._engine.begin() as connection:
            return work(connection)

    def close(self) -> None:
        self._thread.shutdown()
        self._engine.dispose()


def _configure_sqlite(engine: Engine, *, begin: str, synchronous: str) -> None:
    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        # The driver must not begin transactions on its own: it would begin them DEFERRED, and a
        # reader that turns writer under WAL fails at once with SQLITE_BUSY_SNAPSHOT.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={SQLITE_BUSY_MS}")
        _write_ahead(cursor)
        for pragma in (
            f"synchronous={synchronous}",
            "foreign_keys=ON",
            "cache_size=-65536",
            "temp_store=MEMORY",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def on_begin(connection: Any) -> None:
        connection.exec_driver_sql(begin)


def _write_ahead(cursor: Any) -> None:
    """Switch the file to WAL. Of connections that switch a new file together SQLite refuses all but one at
    once, whatever their busy timeout (they would wait for each other); the others find it done next time."""
    deadline = time.monotonic() + SQLITE_BUSY_MS / 1000
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
        time.sleep(WAL_RETRY_S)


class _translated:  # noqa: N801 - reads as a phrase: `with _translated():`
    """Turns the driver's errors about state of the database into `Unavailable`; bugs pass through."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, PoolTimeout):
            raise Unavailable("All database connections are busy. Try again in a moment.") from error
        if isinstance(error, DBAPIError) and is_outage(error):
            raise Unavailable(_outage_detail(error), retry_after=2) from error
        if isinstance(error, asyncpg.InternalClientError):  # the server died in the midst of an answer
            raise Unavailable(_UNREACHABLE) from error
        if isinstance(error, ConnectionError | OSError) and not isinstance(error, FileNotFoundError):
            raise Unavailable(_UNREACHABLE) from error


_BUSY = "The database is busy with other writers; nothing was written. Try again in a moment."
_UNREACHABLE = "The database cannot be reached. Try again in a moment."
_OUT = "The database is not available"

_OUTAGES: tuple[tuple[str, str], ...] = (
    ("database is locked", "The database is busy with another writer"),
    ("database or disk is full", "The disk is full"),
    ("disk i/o error", "The disk reports an error"),
    ("readonly database", "The database is read-only"),
    ("unable to open database", "The database file cannot be opened"),
)


_OUTAGE_CLASSES = frozenset({"08", "40", "53", "57", "58"})
"""SQLSTATE: connection, rollback (deadlock, serialisation), resources, intervention, the system beneath."""
_READ_ONLY, _IDLE = "25006", "25P03"
_OUTAGE_STATES = frozenset({_READ_ONLY, _IDLE})
"""A standby that has not been promoted yet, and a transaction that was given up while we were stopped."""
_SAID = {
    "53100": "The database's disk is full",
    "58030": "The database's disk reports an error",
    _READ_ONLY: "The database is read-only",
}


def _sqlstate(error: DBAPIError) -> str:
    """PostgreSQL's code; empty on SQLite, which has none."""
    state = getattr(error.orig, "sqlstate", None) or getattr(error.orig, "pgcode", None)
    return state if isinstance(state, str) else ""


def is_outage(error: DBAPIError) -> bool:
    """Whether a driver error tells of the database's state (try later) and not of our statement."""
    if error.connection_invalidated or isinstance(error, InterfaceError):
        return True
    text = str(error.orig).lower()
    if any(mark in text for mark, _ in _OUTAGES):
        return True
    state = _sqlstate(error)
    return state[:2] in _OUTAGE_CLASSES or state in _OUTAGE_STATES


def _outage_detail(error: DBAPIError) -> str:
    text = str(error.orig).lower()
    reason = _SAID.get(_sqlstate(error)) or next((said for mark, said in _OUTAGES if mark in text), _OUT)
    return f"{reason}; nothing was written. Try again in a moment."
