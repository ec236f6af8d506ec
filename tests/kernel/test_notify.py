"""Wake-ups from one process to another, by PostgreSQL: a hint that arrives at once, and may be lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from services.kernel.database import Database, wake_after_commit
from services.kernel.wakeups import SHARED_POLL_S
from tests.conftest import create_postgresql_database
from tests.eventually import DEADLINE_S, eventually

TOPIC = "courier"


@pytest.fixture
async def url(postgresql: str) -> str:
    return await create_postgresql_database(postgresql)


@asynccontextmanager
async def a_process(url: str) -> AsyncIterator[Database]:
    """What a process has of it."""
    database = Database(url)
    sharing = asyncio.create_task(database.share_wakeups())
    try:
        await eventually(lambda: database.wakeups.is_shared)
        yield database
    finally:
        sharing.cancel()
        await asyncio.gather(sharing, return_exceptions=True)
        await database.close()


async def say(database: Database) -> None:
    async with database.write() as tx:
        wake_after_commit(tx, TOPIC)


async def test_another_process_is_woken_after_the_commit(url: str) -> None:
    async with a_process(url) as speaker, a_process(url) as listener:
        assert listener.wakeups.poll_s(0.2) == SHARED_POLL_S
        token = listener.wakeups.token(TOPIC)
        await say(speaker)
        assert await listener.wakeups.wait(TOPIC, token, DEADLINE_S)


async def test_nobody_is_woken_twice_by_its_own_word(url: str) -> None:
    async with a_process(url) as speaker, a_process(url) as listener:
        before, heard = speaker.wakeups.token(TOPIC), listener.wakeups.token(TOPIC)
        await say(speaker)
        assert await listener.wakeups.wait(TOPIC, heard, DEADLINE_S)
        assert speaker.wakeups.token(TOPIC) == before + 1


async def test_a_connection_that_broke_is_made_anew_and_polls_are_quick_meanwhile(url: str) -> None:
    async with a_process(url) as speaker, a_process(url) as listener:
        admin = await asyncpg.connect(url)
        quick: list[float] = []

        def is_back() -> bool:
            quick.append(listener.wakeups.poll_s(0.2))
            return listener.wakeups.is_shared and 0.2 in quick

        try:
            await admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        finally:
            await admin.close()
        await eventually(is_back)
        await eventually(lambda: speaker.wakeups.is_shared)
        token = listener.wakeups.token(TOPIC)
        began = time.monotonic()
        while not await listener.wakeups.wait(TOPIC, token, 0.5):
            assert time.monotonic() - began < DEADLINE_S
            await say(speaker)


async def test_on_sqlite_there_is_nobody_else(sqlite: Database) -> None:
    await asyncio.wait_for(sqlite.share_wakeups(), 1)
    assert sqlite.wakeups.poll_s(0.2) == 0.2
