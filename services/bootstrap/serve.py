"""`liaison serve`: everything in one process."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import structlog
import uvicorn
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from services.bootstrap.application import application
from services.bootstrap.background import background
from services.bootstrap.parts import Brain, Core, open_brain, open_core, stream
from services.gateway.server import listen, server
from services.kernel.clock import Clock
from services.kernel.problems import TransientError
from services.kernel.settings import ConfigurationError, Settings
from services.kernel.stream.port import Stream

log = structlog.get_logger("liaison.serve")

Started = Callable[["Running"], Coroutine[Any, Any, None]]


class BackgroundFailure(RuntimeError):
    """The process could not go on with all of its work."""


@dataclass(slots=True)
class Running:
    """A process that serves. `first_key`: the administrator's key, if it was made just now."""

    core: Core
    brain: Brain
    carrier: Stream
    url: str
    first_key: str | None
    failed: asyncio.Event
    """Set when a background job has ended by a bug."""

    def sign_in_link(self, key: str) -> str:
        """An address that opens the board signed in with this API key: once, and soon."""
        return self.url + self.core.links.make(key)


async def serve(
    settings: Settings, started: Started | None = None, *, until: asyncio.Event | None = None
) -> None:
    """Serve until SIGTERM or SIGINT, or until the event; then drain and hand back.

    `started`: work to do beside serving, once everything runs; cancelled at the end. Raises
    `ConfigurationError` at the start.
    """
    stopping = until or asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    async with running(settings) as process:
        work = asyncio.create_task(started(process)) if started is not None else None
        ends = [asyncio.create_task(one.wait()) for one in (stopping, process.failed)]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        log.info("stopping")
        for task in (*ends, *([work] if work is not None else [])):
            task.cancel()
        await asyncio.gather(*ends, *([work] if work is not None else []), return_exceptions=True)
    if process.failed.is_set():
        raise BackgroundFailure("A background job has failed; the log says why. The process has stopped.")


@asynccontextmanager
async def running(settings: Settings, clock: Clock | None = None) -> AsyncIterator[Running]:
    """Everything runs inside the block: requests are answered, events handled, webhooks delivered."""
    async with AsyncExitStack() as stack:
        # First, because it is the commonest mistake and the cheapest to find.
        listening = stack.enter_context(contextlib.closing(listen(settings.host, settings.port)))
        if settings.port == 0 and "public_url" not in settings.model_fields_set:
            settings = settings.model_copy(update={"public_url": _url(listening)})
        with _starting(settings):
            core = await stack.enter_async_context(open_core(settings, clock))
            chosen = settings.admin_key
            first_key = await core.directory.ensure_admin(chosen.get_secret_value() if chosen else None)
            brain = await stack.enter_async_context(open_brain(core))
        carrier = stream(core)
        web = server(application(core, brain, carrier), settings)
        process = Running(core, brain, carrier, _url(listening), first_key, asyncio.Event())
        async with background(core, brain, carrier, process.failed.set):
            serving = asyncio.create_task(web.serve(sockets=[listening]), name="http")
            try:
                await _until_started(web, serving)
                yield process
            finally:
                core.tail.close()
                web.should_exit = True
                await serving


@contextlib.contextmanager
def _starting(settings: Settings) -> Iterator[None]:
    """What a running process waits through ends one that starts, in a sentence: somebody is watching it."""
    where = make_url(settings.database_url).render_as_string(hide_password=True)
    try:
        yield
    except TransientError as error:
        raise ConfigurationError(f"It cannot start. {error}") from error
    except DBAPIError as error:
        raise ConfigurationError(f"It cannot start. The database {where} answers: {error.orig}.") from error
    except OSError as error:
        raise ConfigurationError(f"It cannot start: {error} (LIAISON_DATABASE_URL is {where}).") from error


async def _until_started(web: uvicorn.Server, serving: asyncio.Task[None]) -> None:
    while not web.started:
        if serving.done():
            serving.result()
            raise RuntimeError("the web server ended while it started")
        await asyncio.sleep(0.01)


def _url(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    shown = "localhost" if host in {"127.0.0.1", "0.0.0.0", "::", "::1"} else host  # noqa: S104
    return f"http://{shown}:{port}"
