"""What waits in the database, as metrics: true whichever process has died, because whoever measures is not
whoever should have done the work."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import structlog

from services.courier import backlog
from services.courier import metrics as courier_metrics
from services.courier.waiting import counts
from services.intake.completion import last_open_day
from services.kernel import metrics
from services.kernel.clock import Clock
from services.kernel.database import Database
from services.kernel.journal.reading import unsequenced
from services.kernel.problems import TransientError
from services.kernel.stream import dead_letters
from services.kernel.stream.lag import Consumed, journal_lag
from services.matching import exposure
from services.matching.exposure import Companies
from services.notification import digests
from services.notification import metrics as notification_metrics

MEASURE_S = 15.0
"""As often as Prometheus usually asks."""

EXPOSURE_S = 300.0
"""Who is seen changes with challenges and profiles, and to count it all takes a moment."""

log = structlog.get_logger("liaison.measuring")


async def keep_measuring(database: Database, clock: Clock, data_dir: Path, published: Consumed) -> None:
    """Measure until cancelled; outages of the database are waited through."""
    while True:
        try:
            await measure(database, clock, data_dir, published)
        except TransientError as error:
            log.warning("what waits cannot be measured now", reason=str(error))
        await clock.sleep(MEASURE_S)


async def keep_measuring_exposure(database: Database, clock: Clock, companies: Companies) -> None:
    """The same of who is seen."""
    while True:
        try:
            await measure_exposure(database, clock, companies)
        except TransientError as error:
            log.warning("who is seen cannot be measured now", reason=str(error))
        await clock.sleep(EXPOSURE_S)


async def measure_exposure(database: Database, clock: Clock, companies: Companies) -> None:
    """Set the gauges of who is suggested, beside who is there. Raises `TransientError`."""
    async with database.read() as tx:
        suggested = await exposure.first_suggested(tx, last_open_day(clock.now()))
    of = await companies.makeup_of(suggested)
    exposure.tell(exposure.shares(suggested, of, await companies.makeup()), suggested.total())


async def measure(database: Database, clock: Clock, data_dir: Path, published: Consumed) -> None:
    """Set the gauges of what waits and of the disk under `data_dir`. `published`: the relay and its types,
    where Kafka is the stream: what waits for it shows while no broker answers. Raises `TransientError`."""
    now = clock.now()
    async with database.read() as tx:
        entries, oldest = await unsequenced(tx)
        letters = await dead_letters.count(tx)
        messages = await counts(tx, now)
        collected = await digests.overall(tx, now)
    due = await database.in_one_go(lambda connection: backlog.oldest_due(connection, now))
    behind = await journal_lag(database, published) if published else {}
    disk = await asyncio.to_thread(_disk_of, data_dir)

    metrics.UNSEQUENCED.set(entries)
    metrics.UNSEQUENCED_SECONDS.set((now - oldest).total_seconds() if oldest is not None else 0)
    for service, events in behind.items():
        metrics.LAG.labels(service).set(events)
    metrics.DEAD_LETTERS.clear()
    for service, count in letters.items():
        metrics.DEAD_LETTERS.labels(service).set(count)
    courier_metrics.DUE.set(messages.due)
    courier_metrics.ENDPOINTS_OFF.set(messages.endpoints_off)
    courier_metrics.OLDEST_DUE.set((now - (due or now)).total_seconds())
    notification_metrics.WAITING.set(collected.events)
    notification_metrics.OVERDUE.set((now - (collected.overdue_since or now)).total_seconds())
    if disk is not None:
        metrics.DISK_SIZE.set(disk.total)
        metrics.DISK_FREE.set(disk.free)


def _disk_of(folder: Path) -> shutil._ntuple_diskusage | None:
    """None where nothing is kept on disk: the folder is made with the first file."""
    try:
        return shutil.disk_usage(folder)
    except FileNotFoundError:
        return None
