"""What PostgreSQL says when it cannot write: an outage with its reason, never a bug."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError

from services.kernel.database import IDLE_MS, Database, Pool, is_outage
from services.kernel.problems import Unavailable
from tests.conftest import create_postgresql_database
from tests.eventually import eventually


@pytest.fixture
async def database(postgresql: str) -> AsyncIterator[Database]:
    database = Database(await create_postgresql_database(postgresql))
    async with database.write() as tx:
        await tx.execute(text("CREATE TABLE things (id int)"))
    yield database
    await database.close()


async def test_a_database_that_only_reads_is_an_outage(database: Database) -> None:
    """A standby that has not been promoted yet answers so."""
    with pytest.raises(Unavailable, match="The database is read-only; nothing was written"):
        await _written(database, "SET TRANSACTION READ ONLY", "INSERT INTO things VALUES (1)")


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ("53100", "The database's disk is full"),
        ("58030", "The database's disk reports an error"),
        ("57P01", "The database is not available"),
    ],
)
async def test_what_the_server_says_of_itself_is_told(database: Database, state: str, says: str) -> None:
    with pytest.raises(Unavailable, match=says):
        await _written(database, f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{state}'; END $$")


async def test_a_mistake_of_ours_is_none(database: Database) -> None:
    with pytest.raises(DBAPIError) as caught:
        await _written(database, "INSERT INTO nothing VALUES (1)")
    assert not is_outage(caught.value)


async def test_whoever_sleeps_within_a_transaction_loses_it(database: Database) -> None:
    """A process that was stopped holds up nobody for longer, and when it wakes up nothing is written."""
    async with database.read() as tx:
        in_force = (await tx.execute(text("SHOW idle_in_transaction_session_timeout"))).scalar()
    assert in_force == f"{IDLE_MS // 1000}s"

    async def is_gone(pid: int) -> bool:
        async with database.read() as tx:
            found = await tx.execute(text("SELECT 1 FROM pg_stat_activity WHERE pid = :pid"), {"pid": pid})
            return found.scalar() is None

    async def write_slowly() -> None:
        async with database.write() as tx:
            await tx.execute(text("SET idle_in_transaction_session_timeout = 20"))
            await tx.execute(text("INSERT INTO things VALUES (1)"))
            sleeper = (await tx.execute(text("SELECT pg_backend_pid()"))).scalar_one()
            await eventually(lambda: is_gone(sleeper))
            await tx.execute(text("INSERT INTO things VALUES (2)"))

    with pytest.raises(Unavailable):
        await write_slowly()
    async with database.read() as tx:
        assert (await tx.execute(text("SELECT count(*) FROM things"))).scalar() == 0


async def test_a_server_that_dies_while_much_is_written_ends_the_waiting(postgresql: str) -> None:
    """The driver waits until the connection takes more, which it never does again."""
    url = make_url(await create_postgresql_database(postgresql))
    async with _dying_after(MUCH // 4, url) as (there, full):
        database = Database(there)
        async with database.write() as tx:
            await tx.execute(text("CREATE TABLE things (id text)"))
        rows = [{"id": "x" * 1_000} for _ in range(MUCH // 1_000)]

        async def write() -> None:
            async with database.write() as tx:
                await tx.execute(text("INSERT INTO things VALUES (:id)"), rows)

        writing = asyncio.create_task(write())
        await eventually(writing.done)
        assert full.is_set()
        with pytest.raises(Unavailable):
            await writing
        await database.close()


MUCH = 10_000_000
"""Bytes: far more than sockets hold that nobody reads from."""
TURNS = 100
"""Of the event loop, until the driver has filled the socket and waits."""


@asynccontextmanager
async def _dying_after(limit: int, url: URL) -> AsyncIterator[tuple[str, asyncio.Event]]:
    """A way to the server there: its URL. After so many bytes it takes nothing any more, and then is gone;
    the event: it has come to that."""
    full = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, questions = await _connected(url)
        back = asyncio.create_task(_pass_on(answers, writer))
        await _pass_on(reader, questions, limit)
        if not reader.at_eof():
            full.set()
            for _ in range(TURNS):
                await asyncio.sleep(0)
        back.cancel()
        for one in (writer, questions):
            one.transport.abort()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        there = url.difference_update_query(["host"]).set(host="127.0.0.1", port=port)
        yield there.render_as_string(hide_password=False), full


async def _connected(url: URL) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    folder, port = url.query.get("host"), url.port or 5432
    if folder is not None:
        return await asyncio.open_unix_connection(f"{folder}/.s.PGSQL.{port}")
    return await asyncio.open_connection(url.host, port)


async def _pass_on(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, at_most: int | None = None
) -> None:
    passed = 0
    while (at_most is None or passed < at_most) and (data := await reader.read(1 << 16)):
        writer.write(data)
        await writer.drain()
        passed += len(data)


async def _written(database: Database, *statements: str) -> None:
    async with database.write() as tx:
        for statement in statements:
            await tx.execute(text(statement))


async def test_whoever_gets_no_connection_is_told_so_in_time(postgresql: str) -> None:
    """503 by HTTP, as for every outage; and the next one is served."""
    database = Database(await create_postgresql_database(postgresql), pool=Pool(size=1, burst=1, wait_s=0.05))
    async with database.read(), database.read():
        with pytest.raises(Unavailable) as refused:
            async with database.read():
                pass
    assert refused.value.status == 503
    async with database.read() as tx:
        assert await tx.scalar(text("SELECT 1")) == 1
    await database.close()
