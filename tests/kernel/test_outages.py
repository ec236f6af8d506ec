"""What PostgreSQL says when it cannot write: an outage with its reason, never a bug."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from services.kernel.database import IDLE_MS, Database, is_outage
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


async def _written(database: Database, *statements: str) -> None:
    async with database.write() as tx:
        for statement in statements:
            await tx.execute(text(statement))
