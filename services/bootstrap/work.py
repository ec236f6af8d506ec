"""What the processes do, in portions: `liaison serve` takes all of them, the others some each."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Collection

import structlog

from services.bootstrap.jobs import Jobs
from services.bootstrap.measuring import keep_measuring, keep_measuring_exposure
from services.bootstrap.ownership import ends_with
from services.bootstrap.parts import Brain, Core, handlers
from services.bootstrap.rooms import WITH_INDEX, published
from services.bootstrap.watch import watch_progress
from services.courier.courier import Courier
from services.courier.http import Sender
from services.indexing.elsewhere import Attendant
from services.kernel import metrics
from services.kernel.journal.sequencer import Sequencer
from services.kernel.problems import TransientError
from services.kernel.stream.port import Stream
from services.kernel.stream.processor import Processor
from services.kernel.vectors.edge import EdgeVectorIndex
from services.kernel.web.idempotency import purge_expired
from services.notification.ports import QueryFits

MAINTAIN_S = 30.0
"""Between looks at whether the vector index wants optimising and whether anything lacks a vector."""
KEYS_S = 60.0
"""Between writing down which keys were used: it only informs."""
CONSORTIA_S = 5.0
"""Between looks at whose consortia are due: far below the shortest pace that anybody would set."""
PURGE_S = 600.0
"""Between removals of what has expired, a bounded number of rows each time."""
REMINDERS_S = 300.0
"""Between looks at deadlines of pairings, which are days: a week before is as good five minutes later."""
DIGESTS_S = 60.0
"""Between looks at whose digest is due: it comes within a minute of its hour."""
EXPIRY_S = 3_600.0
"""Between looks at candidates whose period is over, and at profiles whose year is, which are days. Also a
process that is started anew every day comes to it."""

log = structlog.get_logger("liaison.process")


def hear(core: Core, jobs: Jobs) -> None:
    """Wake-ups of the other processes; every process wants them."""
    if not core.database.is_serial:
        jobs.start("wake-ups", core.database.share_wakeups())


def measure(core: Core, jobs: Jobs) -> None:
    """What waits, in the metrics of every process: it shows while those who should do the work are dead."""
    waiting = keep_measuring(core.database, core.clock, core.settings.data_dir, published(core.settings))
    jobs.start("measuring", waiting)


def follow(core: Core, jobs: Jobs) -> None:
    """The journal's newest events, in memory for whoever reads them here."""
    jobs.start("tail", core.tail.run())


def answer(core: Core, jobs: Jobs) -> None:
    """What belongs to answering requests."""
    jobs.start("keys", _every(core, KEYS_S, core.directory.keys.record_uses))
    jobs.start("idempotency", _every(core, PURGE_S, lambda: purge_expired(core.database, core.clock.now())))


def sequence(core: Core, jobs: Jobs) -> None:
    """Give entries of the journal their positions; on SQLite they have them."""
    if not core.database.is_serial:
        jobs.start("sequencer", Sequencer(core.database, core.clock).run())


def carry(core: Core, jobs: Jobs, carrier: Stream, processors: list[Processor]) -> None:
    """Hand events to the handlers, and see that it gets on."""
    jobs.drain("stream", carrier.run(processors), carrier.stop)
    jobs.start("progress", watch_progress(carrier, core.clock, after_s=core.settings.stalled_after_s))


def handle(
    core: Core,
    jobs: Jobs,
    carrier: Stream,
    *,
    brain: Brain | None,
    queries: QueryFits,
    rooms: Collection[str],
) -> None:
    """The rooms' handlers, and the index that they stand on."""
    found = handlers(core, brain, queries, rooms)
    carry(core, jobs, carrier, [Processor(handler, core.database, core.clock) for handler in found])
    jobs.start("receipts", _every(core, PURGE_S, core.intake.inbox.purge))
    jobs.start("staleness", _every(core, EXPIRY_S, core.staleness.run))
    if "consortia" in rooms:
        jobs.start("consortia due", _every(core, CONSORTIA_S, core.reviewing.review_due))
    if "notification" in rooms:
        jobs.start("digests", _every(core, DIGESTS_S, core.digests.run))
    if "pairing" in rooms:
        jobs.start("reminders", _every(core, REMINDERS_S, core.pairing.reminders.run))
        jobs.start("expiry", _every(core, EXPIRY_S, core.pairing.expiry.run))
    if brain is None:
        return
    jobs.start("index", _keep_index(core, brain))
    if WITH_INDEX & set(rooms):
        jobs.start("index reports", Attendant(brain.own, core.database, core.clock).run())
    if "matching" in rooms:
        seen = keep_measuring_exposure(core.database, core.clock, core.intake.reading)
        jobs.start("exposure", seen)
        jobs.once("warm", _warm(brain))
    if "pairing" in rooms:
        jobs.once("needs", _mend_needs(core, brain))
    if brain.lease is not None:
        jobs.start("ownership", ends_with(brain.lease))


def deliver(core: Core, jobs: Jobs) -> Sender:
    """Webhooks. The sender is the caller's to close, after the jobs."""
    sender = Sender(core.guard, clock=core.clock)
    # A span that nobody collects costs a tenth of a millisecond a message, and changes no trace.
    traced = bool(core.settings.otlp_endpoint)
    courier = Courier(core.database, sender, core.guard, core.secrets.box, core.clock, traced=traced)
    jobs.drain("courier", courier.run(), courier.stop)
    return sender


async def _keep_index(core: Core, brain: Brain) -> None:
    """Mend the index, change its model if another is configured, and keep it quick."""
    while not await _mended(brain):
        await core.clock.sleep(MAINTAIN_S)
    lacked = 0
    while True:
        try:
            lacking = await brain.upkeep.lacking()
            metrics.WITHOUT_VECTOR.set(lacking)
            if lacking:
                log.error("profiles or challenges lack vectors and cannot be found", lacking=lacking)
            if lacking and lacked:  # not those that are being handled just now
                await brain.upkeep.catch_up()
            lacked = lacking
            await brain.upkeep.retire()
            if isinstance(brain.index, EdgeVectorIndex):
                await brain.index.maintain()
        except TransientError as error:
            log.warning("the index cannot be looked after now", reason=str(error))
        except Exception:  # whatever a text does to the model, its event has a dead letter; the rest goes on
            log.exception("what lacks vectors cannot be caught up with")
        await core.clock.sleep(MAINTAIN_S)


async def _mended(brain: Brain) -> bool:
    """False where a store was out of reach: then again later, from the beginning."""
    try:
        if brain.generations.building is not None:
            await brain.changing.run()
        else:
            await brain.upkeep.repair()
    except TransientError as error:
        log.warning("the index cannot be mended now", reason=str(error))
        return False
    return True


async def _mend_needs(core: Core, brain: Brain) -> None:
    """Write needs that the vector store has lost; while it is out of reach, again later."""
    while True:
        try:
            await brain.needs.repair()
            return
        except TransientError as error:
            log.warning("the index of needs cannot be mended now", reason=str(error))
        await core.clock.sleep(MAINTAIN_S)


async def _warm(brain: Brain) -> None:
    """Read profiles into memory, so that the first challenge is matched as fast as the next."""
    with contextlib.suppress(TransientError):
        await brain.profiles.warm()


async def _every(core: Core, seconds: float, work: Callable[[], Awaitable[int]]) -> None:
    while True:
        await core.clock.sleep(seconds)
        with contextlib.suppress(TransientError):
            await work()
