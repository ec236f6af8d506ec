"""5,000 live streams on one process, idle: what each costs in memory, and how soon an event has reached them.

Ours is `liaison serve`, asked for `GET /v1/stream` by 5,000 clients; then challenges are announced. The
reference is a bare asyncio server that keeps as many connections open and writes the same bytes to each.
Clients are sockets of this process; a fan-out lasts from sending the POST until 99 of 100 clients have it.
"""

from __future__ import annotations

import asyncio
import resource
import shutil
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, cast

import aiohttp
import psutil

from tests.bench.figures import FOLDER, Aim, Bench, Samples, Scale, significant
from tests.end_to_end.process import ADMIN_KEY, ROOT, Liaison
from tests.end_to_end.town import UNLIMITED
from tests.eventually import eventually
from tests.ports import free_port

ANNOUNCED = b"event: liaison.challenge.announced.v1"
AT_ONCE = 200
"""Clients that connect together: a crowd after a restart, not a flood."""
SPARE_FILES = 500
WITHIN_S = 120.0
QUIET_S = 1.0
"""Until what an announcement causes has been dealt with: nothing matches it."""
KIB = 1 << 10


@dataclass(slots=True)
class Crowd:
    """`arrived`: when each client got the last event."""

    clients: list[Client] = field(default_factory=list)
    opened: int = 0
    arrived: list[float] = field(default_factory=list)


class Client(asyncio.Protocol):
    def __init__(self, crowd: Crowd, request: bytes, mark: bytes) -> None:
        self._crowd, self._request, self._mark = crowd, request, mark
        self._is_open = False
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        if not self._is_open:
            if b" 200 " not in data[:20]:
                raise AssertionError(f"a stream was refused: {data[:200]!r}")
            self._is_open = True
            self._crowd.opened += 1
        if self._mark in data:
            self._crowd.arrived.append(time.perf_counter())


@asynccontextmanager
async def crowd(port: int, path: str, headers: str, count: int) -> AsyncIterator[Crowd]:
    """So many clients, each with its stream open."""
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n".encode()
    loop, found = asyncio.get_running_loop(), Crowd()
    try:
        while len(found.clients) < count:
            wanted = min(AT_ONCE, count - len(found.clients))
            made = await asyncio.gather(
                *(
                    loop.create_connection(lambda: Client(found, request, ANNOUNCED), "127.0.0.1", port)
                    for _ in range(wanted)
                )
            )
            found.clients += [client for _, client in made]
            await eventually(lambda: found.opened >= len(found.clients), within_s=WITHIN_S)
        yield found
    finally:
        for client in found.clients:
            assert client.transport is not None
            client.transport.abort()


class _Side:
    """A server with a crowd at it."""

    def __init__(self, process: psutil.Process, people: Crowd, before: int, post: dict[str, Any]) -> None:
        self._people, self._post = people, post
        self.kib_each = (process.memory_info().rss - before) / KIB / len(people.clients)

    async def fan_out(self, session: aiohttp.ClientSession, body: bytes) -> float:
        """Milliseconds until 99 of 100 have it."""
        self._people.arrived.clear()
        began = time.perf_counter()
        async with session.post(data=body, **self._post) as answer:
            if answer.status != 201:
                raise AssertionError(f"the announcement was refused: {await answer.text()}")
        everybody = len(self._people.clients)
        await eventually(lambda: len(self._people.arrived) >= everybody, within_s=WITHIN_S)
        return (sorted(self._people.arrived)[int(everybody * 0.99) - 1] - began) * 1e3


@asynccontextmanager
async def ours(clients: int) -> AsyncIterator[_Side]:
    FOLDER.mkdir(parents=True, exist_ok=True)
    folder = Path(mkdtemp(prefix="streams-", dir=FOLDER))
    liaison = Liaison(ROOT / folder, UNLIMITED | {"LIAISON_STREAMS_PER_KEY": str(clients + 1)})
    try:
        await asyncio.to_thread(liaison.start)
        assert liaison.process is not None
        async with liaison.client() as admin:
            content = {"handle": "cern", "name": "CERN", "kind": "bso", "country": "CH"}
            (await admin.post("/v1/organisations", json=content)).raise_for_status()
        process = psutil.Process(liaison.process.pid)
        before = process.memory_info().rss
        bearer = f"Authorization: Bearer {ADMIN_KEY}"
        async with crowd(liaison.port, "/v1/stream", f"{bearer}\r\n", clients) as people:
            headers = {"Authorization": f"Bearer {ADMIN_KEY}", "Content-Type": "application/json"}
            post = {"url": f"{liaison.url}/v1/challenges", "headers": headers}
            yield _Side(process, people, before, post)
    finally:
        if liaison.process is not None and liaison.process.poll() is None:
            liaison.kill()
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def bare(clients: int) -> AsyncIterator[_Side]:
    port = free_port()
    command = (sys.executable, "-m", "tests.bench.bare_stream", str(port))
    server = await asyncio.create_subprocess_exec(*command, cwd=ROOT)
    try:
        await eventually(lambda: _listens(port), within_s=WITHIN_S)
        process = psutil.Process(server.pid)
        before = process.memory_info().rss
        async with crowd(port, "/", "", clients) as people:
            yield _Side(process, people, before, {"url": f"http://127.0.0.1:{port}/"})
    finally:
        server.kill()
        await server.wait()


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


def _announcement(number: int) -> bytes:
    deadline = (datetime.now(UTC).date() + timedelta(days=200)).isoformat()
    return (
        f'{{"title": "Announcement {number}", "need": "We need something that nobody sells yet.", '
        f'"buyer": "cern", "deadline": "{deadline}"}}'
    ).encode()


def _frame() -> bytes:
    """As large as that of an announcement."""
    return b"id: 1\n" + ANNOUNCED + b'\ndata: {"filling": "' + b"x" * 1_800 + b'"}\n\n'


def _allow_files(count: int) -> None:
    """As many open files as that, for this process and those that it starts."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(count, hard), hard))


async def _measure(scale: Scale) -> tuple[Samples, Samples]:
    """Memory in KiB for each client, and the fan-out in ms."""
    clients = scale.pick(5_000, 200)
    _allow_files(clients + SPARE_FILES)
    memory, fan_out = Samples(), Samples()
    async with ours(clients) as one, bare(clients) as other, aiohttp.ClientSession() as session:
        memory.ours.append(one.kib_each)
        memory.reference.append(other.kib_each)
        for repetition in range(scale.pick(11, 3)):
            took = await one.fan_out(session, _announcement(repetition))
            await asyncio.sleep(QUIET_S)
            least = await other.fan_out(session, _frame())
            if repetition:
                fan_out.ours.append(took)
                fan_out.reference.append(least)
    memory.notes.append(f"{clients:,} clients on one process, each asking for every event")
    fan_out.notes.append(f"{clients:,} clients: {significant(max(fan_out.ours)):g} ms at most")
    return memory, fan_out


async def measure_memory(scale: Scale) -> Samples:
    return (await _measure(scale))[0]


async def measure_fan_out(scale: Scale) -> Samples:
    return (await _measure(scale))[1]


BENCHES = [
    Bench(
        name="streams-memory",
        about="memory of one of 5,000 idle live streams / an open connection of a bare asyncio server",
        unit="KiB",
        aim=Aim(10, at_least=False),
        measure=measure_memory,
    ),
    Bench(
        name="streams-fan-out",
        about="an announcement until 99 % of 5,000 streams have it / a bare loop that writes to as many",
        unit="ms",
        aim=Aim(10, at_least=False),
        measure=measure_fan_out,
    ),
]
