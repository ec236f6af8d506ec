"""SQLite, where it needs more care than a server: several processes on one new file."""

from __future__ import annotations

import asyncio
from pathlib import Path

from sqlalchemy import text

from services.kernel.database import Database

FILES = 20
"""Enough that without the second try at least one of them was refused in nine runs of ten."""


async def test_many_may_open_a_new_file_together(tmp_path: Path) -> None:
    async def opened(database: Database) -> str:
        async with database.engine.begin() as connection:
            return str((await connection.execute(text("PRAGMA journal_mode"))).scalar_one())

    for number in range(FILES):
        together = [Database(f"sqlite:///{tmp_path}/{number}.db") for _ in range(4)]
        try:
            assert await asyncio.gather(*map(opened, together)) == ["wal"] * 4
        finally:
            for database in together:
                await database.close()
