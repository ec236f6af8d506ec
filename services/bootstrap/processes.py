"""Liaison as several processes on one PostgreSQL: gateways, workers, relays, couriers, any number of each.

    gateway   answers requests: API, board, live streams. Has no index, and searches in one on a Qdrant
              server; loads a model only for searches and for streams of saved queries. Sessions need the
              same secrets in every gateway; rates and streams are counted by each gateway for itself.
    worker    indexing, matching, consortia, pairing, notification, the inbox; `only` names some. One alone
              may have the embedded vector store; several need a Qdrant server.
    relay     gives entries of the journal their positions, and publishes them to Kafka where that is the
              stream. One is active, by lease; the others wait to succeed it.
    courier   delivers webhooks. An endpoint is served by one courier at a time, by lease.

Each is ready when it can do its work, or could take it over at once.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Self

from services.bootstrap import rooms, work
from services.bootstrap.application import application
from services.bootstrap.encoders import QueriesOnDemand
from services.bootstrap.jobs import Jobs
from services.bootstrap.parts import Core, open_brain, open_core, stream
from services.bootstrap.process import (
    Process,
    address,
    answering,
    health_application,
    not_stopping,
    starting,
)
from services.bootstrap.searching import SearchOnDemand
from services.gateway.health import Check
from services.gateway.server import listen
from services.indexing.collections import COMPANIES
from services.indexing.elsewhere import IndexElsewhere
from services.kernel.settings import ConfigurationError, Settings, StreamKind
from services.kernel.stream.port import Stream
from services.kernel.vectors.port import VectorIndex


@asynccontextmanager
async def gateway(settings: Settings) -> AsyncIterator[Process]:
    """Answers requests inside the block. Raises `ConfigurationError`."""
    _several(settings)
    async with AsyncExitStack() as stack:
        listening = stack.enter_context(contextlib.closing(listen(settings.host, settings.port)))
        with starting(settings):
            core = await stack.enter_async_context(open_core(settings))
            chosen = settings.admin_key
            first_key = await core.directory.ensure_admin(chosen.get_secret_value() if chosen else None)
        jobs, queries = Jobs(), QueriesOnDemand(settings, core.database)
        stack.push_async_callback(queries.close)
        index = IndexElsewhere(core.database, core.clock)
        lag = rooms.lag(settings, core.database)
        searched = SearchOnDemand(settings, core.database)
        stack.push_async_callback(searched.close)
        app = application(core, index, queries, lag, searched, {"process": not_stopping(jobs)})
        work.hear(core, jobs)
        work.measure(core, jobs)
        work.follow(core, jobs)
        work.answer(core, jobs)
        stack.push_async_callback(jobs.close)
        await stack.enter_async_context(answering(app, settings, listening))
        stack.callback(jobs.begin_closing)  # beside the requests that finish: there are 10 s for both
        stack.callback(core.tail.close)
        yield Process(core, jobs, address(listening), first_key)


@asynccontextmanager
async def worker(settings: Settings, only: Iterable[str] = ()) -> AsyncIterator[Process]:
    """Handles events inside the block. `only`: rooms; none: all. Raises `ConfigurationError`."""
    _several(settings)
    wanted = rooms.chosen(only, settings)
    async with AsyncExitStack() as stack:
        base = await _Base.open(settings, stack)
        core, jobs = base.core, base.jobs
        brain = None
        if wanted & rooms.WITH_INDEX:
            with starting(settings):
                brain = await stack.enter_async_context(open_brain(core))
        on_demand = QueriesOnDemand(settings, core.database)
        stack.push_async_callback(on_demand.close)
        queries = on_demand if brain is None else brain.queries
        carrier = stream(core, rooms=wanted, relays=False)
        if settings.stream is StreamKind.journal:
            work.follow(core, jobs)
        work.handle(core, jobs, carrier, brain=brain, queries=queries, rooms=wanted)
        checks = {"stream": _carries(carrier)}
        if brain is not None:
            checks["vectors"] = _has(brain.index)
        yield await base.begun(stack, checks)


@asynccontextmanager
async def relay(settings: Settings) -> AsyncIterator[Process]:
    """Gives positions and publishes inside the block. Raises `ConfigurationError`."""
    _several(settings)
    async with AsyncExitStack() as stack:
        base = await _Base.open(settings, stack)
        work.sequence(base.core, base.jobs)
        checks: dict[str, Check] = {}
        if settings.stream is StreamKind.kafka:
            carrier = stream(base.core, rooms=(), relays=True)
            work.carry(base.core, base.jobs, carrier, [])
            checks["stream"] = _carries(carrier)
        yield await base.begun(stack, checks)


@asynccontextmanager
async def courier(settings: Settings) -> AsyncIterator[Process]:
    """Delivers webhooks inside the block. Raises `ConfigurationError`."""
    _several(settings)
    async with AsyncExitStack() as stack:
        base = await _Base.open(settings, stack)
        stack.push_async_callback(work.deliver(base.core, base.jobs).close)
        yield await base.begun(stack, {})


@dataclass(frozen=True, slots=True)
class _Base:
    """A process without an API, as it begins: its port taken, its database open, its jobs none yet."""

    core: Core
    jobs: Jobs
    listening: socket.socket

    @classmethod
    async def open(cls, settings: Settings, stack: AsyncExitStack) -> Self:
        listening = listen(settings.host, settings.health_port, setting="LIAISON_HEALTH_PORT")
        stack.enter_context(contextlib.closing(listening))
        with starting(settings):
            core = await stack.enter_async_context(open_core(settings))
        jobs = Jobs()
        work.hear(core, jobs)
        work.measure(core, jobs)
        return cls(core, jobs, listening)

    async def begun(self, stack: AsyncExitStack, checks: Mapping[str, Check]) -> Process:
        """Health is answered until the jobs have ended, which they do before all else on the stack."""
        app = health_application(self.core, {"process": not_stopping(self.jobs), **checks})
        await stack.enter_async_context(answering(app, self.core.settings, self.listening))
        stack.push_async_callback(self.jobs.close)
        return Process(self.core, self.jobs, address(self.listening), None)


def _several(settings: Settings) -> None:
    """Raises `ConfigurationError` where the database is one process's own."""
    if not settings.database_url.startswith("postgresql:"):
        raise ConfigurationError(
            "Several processes need a database that they share: set LIAISON_DATABASE_URL to "
            "postgresql://user:password@host/name. On SQLite, `liaison serve` does everything in one process."
        )


def _carries(carrier: Stream) -> Check:
    async def check() -> str | None:
        return carrier.trouble()

    return check


def _has(index: VectorIndex) -> Check:
    async def check() -> str | None:
        await index.resolve(COMPANIES)
        return None

    return check
