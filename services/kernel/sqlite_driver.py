"""SQLite's connections for SQLAlchemy's asyncio: one hop to their thread per statement.

aiosqlite sends every call to the connection's thread and waits for the answer: a cursor is made, it executes,
its rows are fetched, it is closed. On an event loop that is busy each of these hops waits for a round of the
loop, so a transaction of three statements waits some fifteen times. Here a statement executes, fetches and
closes in one visit; BEGIN travels with the first statement; and what needs no work makes no visit at all.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Self

import aiosqlite

Rows = Sequence[Any]

READING = "BEGIN"
"""Begins a transaction that takes no lock until it writes; those of readers never do."""


class OneHopCursor:
    """What SQLAlchemy's adapter asks of a cursor. All rows are in memory once `execute` returns."""

    arraysize = 1

    def __init__(self, connection: OneHopConnection) -> None:
        self._connection = connection
        self._rows: Rows = ()
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None

    async def __aenter__(self) -> Self:
        return self

    async def execute(self, sql: str, parameters: Iterable[Any] = ()) -> Self:
        if self._connection.holds_back(sql):
            self.description = None
            return self
        await self._connection.visit(lambda cursor: self._run(cursor.execute, sql, parameters))
        return self

    async def executemany(self, sql: str, parameters: Iterable[Iterable[Any]]) -> Self:
        await self._connection.visit(lambda cursor: self._run(cursor.executemany, sql, parameters))
        return self

    def _run(self, execute: Callable[[str, Any], sqlite3.Cursor], sql: str, parameters: Any) -> None:
        """In the connection's thread."""
        cursor = execute(sql, parameters)
        self.description = cursor.description
        self._rows = cursor.fetchall() if cursor.description else ()
        # With RETURNING, rows are counted as they are fetched.
        self.rowcount, self.lastrowid = cursor.rowcount, cursor.lastrowid

    async def fetchall(self) -> Rows:
        rows, self._rows = self._rows, ()
        return rows

    async def close(self) -> None:
        self._rows = ()


class OneHopConnection(aiosqlite.Connection):
    """A connection whose transactions begin with the statement `begin`."""

    def __init__(self, connector: Callable[[], sqlite3.Connection], begin: str) -> None:
        super().__init__(connector, iter_chunk_size=64)
        self._thread.daemon = True
        self._begin = begin
        self._is_to_begin = False
        self._is_given_up = False
        """A visit was not waited for to its end: what it did to the transaction is not known here."""

    def cursor(self) -> OneHopCursor:  # type: ignore[override]
        return OneHopCursor(self)

    def holds_back(self, sql: str) -> bool:
        """Whether this statement is BEGIN: then it is executed together with the next one."""
        if sql == self._begin:
            self._is_to_begin = True
            return True
        return False

    async def visit(self, work: Callable[[sqlite3.Cursor], None]) -> None:
        """Run `work` on a cursor in the connection's thread, after BEGIN where that is due."""
        begin, self._is_to_begin = self._is_to_begin, False

        def run() -> None:
            cursor = self._conn.cursor()
            try:
                if begin:
                    cursor.execute(self._begin)
                work(cursor)
            finally:
                cursor.close()

        try:
            await self._execute(run)  # type: ignore[no-untyped-call]
        except asyncio.CancelledError:
            self._is_given_up = True
            raise

    async def commit(self) -> None:
        await self._end(super().commit, self._conn.commit)

    async def rollback(self) -> None:
        await self._end(super().rollback, self._conn.rollback)

    async def _end(self, in_thread: Callable[[], Awaitable[None]], here: Callable[[], None]) -> None:
        self._is_to_begin = False
        if self._is_given_up:  # the thread does one thing after the other: this comes after that visit
            self._is_given_up = False
            await in_thread()
        elif self._conn.in_transaction:
            if self._begin == READING:
                here()  # it lets go of a snapshot: a microsecond
            else:
                await in_thread()


def connecting(file: str, begin: str) -> Callable[[], OneHopConnection]:
    """For `create_async_engine(async_creator=…)`. `begin`: the statement that its transactions begin with."""

    def connector() -> sqlite3.Connection:
        return sqlite3.connect(file, check_same_thread=False)

    return lambda: OneHopConnection(connector, begin)
