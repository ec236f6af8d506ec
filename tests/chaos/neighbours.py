"""An endpoint that never answers, with 600 messages for it, beside a healthy one that gets 300.

How long a message of the healthy one takes, from its row to its answer, with such a neighbour and without:
taken in turns in one run, on real sockets and a real database, so that both see the same machine.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from statistics import median, quantiles

from services.courier import model
from services.kernel.database import Database
from services.migrations import runner
from tests.bench.outside import outside
from tests.conftest import create_postgresql_database
from tests.courier.desk import Desk
from tests.eventually import eventually

WAITING = 600
MESSAGES = 300
AT_ONCE = 5
"""Messages handed over in one transaction, as a challenge's first suggestions are."""
EVERY_S = 0.03
"""Between these: a third of what the courier could do, so that waiting shows and is not all there is."""
LIMIT = 1.10
"""Promised: within 10 %."""
PAIRS = 12
"""Of the whole measurement. As many as were meant from the beginning, whatever comes out: the 99th
percentile of 300 is the third longest, a machine has hiccups, and whoever stops when the figure is right
finds it right."""
PAIRS_SHORT = 3
"""Of the short one, which runs alone and holds up all other tests. It cannot show that 10 % are kept; it
fails where all three pairs show more, as a neighbour that holds others up does, and hiccups hardly do."""
SETTLED_S = 120.0


@dataclass(slots=True)
class Silence:
    """Takes every connection and never says a word. `asked`: requests that came."""

    url: str
    asked: int = 0


@asynccontextmanager
async def silence() -> AsyncIterator[Silence]:
    """At the end of the block all connections are cut."""
    writers: list[asyncio.StreamWriter] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        if await reader.readline():
            one.asked += 1

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    one = Silence(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook")
    try:
        yield one
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()
        await asyncio.sleep(0)


async def taken_ms(postgresql: str, healthy_url: str, *, with_neighbour: bool) -> list[float]:
    """Milliseconds of each message of the healthy one, on an empty database of its own."""
    database = Database(await create_postgresql_database(postgresql))
    try:
        await runner.upgrade(database)
        desk = Desk(database)
        healthy = await desk.endpoint(healthy_url)
        async with desk.delivering(), silence() as neighbour:
            if with_neighbour:
                await desk.post((await desk.endpoint(neighbour.url)).id, WAITING)
                await eventually(lambda: neighbour.asked > 0)
            warm = await desk.post(healthy.id, AT_ONCE)  # its lease, its connections
            await desk.reach(model.DELIVERED, *warm)
            messages: list[str] = []
            while len(messages) < MESSAGES:
                messages += await desk.post(healthy.id, AT_ONCE)
                await asyncio.sleep(EVERY_S)  # the pace of the world
            await desk.reach(model.DELIVERED, *messages, within_s=SETTLED_S)
        rows = await desk.rows(*messages)
        assert all(row.attempts == 1 for row in rows)
        return [(row.delivered_at - row.created_at).total_seconds() * 1e3 for row in rows]
    finally:
        await database.close()


@dataclass(slots=True)
class Comparison:
    """The 99th percentile of each run, in milliseconds, in pairs."""

    alone: list[float] = field(default_factory=list)
    beside: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """Median over median."""
        return median(self.beside) / median(self.alone)

    @property
    def least(self) -> float:
        """Of the pair that speaks most for the courier."""
        return min(beside / alone for alone, beside in zip(self.alone, self.beside, strict=True))

    def __str__(self) -> str:
        return (
            f"p99 {median(self.beside):.1f} ms beside it and {median(self.alone):.1f} ms without "
            f"({self.ratio:.2f}, at least {self.least:.2f}), medians of {len(self.alone)} pairs of "
            f"{MESSAGES} messages"
        )


async def compare(postgresql: str, *, pairs: int) -> Comparison:
    found = Comparison()
    async with outside() as world:
        await taken_ms(postgresql, world.url, with_neighbour=False)  # warms up what there is to warm up
        for _ in range(pairs):
            for with_neighbour in (False, True):
                taken = await taken_ms(postgresql, world.url, with_neighbour=with_neighbour)
                (found.beside if with_neighbour else found.alone).append(quantiles(taken, n=100)[98])
    return found
