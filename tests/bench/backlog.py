"""A backlog of webhooks through the courier, against a bare loop that signs and posts.

Both send the same bodies to the same receiver, a process of its own. Ours takes them from the database,
within its caps per endpoint, and has every attempt and every outcome in rows when the clock stops. The bare
loop is aiohttp with 64 requests under way and keeps nothing.
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import mkdtemp

import aiohttp
from sqlalchemy import exists, func, select

from schemas.delivery import EndpointContent
from services.courier.address_guard import AddressGuard
from services.courier.courier import Courier
from services.courier.enqueue import NewMessage, enqueue
from services.courier.http import Sender
from services.courier.model import DELIVERED, PENDING, AttemptRow, DeliveryRow
from services.courier.service import Endpoints
from services.courier.signing import NEW_SECRET_BYTES, signed_headers
from services.kernel.clock import SystemClock
from services.kernel.database import Database
from services.kernel.identifiers import new_id
from services.kernel.security import COMPANY, Principal, SecretBox
from services.migrations import runner
from tests.bench.figures import FOLDER, Aim, Bench, Samples, Scale
from tests.bench.outside import outside

BODY = b'{"specversion":"1.0","data":"' + b"x" * 1_470 + b'"}'
"""1.5 kB, a suggestion's size without its longest texts."""
UNDER_WAY = 64
"""Requests at once of the bare loop: more made it no faster."""
HANDED_OVER = 1_000
"""Messages enqueued in one transaction."""
LOOK_S = 0.02
"""How often it is asked whether everything is delivered."""


async def measure_one(scale: Scale) -> Samples:
    return await _measure(scale, endpoints=1)


async def measure_ten(scale: Scale) -> Samples:
    return await _measure(scale, endpoints=10)


async def _measure(scale: Scale, *, endpoints: int) -> Samples:
    FOLDER.mkdir(parents=True, exist_ok=True)
    folder = Path(mkdtemp(prefix="backlog-", dir=FOLDER))
    database = Database(f"sqlite:///{folder / 'liaison.db'}")
    try:
        await runner.upgrade(database)
        async with outside() as world:
            bench = _Backlog(database, world.url)
            await bench.make_endpoints(endpoints)
            samples, count = Samples(), scale.pick(10_000, 1_000)
            for repetition in range(scale.pick(6, 2)):
                await bench.fill(count)
                ours = await bench.deliver()
                bare = await bench.bare(count)
                if repetition:  # the first is for warming up
                    samples.ours.append(count / ours)
                    samples.reference.append(count / bare)
            await bench.check(await world.quiet(0.1))
        return samples
    finally:
        await database.close()
        shutil.rmtree(folder, ignore_errors=True)


class _Backlog:
    """`url`: the receiver of both sides."""

    def __init__(self, database: Database, url: str) -> None:
        self._database = database
        self._url = url
        self._clock = SystemClock()
        self._guard = AddressGuard(allow_loopback=True)
        self._box = SecretBox([SecretBox.new_key()])
        self._endpoints: Sequence[str] = ()
        self._sent = 0
        self._sent_bare = 0

    async def make_endpoints(self, count: int) -> None:
        owner = Principal(new_id("org"), COMPANY, new_id("key"), frozenset({"read", "write"}))
        rooms = Endpoints(self._database, self._clock, guard=self._guard, box=self._box)
        made = [await rooms.create(owner, EndpointContent(url=self._url)) for _ in range(count)]
        self._endpoints = [one.id for one in made]

    async def fill(self, count: int) -> None:
        """A backlog, spread evenly over the endpoints."""
        for start in range(0, count, HANDED_OVER):
            messages = [
                NewMessage(self._endpoints[number % len(self._endpoints)], None, new_id("evt"), "bench", BODY)
                for number in range(start, min(start + HANDED_OVER, count))
            ]
            async with self._database.write() as tx:
                await enqueue(tx, messages, now=self._clock.now())
        self._sent += count

    async def deliver(self) -> float:
        """Seconds until the backlog is delivered and all of it is written down."""
        sender = Sender(self._guard, clock=self._clock)
        courier = Courier(self._database, sender, self._guard, self._box, self._clock)
        began = time.perf_counter()
        running = asyncio.create_task(courier.run())
        while await self._is_pending():  # noqa: ASYNC110 - rows are asked, as anybody else would have to
            await asyncio.sleep(LOOK_S)
        seconds = time.perf_counter() - began
        courier.stop()
        await running
        await sender.close()
        return seconds

    async def _is_pending(self) -> bool:
        async with self._database.read() as tx:
            return bool((await tx.execute(select(exists().where(DeliveryRow.state == PENDING)))).scalar())

    async def bare(self, count: int) -> float:
        """Seconds of a loop that signs and posts, and nothing else."""
        key, numbers = secrets.token_bytes(NEW_SECRET_BYTES), iter(range(count))
        connector = aiohttp.TCPConnector(limit=UNDER_WAY)

        async def work(session: aiohttp.ClientSession) -> None:
            for number in numbers:
                headers = signed_headers([key], f"msg_{number}", int(time.time()), BODY)
                headers["Content-Type"] = "application/json"
                async with session.post(self._url, data=BODY, headers=headers) as response:
                    await response.read()
                    if response.status != 200:
                        raise AssertionError(f"the receiver answered {response.status}")

        async with aiohttp.ClientSession(connector=connector) as session:
            began = time.perf_counter()
            await asyncio.gather(*(work(session) for _ in range(UNDER_WAY)))
            seconds = time.perf_counter() - began
        self._sent_bare += count
        return seconds

    async def check(self, arrived: int) -> None:
        """All is written down, and arrived once."""
        async with self._database.read() as tx:
            delivered = (
                await tx.execute(select(func.count()).where(DeliveryRow.state == DELIVERED))
            ).scalar()
            attempts = (await tx.execute(select(func.count()).select_from(AttemptRow))).scalar()
        if not delivered == attempts == self._sent or arrived != self._sent + self._sent_bare:
            raise AssertionError(f"{self._sent=} {delivered=} {attempts=} {self._sent_bare=} {arrived=}")


_ABOUT = "a backlog through the courier, every outcome stored, {} / a bare loop that signs and posts"
BENCHES = [
    Bench(
        name=f"backlog-{endpoints}",
        about=_ABOUT.format(said),
        unit="webhooks/s",
        aim=Aim(0.6, at_least=True),
        measure=measure,
    )
    for endpoints, said, measure in ((1, "one endpoint", measure_one), (10, "ten endpoints", measure_ten))
]
