"""`liaison serve`: everything in one process."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import structlog
import uvicorn

from services.bootstrap.application import application
from services.bootstrap.parts import Brain, Core, open_brain, open_core, processors, stream
from services.courier.courier import Courier
from services.courier.http import Sender
from services.gateway.server import listen, server
from services.kernel import metrics
from services.kernel.clock import Clock
from services.kernel.journal.sequencer import Sequencer
from services.kernel.problems import TransientError
from services.kernel.settings import Settings
from services.kernel.stream.port import Stream
from services.kernel.vectors.edge import EdgeVectorIndex

MAINTAIN_S = 30.0
"""Between looks at whether the vector index wants optimising and whether anything lacks a vector."""

log = structlog.get_logger("liaison.serve")

Started = Callable[["Running"], Coroutine[Any, Any, None]]


@dataclass(slots=True)
class Running:
    """A process that serves. `first_key`: the administrator's key, if it was made just now."""

    core: Core
    brain: Brain
    carrier: Stream
    url: str
    first_key: str | None

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
        await stopping.wait()
        log.info("stopping")
        if work is not None:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)


@asynccontextmanager
async def running(settings: Settings, clock: Clock | None = None) -> AsyncIterator[Running]:
    """Everything runs inside the block: requests are answered, events handled, webhooks delivered."""
    async with AsyncExitStack() as stack:
        # First, because it is the commonest mistake and the cheapest to find.
        listening = stack.enter_context(contextlib.closing(listen(settings.host, settings.port)))
        if settings.port == 0 and "public_url" not in settings.model_fields_set:
            settings = settings.model_copy(update={"public_url": _url(listening)})
        core = await stack.enter_async_context(open_core(settings, clock))
        chosen = settings.admin_key
        first_key = await core.directory.ensure_admin(chosen.get_secret_value() if chosen else None)
        brain = await stack.enter_async_context(open_brain(core))
        web = server(application(core, brain), settings)
        carrier = stream(core)
        process = Running(core, brain, carrier, _url(listening), first_key)
        async with _background(core, brain, carrier):
            serving = asyncio.create_task(web.serve(sockets=[listening]), name="http")
            try:
                await _until_started(web, serving)
                yield process
            finally:
                web.should_exit = True
                await serving


@asynccontextmanager
async def _background(core: Core, brain: Brain, carrier: Stream) -> AsyncIterator[None]:
    """Sequencer, tail, handlers, courier and upkeep, until the block ends; then each drains."""
    sender = Sender(core.guard, clock=core.clock)
    courier = Courier(core.database, sender, core.guard, core.secrets.box, core.clock)
    jobs: list[tuple[str, Coroutine[Any, Any, None]]] = [
        ("tail", core.tail.run()),
        ("upkeep", _keep_index(core, brain)),
        ("warm", _warm(brain)),
    ]
    if not core.database.is_serial:
        jobs.append(("sequencer", Sequencer(core.database, core.clock).run()))
    cancelled = [asyncio.create_task(job, name=name) for name, job in jobs]
    draining = [
        asyncio.create_task(carrier.run(processors(core, brain.handlers)), name="stream"),
        asyncio.create_task(courier.run(), name="courier"),
    ]
    for task in (*cancelled, *draining):
        task.add_done_callback(_report)
    try:
        yield
    finally:
        courier.stop()
        await carrier.stop()
        for task in cancelled:
            task.cancel()
        await asyncio.gather(*cancelled, *draining, return_exceptions=True)
        await sender.close()


async def _keep_index(core: Core, brain: Brain) -> None:
    """Mend the index, change its model if another is configured, and keep it quick."""
    if brain.generations.building is not None:
        await brain.upkeep.change_model()
    else:
        await brain.upkeep.repair()
    while True:
        with contextlib.suppress(TransientError):
            lacking = await brain.upkeep.lacking()
            metrics.WITHOUT_VECTOR.set(lacking)
            if lacking:
                log.error("profiles lack vectors and cannot be found", companies=lacking)
            if isinstance(brain.index, EdgeVectorIndex):
                await brain.index.maintain()
        await core.clock.sleep(MAINTAIN_S)


async def _warm(brain: Brain) -> None:
    """Read profiles into memory, so that the first challenge is matched as fast as the next."""
    with contextlib.suppress(TransientError):
        await brain.profiles.warm()


def _report(task: asyncio.Task[None]) -> None:
    """A background job that ends by an error must be seen, not found out."""
    if not task.cancelled() and (error := task.exception()) is not None:
        log.critical("a background job has ended", job=task.get_name(), exc_info=error)


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
