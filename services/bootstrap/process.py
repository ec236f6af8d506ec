"""What every process has: a web server on a port, jobs, an end on SIGTERM, and a truth about its health."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog
import uvicorn
from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from starlette.types import ASGIApp
from threadpoolctl import threadpool_limits

from services.bootstrap.jobs import Jobs
from services.bootstrap.parts import Core
from services.bootstrap.watch import LoopWatch, last_resort
from services.gateway import health
from services.gateway.health import Check
from services.gateway.server import server
from services.kernel.database import Database
from services.kernel.problems import TransientError
from services.kernel.settings import ConfigurationError, Settings

log = structlog.get_logger("liaison.process")


class BackgroundFailure(RuntimeError):
    """The process could not go on with all of its work."""


@dataclass(slots=True)
class Process:
    """A process that works. `url`: of its web server; `first_key`: the administrator's key, if it was made
    just now."""

    core: Core
    jobs: Jobs
    url: str
    first_key: str | None


SWITCH_INTERVAL_S = 0.0005
"""How long a thread that computes may keep the interpreter from one that waits for it: a tenth of Python's
default. A webhook on its way changes threads some forty times while the other suggestions are explained in
one; with the default the first one arrived a fifth later."""

BLAS_THREADS = 1
"""Threads of a matrix product. Those that a BLAS keeps of its own go on spinning for a while after each
product, on cores that others wait for; products here are small, and several threads make them already."""

_WRITES_REFUSED = "SELECT pg_is_in_recovery() OR current_setting('default_transaction_read_only')::boolean"
"""Of PostgreSQL: several processes have no other database."""

P = TypeVar("P", bound=Process)
Started = Callable[[P], Coroutine[Any, Any, None]]


async def run(
    opening: AbstractAsyncContextManager[P],
    started: Started[P] | None = None,
    *,
    until: asyncio.Event | None = None,
) -> None:
    """Work until SIGTERM or SIGINT, or until the event; then drain and hand back, within 10 s.

    `started`: work to do beside, once everything runs; cancelled at the end. Raises `ConfigurationError` at
    the start, and `BackgroundFailure` when a job has ended by a bug.
    """
    stopping = until or asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    async with contextlib.AsyncExitStack() as stack:
        process = await stack.enter_async_context(opening)
        gc.collect()
        gc.freeze()  # what is there now stays: to look through it all took a quarter of a second each time
        process.jobs.start("loop watch", LoopWatch().run(process.core.clock))
        work = [asyncio.create_task(started(process))] if started is not None else []
        ends = [asyncio.create_task(one.wait()) for one in (stopping, process.jobs.failed)]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        log.info("stopping")
        last_resort.arm()
        for task in (*ends, *work):
            task.cancel()
        await asyncio.gather(*ends, *work, return_exceptions=True)
    if process.jobs.failed.is_set():
        raise BackgroundFailure("A background job has failed; the log says why. The process has stopped.")


@contextlib.contextmanager
def starting(settings: Settings) -> Iterator[None]:
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


@asynccontextmanager
async def answering(app: ASGIApp, settings: Settings, listening: socket.socket) -> AsyncIterator[None]:
    """The web server answers inside the block; at its end it lets requests under way finish."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    threadpool_limits(BLAS_THREADS, user_api="blas")
    web = server(app, settings)
    serving = asyncio.create_task(web.serve(sockets=[listening]), name="http")
    try:
        await _until_started(web, serving)
        yield
    finally:
        web.should_exit = True
        await serving


def health_application(core: Core, checks: Mapping[str, Check]) -> FastAPI:
    """Health and metrics of a process without an API: all that it does it writes down, so that it is ready
    only where the database takes that. A gateway goes on answering what only reads."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.include_router(health.router(core.database, {"writing": _takes_writes(core.database), **checks}))
    return app


def _takes_writes(database: Database) -> Check:
    """Not after a failover to a standby that has not been promoted yet, nor where somebody has set it so."""

    async def check() -> str | None:
        async with database.read() as tx:
            refused = await tx.scalar(text(_WRITES_REFUSED))
        return "the database takes no writes" if refused else None

    return check


def not_stopping(jobs: Jobs) -> Check:
    """Not ready from the moment on at which it is asked to end, or a job has failed."""

    async def check() -> str | None:
        if jobs.failed.is_set():
            return "a job has failed"
        return "it is being stopped" if jobs.is_closing else None

    return check


async def _until_started(web: uvicorn.Server, serving: asyncio.Task[None]) -> None:
    while not web.started:
        if serving.done():
            serving.result()
            raise RuntimeError("the web server ended while it started")
        await asyncio.sleep(0.01)


def address(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    shown = "localhost" if host in {"127.0.0.1", "0.0.0.0", "::", "::1"} else host  # noqa: S104
    return f"http://{shown}:{port}"
