"""`liaison serve`: everything in one process."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from services.bootstrap import work
from services.bootstrap.application import application
from services.bootstrap.jobs import Jobs
from services.bootstrap.parts import Brain, open_brain, open_core, stream
from services.bootstrap.process import Process, Started, address, answering, not_stopping, run, starting
from services.bootstrap.rooms import ROOMS
from services.bootstrap.searching import SearchHere
from services.gateway.server import listen
from services.kernel.clock import Clock
from services.kernel.settings import Settings
from services.kernel.stream.port import Stream


@dataclass(slots=True)
class Running(Process):
    """A process that does everything."""

    brain: Brain
    carrier: Stream

    def sign_in_link(self, key: str) -> str:
        """An address that opens the board signed in with this API key: once, and soon."""
        return self.url + self.core.links.make(key)


async def serve(
    settings: Settings, started: Started[Running] | None = None, *, until: asyncio.Event | None = None
) -> None:
    """As `process.run`."""
    await run(running(settings), started, until=until)


@asynccontextmanager
async def running(settings: Settings, clock: Clock | None = None) -> AsyncIterator[Running]:
    """Everything runs inside the block: requests are answered, events handled, webhooks delivered."""
    async with AsyncExitStack() as stack:
        # First, because it is the commonest mistake and the cheapest to find.
        listening = stack.enter_context(contextlib.closing(listen(settings.host, settings.port)))
        url = address(listening)
        if settings.port == 0 and "public_url" not in settings.model_fields_set:
            settings = settings.model_copy(update={"public_url": url})
        with starting(settings):
            core = await stack.enter_async_context(open_core(settings, clock))
            chosen = settings.admin_key
            first_key = await core.directory.ensure_admin(chosen.get_secret_value() if chosen else None)
            brain = await stack.enter_async_context(open_brain(core))
        carrier, jobs = stream(core), Jobs()
        checks = {"process": not_stopping(jobs)}
        searched = SearchHere(brain.generations)
        app = application(core, brain.own, brain.queries, carrier.lag, searched, checks)
        work.hear(core, jobs)
        work.measure(core, jobs)
        work.follow(core, jobs)
        work.answer(core, jobs)
        work.sequence(core, jobs)
        work.handle(core, jobs, carrier, brain=brain, queries=brain.queries, rooms=ROOMS)
        stack.push_async_callback(work.deliver(core, jobs).close)
        stack.push_async_callback(jobs.close)
        await stack.enter_async_context(answering(app, settings, listening))
        stack.callback(jobs.begin_closing)  # beside the requests that finish: there are 10 s for both
        stack.callback(core.tail.close)
        yield Running(core, jobs, url, first_key, brain, carrier)
