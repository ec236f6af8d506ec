"""Wake-ups that reach every process on one PostgreSQL database: `NOTIFY` out, `LISTEN` in.

They are sent after the commit, from a connection of their own and several at once, not inside the
transactions: a `NOTIFY` in a transaction makes all committing writers queue for one lock of the server. What
is lost when a process dies in between is a hint, and found by the next poll.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import structlog
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from services.kernel.wakeups import Wakeups

CHANNEL = "liaison"
CHECK_S = 5.0
"""Between questions whether the connection still stands, while nothing is sent."""
ANSWER_S = 5.0
"""How long the server may take for one of our few words before the connection counts as dead."""
RETRY_S = 1.0
"""Between attempts to connect; polls are quick again meanwhile."""

PROCESS = "liaison "
"""Begins the name of this connection in `pg_stat_activity`: every process that works has one, no command."""
NAME_BYTES = 63
"""PostgreSQL keeps no more of a name."""

log = structlog.get_logger("liaison.wakeups")

_LOST = (
    OSError,
    TimeoutError,
    SQLAlchemyError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    # What the driver says when the server dies in the midst of an answer: it means its own state, not ours.
    asyncpg.InternalClientError,
)


class SharedWakeups(Wakeups):
    """Wake-ups within this process at once, and to and from the others as long as `run` runs."""

    def __init__(self, url: URL) -> None:
        super().__init__()
        self._url = url.set(drivername="postgresql+asyncpg")
        self._origin = secrets.token_hex(8)
        """Tells our own words, which come back to us, from those of others."""
        self._outgoing: set[str] = set()
        self._ring = asyncio.Event()

    def wake(self, topic: str) -> None:
        super().wake(topic)
        self._outgoing.add(topic)
        self._ring.set()

    async def run(self) -> None:
        """Run until cancelled; a connection that breaks is made anew."""
        while True:
            try:
                async with self._listening() as connection:
                    await self._pass_on(connection)
            except _LOST as error:
                log.warning("wake-ups of other processes do not arrive; polling", error=type(error).__name__)
            await asyncio.sleep(RETRY_S)

    @asynccontextmanager
    async def _listening(self) -> AsyncIterator[Any]:
        name = f"{PROCESS}{socket.gethostname()}/{os.getpid()}"[:NAME_BYTES]
        settings = {"server_settings": {"application_name": name}}
        engine = create_async_engine(self._url, poolclass=NullPool, connect_args=settings)
        try:
            async with engine.connect() as pooled:
                connection: Any = (await pooled.get_raw_connection()).driver_connection
                await connection.add_listener(CHANNEL, self._heard)
                connection.add_termination_listener(lambda _: self._ring.set())
                self.is_shared = True
                self.wake_all()  # what was said before we listened
                try:
                    yield connection
                finally:
                    self.is_shared = False
                    with contextlib.suppress(*_LOST):
                        await connection.remove_listener(CHANNEL, self._heard)
        finally:
            with contextlib.suppress(*_LOST):
                await engine.dispose()

    async def _pass_on(self, connection: Any) -> None:
        """Send what is to be sent, and notice when nobody is there any more."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CHECK_S):
                    await self._ring.wait()
            self._ring.clear()
            topics, self._outgoing = self._outgoing, set()
            words = [f"{self._origin} {topic}" for topic in sorted(topics)]
            await connection.execute(
                "SELECT pg_notify($1, word) FROM unnest($2::text[]) AS word", CHANNEL, words, timeout=ANSWER_S
            )

    def _heard(self, _connection: Any, _pid: int, _channel: str, payload: str) -> None:
        origin, _, topic = payload.partition(" ")
        if origin != self._origin:
            Wakeups.wake(self, topic)
