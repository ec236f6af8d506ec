"""A transaction on a plain connection, on both databases."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from services.kernel.database import Database
from services.kernel.problems import Unavailable


def _count(tx: Connection) -> int:
    return int(tx.execute(text("SELECT count(*) FROM idempotency_keys")).scalar_one())


def _insert(tx: Connection, key: str) -> None:
    tx.execute(
        text(
            "INSERT INTO idempotency_keys (organisation, key, fingerprint, expires_at, sealed) "
            "VALUES ('org', :key, 'x', '2026-01-01 00:00:00', false)"
        ),
        {"key": key},
    )


async def test_what_is_written_is_committed_at_the_end(database: Database) -> None:
    def work(tx: Connection) -> int:
        _insert(tx, "a")
        return _count(tx)

    assert await database.in_one_go(work, write=True) == 1
    assert await database.in_one_go(_count) == 1
    async with database.read() as tx:
        assert await tx.run_sync(lambda session: _count(session.connection())) == 1


async def test_an_exception_undoes_everything(database: Database) -> None:
    def work(tx: Connection) -> None:
        _insert(tx, "a")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await database.in_one_go(work, write=True)
    assert await database.in_one_go(_count) == 0


async def test_writers_of_both_kinds_take_turns(database: Database) -> None:
    async def plain(number: int) -> None:
        await database.in_one_go(lambda tx: _insert(tx, f"plain{number}"), write=True)

    async def session(number: int) -> None:
        async with database.write() as tx:
            await tx.run_sync(lambda running: _insert(running.connection(), f"session{number}"))

    await asyncio.gather(*(kind(number) for number in range(20) for kind in (plain, session)))
    assert await database.in_one_go(_count) == 40


async def test_a_database_that_cannot_be_opened_is_unavailable(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'liaison.db'}")
    (tmp_path / "liaison.db").mkdir()
    with pytest.raises(Unavailable):
        await database.in_one_go(_count)
    await database.close()
