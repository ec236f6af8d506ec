"""The application over real HTTP: uvicorn on a free port, and a reader of Server-Sent Events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson
from fastapi import APIRouter, FastAPI

from services.gateway.app import create_app
from services.gateway.server import listen, server
from services.kernel import journal
from services.kernel.clock import SystemClock
from services.kernel.database import Database
from services.kernel.journal.tail import Tail
from services.kernel.security import SecretBox
from services.kernel.settings import Settings
from services.kernel.web.ports import WebPorts
from services.kernel.web.session import Sessions
from tests.conftest import MovableClock
from tests.kernel.web.application import KnownKeys

DEADLINE_S = 20.0
"""For whatever a test waits for: far above what it takes, below the test's own limit."""


def gateway(
    database: Database, tail: Tail, clock: MovableClock | None = None, *routers: APIRouter, **settings: Any
) -> FastAPI:
    ports = WebPorts(
        database=database,
        authenticator=KnownKeys(),
        sessions=Sessions("x" * 40, secure=False),
        box=SecretBox([SecretBox.new_key()]),
        clock=clock or SystemClock(),
    )
    return create_app(Settings(**settings), ports, tail, routers)


@asynccontextmanager
async def running_tail(database: Database) -> AsyncIterator[Tail]:
    tail = Tail(database, SystemClock())
    running = asyncio.create_task(tail.run())
    yield tail
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[str]:
    """The address of the application, served by uvicorn as in production."""
    listening = listen("127.0.0.1", 0)
    port = listening.getsockname()[1]
    uvicorn = server(app, Settings())
    serving = asyncio.create_task(uvicorn.serve(sockets=[listening]))
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        uvicorn.should_exit = True
        await serving
        listening.close()


async def append(database: Database, *events: journal.NewEvent) -> None:
    async with database.write() as tx:
        await journal.append(tx, events, now=SystemClock().now())
    if not database.is_serial:
        async with database.write() as tx:
            await journal.sequence(tx)


def an_event(
    number: int,
    *,
    audience: frozenset[str] = frozenset(),
    public: bool = False,
    kind: str = "liaison.challenge.announced.v1",
    subject: str = "challenge/x",
    size: int = 0,
) -> journal.NewEvent:
    data = {"number": number, "filling": "x" * size}
    return journal.NewEvent(kind, subject, "x", data, audience=audience, public=public)


@dataclass
class Frame:
    """One event as a reader of the stream sees it."""

    id: str = ""
    event: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    comment: str = ""

    @property
    def number(self) -> int:
        return int(self.data["data"]["number"])


async def frames(response: httpx.Response) -> AsyncIterator[Frame]:
    """Frames of a `text/event-stream`, comments too; ends when the connection does."""
    frame = Frame()
    async for line in response.aiter_lines():
        name, _, value = line.partition(": ")
        if not line:
            yield frame
            frame = Frame()
        elif name in ("id", "event"):
            setattr(frame, name, value)
        elif name == "data":
            frame.data = orjson.loads(value)
        elif line.startswith(":"):
            frame.comment = line.lstrip(": ")


async def eventually(holds: Callable[[], bool], deadline_s: float = DEADLINE_S) -> None:
    """Wait until the condition holds; fails after the deadline."""
    async with asyncio.timeout(deadline_s):
        while not holds():  # noqa: ASYNC110 - what is looked at sets no event
            await asyncio.sleep(0.01)
