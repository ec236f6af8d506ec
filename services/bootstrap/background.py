"""What runs beside the web server, and ends the process when any of it ends by a bug."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import structlog

from services.bootstrap.measuring import keep_measuring
from services.bootstrap.parts import Brain, Core, processors
from services.courier.courier import Courier
from services.courier.http import Sender
from services.kernel import metrics
from services.kernel.journal.sequencer import Sequencer
from services.kernel.problems import TransientError
from services.kernel.stream.port import Stream
from services.kernel.vectors.edge import EdgeVectorIndex
from services.kernel.web.idempotency import purge_expired

MAINTAIN_S = 30.0
"""Between looks at whether the vector index wants optimising and whether anything lacks a vector."""
KEYS_S = 60.0
"""Between writing down which keys were used: it only informs."""
PURGE_S = 600.0
"""Between removals of what has expired, a bounded number of rows each time."""

log = structlog.get_logger("liaison.serve")


@asynccontextmanager
async def background(
    core: Core, brain: Brain, carrier: Stream, on_failure: Callable[[], None]
) -> AsyncIterator[None]:
    """Sequencer, tail, handlers, courier, upkeep and housekeeping, until the block ends; then each drains.

    `on_failure` is called when one of them ends by an error that it should have dealt with: a process that
    does only part of its work must not look alive.
    """

    def watch(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            log.critical("a background job has failed; stopping", job=task.get_name(), exc_info=error)
            on_failure()

    def start(name: str, job: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(job, name=name)
        task.add_done_callback(watch)
        return task

    sender = Sender(core.guard, clock=core.clock)
    courier = Courier(core.database, sender, core.guard, core.secrets.box, core.clock)
    cancelled = [
        start("tail", core.tail.run()),
        start("measuring", keep_measuring(core.database, core.clock, core.settings.data_dir)),
        start("index", _keep_index(core, brain)),
        start("warm", _warm(brain)),
        start("keys", _every(core, KEYS_S, core.directory.keys.record_uses)),
        start("idempotency", _every(core, PURGE_S, lambda: purge_expired(core.database, core.clock.now()))),
        start("receipts", _every(core, PURGE_S, core.intake.inbox.purge)),
    ]
    if not core.database.is_serial:
        cancelled.append(start("sequencer", Sequencer(core.database, core.clock).run()))
    draining = [
        start("stream", carrier.run(processors(core, brain.handlers))),
        start("courier", courier.run()),
    ]
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
    while not await _mended(brain):
        await core.clock.sleep(MAINTAIN_S)
    while True:
        with contextlib.suppress(TransientError):
            lacking = await brain.upkeep.lacking()
            metrics.WITHOUT_VECTOR.set(lacking)
            if lacking:
                log.error("profiles or challenges lack vectors and cannot be found", lacking=lacking)
            if isinstance(brain.index, EdgeVectorIndex):
                await brain.index.maintain()
        await core.clock.sleep(MAINTAIN_S)


async def _mended(brain: Brain) -> bool:
    """False where a store was out of reach: then again later, from the beginning."""
    try:
        if brain.generations.building is not None:
            await brain.upkeep.change_model()
        else:
            await brain.upkeep.repair()
    except TransientError as error:
        log.warning("the index cannot be mended now", reason=str(error))
        return False
    return True


async def _warm(brain: Brain) -> None:
    """Read profiles into memory, so that the first challenge is matched as fast as the next."""
    with contextlib.suppress(TransientError):
        await brain.profiles.warm()


async def _every(core: Core, seconds: float, work: Callable[[], Awaitable[int]]) -> None:
    while True:
        await core.clock.sleep(seconds)
        with contextlib.suppress(TransientError):
            await work()
