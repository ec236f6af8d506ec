"""One hop per statement, and still the transactions that were asked for."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from services.kernel import sqlite_driver
from services.kernel.database import Database
from services.kernel.problems import Unavailable
from services.kernel.sqlite_driver import OneHopConnection


@pytest.fixture
async def table(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
    async with database.write() as tx:
        await tx.execute(text("CREATE TABLE numbers (n INTEGER PRIMARY KEY)"))
    yield database
    await database.close()


async def numbers(database: Database) -> list[int]:
    async with database.read() as tx:
        return list((await tx.execute(text("SELECT n FROM numbers ORDER BY n"))).scalars())


async def test_a_transaction_is_one_visit_per_statement_and_one_to_commit(
    table: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    visits: list[str] = []
    send = OneHopConnection._execute

    async def counted(self: OneHopConnection, work: object, *rest: object) -> object:
        visits.append(getattr(work, "__name__", ""))
        return await send(self, work, *rest)  # type: ignore[no-untyped-call]

    async with table.read() as tx:  # connections are open now
        await tx.execute(text("SELECT 1"))
    monkeypatch.setattr(OneHopConnection, "_execute", counted)
    async with table.write() as tx:
        await tx.execute(text("INSERT INTO numbers VALUES (1)"))
        assert (await tx.execute(text("SELECT n FROM numbers"))).scalars().all() == [1]
    assert visits == ["run", "run", "commit"]
    visits.clear()
    assert await numbers(table) == [1]
    assert visits == ["run"]


async def write_then(table: Database, *values: int, problem: Exception | None = None) -> None:
    async with table.write() as tx:
        for n in values:
            await tx.execute(text("INSERT INTO numbers VALUES (:n)"), {"n": n})
        if problem:
            raise problem


async def test_what_fails_is_undone_as_a_whole(table: Database) -> None:
    with pytest.raises(IntegrityError):
        await write_then(table, 1, 1)
    with pytest.raises(RuntimeError, match="changed my mind"):
        await write_then(table, 2, problem=RuntimeError("changed my mind"))
    assert await numbers(table) == []


async def test_rows_given_back_are_counted(table: Database) -> None:
    async with table.write() as tx:
        await tx.execute(text("INSERT INTO numbers VALUES (:n)"), [{"n": n} for n in range(5)])
        changed = await tx.execute(text("UPDATE numbers SET n = n + 10 WHERE n > 1 RETURNING n"))
        assert sorted(changed.scalars()) == [12, 13, 14]
        removed = await tx.execute(text("DELETE FROM numbers WHERE n < 10"))
        assert removed.rowcount == 2  # type: ignore[attr-defined]


async def test_a_reader_sees_one_state_of_the_database(table: Database) -> None:
    async with table.read() as tx:
        query = text("SELECT count(*) FROM numbers")
        assert (await tx.execute(query)).scalar() == 0
        async with table.write() as other:
            await other.execute(text("INSERT INTO numbers VALUES (1)"))
        assert (await tx.execute(query)).scalar() == 0
    assert await numbers(table) == [1], "and the next transaction the next state"


async def test_a_lock_held_elsewhere_is_an_outage(table: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    async with table.write() as tx:
        await tx.execute(text("PRAGMA busy_timeout = 20"))
    holder = sqlite3.connect(str(table.url.database), isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable):
        async with table.write() as tx:
            await tx.execute(text("INSERT INTO numbers VALUES (1)"))
    holder.execute("ROLLBACK")
    holder.close()
    async with table.write() as tx:
        await tx.execute(text("INSERT INTO numbers VALUES (2)"))
    assert await numbers(table) == [2]


@pytest.mark.parametrize("rounds", [0, 1, 2, 3])
async def test_a_statement_that_was_given_up_leaves_nothing_behind(table: Database, rounds: int) -> None:
    """Cancelled while its thread is at work: the transaction is undone, and the next one works."""

    async def insert() -> None:
        async with table.write() as tx:
            many = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 200000) "
            await tx.execute(text(f"INSERT INTO numbers {many} SELECT n FROM c"))

    task = asyncio.create_task(insert())
    for _ in range(rounds):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with table.write() as tx:
        await tx.execute(text("INSERT INTO numbers VALUES (-1)"))
    assert await numbers(table) == [-1]


def test_the_statement_that_begins_is_told_from_others() -> None:
    connection = OneHopConnection(lambda: sqlite3.connect(":memory:"), "BEGIN IMMEDIATE")
    assert connection.holds_back("BEGIN IMMEDIATE")
    assert not connection.holds_back(sqlite_driver.READING)
