"""The live stream over real HTTP: nothing missed, nothing twice, nothing of somebody else's."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import httpx
import pytest
from fastapi import FastAPI

from schemas.stream import StreamGap, StreamOpened
from services.gateway import metrics, stream
from services.gateway.feed import Feed, Slice
from services.gateway.stream import Streams
from services.kernel import journal
from services.kernel.clock import SystemClock
from services.kernel.database import Database
from services.kernel.identifiers import new_id
from services.kernel.journal.tail import Tail
from tests.gateway.serving import (
    DEADLINE_S,
    Frame,
    an_event,
    append,
    eventually,
    frames,
    gateway,
    running_tail,
    served,
)
from tests.kernel.web.application import bearer

ORG_A = frozenset({"org_a"})


@pytest.fixture
async def tail(database: Database) -> AsyncIterator[Tail]:
    async with running_tail(database) as tail:
        yield tail


@pytest.fixture
async def app(database: Database, tail: Tail) -> FastAPI:
    return gateway(database, tail, streams_per_key=5)


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with served(app) as address, httpx.AsyncClient(base_url=address, timeout=DEADLINE_S) as client:
        yield client


@asynccontextmanager
async def reading(
    client: httpx.AsyncClient, query: str = "", key: str = "lia_reader", **headers: str
) -> AsyncIterator[AsyncIterator[Frame]]:
    async with client.stream("GET", f"/v1/stream{query}", headers=bearer(key, **headers)) as response:
        assert response.status_code == 200, await response.aread()
        assert response.headers["content-type"].startswith("text/event-stream")
        async with aclosing(frames(response)) as reader:  # type: ignore[type-var]
            yield reader


async def take(reader: AsyncIterator[Frame], count: int) -> list[Frame]:
    taken: list[Frame] = []
    async with asyncio.timeout(DEADLINE_S):
        while len(taken) < count:
            frame = await anext(reader)
            if frame.event.startswith("liaison.challenge"):
                taken.append(frame)
    return taken


async def test_history_then_live_in_order(client: httpx.AsyncClient, database: Database) -> None:
    await append(database, *(an_event(n, public=True) for n in range(3)))
    async with reading(client, "?after=1") as reader:
        opened = await anext(reader)
        assert (opened.event, opened.id, opened.data) == (StreamOpened.TYPE, "1", {"position": 1})
        first = await take(reader, 2)
        await append(database, an_event(3, public=True))
        await append(database, an_event(4, public=True))
        seen = first + await take(reader, 2)
    assert [frame.id for frame in seen] == ["2", "3", "4", "5"]
    assert [frame.number for frame in seen] == [1, 2, 3, 4]
    assert seen[0].data["sequence"] == "2"
    assert seen[0].data["specversion"] == "1.0"


async def test_without_a_position_it_begins_now_and_can_be_resumed_from_there(
    client: httpx.AsyncClient, database: Database
) -> None:
    await append(database, *(an_event(n, public=True) for n in range(3)))
    async with reading(client) as reader:
        opened = await anext(reader)
    await append(database, an_event(3, public=True))
    async with reading(client, "?after=0", **{"Last-Event-ID": opened.id}) as reader:
        assert [frame.number for frame in await take(reader, 1)] == [3]


async def test_cut_at_every_boundary_and_resumed_nothing_is_missing(
    client: httpx.AsyncClient, database: Database
) -> None:
    """A connection is cut after each event in turn, while a writer goes on; visible and hidden ones mix."""
    count = 30

    async def write() -> None:
        for number in range(count):
            await append(database, an_event(number, audience=ORG_A), an_event(900, audience=frozenset({"z"})))
            await asyncio.sleep(0)

    writer = asyncio.create_task(write())
    seen: list[Frame] = []
    last = "0"
    while len(seen) < count:
        async with reading(client, **{"Last-Event-ID": last}) as reader:
            seen += await take(reader, 1)
        last = seen[-1].id
    await writer
    assert [frame.number for frame in seen] == list(range(count))


async def test_history_longer_than_memory_is_read_without_a_gap(
    client: httpx.AsyncClient, database: Database
) -> None:
    for begin in range(0, 1_200, 300):
        await append(database, *(an_event(begin + n, public=True) for n in range(300)))
    async with reading(client, "?after=0") as reader:
        writer = asyncio.create_task(append(database, *(an_event(1_200 + n, public=True) for n in range(50))))
        seen = await take(reader, 1_250)
        await writer
    assert [frame.number for frame in seen] == list(range(1_250))


async def test_tenants_see_their_own_and_what_is_public(
    client: httpx.AsyncClient, database: Database
) -> None:
    await append(
        database,
        an_event(0, audience=ORG_A),
        an_event(1, audience=frozenset({"org_b"})),
        an_event(2),
        an_event(3, public=True),
        an_event(4, audience=frozenset({"org_a", "org_b"})),
    )
    expected = {"lia_reader": [0, 3, 4, 5, 7], "lia_other": [1, 3, 4, 6, 7], "lia_admin": list(range(8))}
    for key, numbers in expected.items():
        async with reading(client, "?after=0", key) as reader:
            seen = await take(reader, numbers.index(5) if 5 in numbers else 3)
            if key == "lia_reader":  # the live half comes once; later readers find it in memory
                await append(
                    database,
                    an_event(5, audience=ORG_A),
                    an_event(6, audience=frozenset({"org_b"})),
                    an_event(7, public=True),
                )
            seen += await take(reader, len(numbers) - len(seen))
            assert [frame.number for frame in seen] == numbers


async def test_filters(client: httpx.AsyncClient, database: Database) -> None:
    challenge, other, company = new_id("chl"), new_id("chl"), new_id("cmp")
    matched = "liaison.challenge.matched.v1"

    def events() -> list[journal.NewEvent]:
        return [
            an_event(0, public=True, subject=f"challenge/{challenge}"),
            an_event(1, public=True, subject=f"challenge/{other}"),
            an_event(2, public=True, subject=f"challenge/{challenge}/company/{company}"),
            an_event(3, public=True, subject=f"challenge/{challenge}", kind=matched),
            an_event(4, public=True, subject=f"company/{company}", kind="liaison.challenge.withdrawn.v1"),
        ]

    cases: list[tuple[str, list[int]]] = [
        (f"&challenge={challenge}", [0, 2, 3]),
        (f"&company={company}", [2, 4]),
        (f"&company={company}&challenge={challenge}", [2]),
        (f"&types={matched}", [3]),
        (
            f"&types={matched},liaison.company.created.v1&types=liaison.challenge.announced.v1",
            [0, 1, 2, 3],
        ),
    ]
    await append(database, *events())
    for after in (0, 5):  # from the database, then from memory
        for query, numbers in cases:
            async with reading(client, f"?after={after}{query}") as reader:
                if after:
                    await append(database, *events())
                assert [frame.number for frame in await take(reader, len(numbers))] == numbers


async def test_a_position_that_cannot_be_resumed_is_said(
    client: httpx.AsyncClient, database: Database
) -> None:
    await append(database, *(an_event(n, public=True) for n in range(3)))
    async with reading(client, **{"Last-Event-ID": "99"}) as reader:
        await anext(reader)
        gap = await anext(reader)
        assert (gap.event, gap.id) == (StreamGap.TYPE, "3")
        assert gap.data["asked"] == 99
        assert "not reached" in gap.data["reason"]
        await append(database, an_event(3, public=True))
        assert [frame.number for frame in await take(reader, 1)] == [3]


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("?types=liaison.challenge.anounced.v1", {}),
        ("?challenge=x", {}),
        ("?after=-1", {}),
        ("?after=1e3", {}),
        ("", {"Last-Event-ID": "evt_1"}),
        ("?typ=x", {}),
    ],
)
async def test_wrong_parameters(client: httpx.AsyncClient, query: str, headers: dict[str, str]) -> None:
    response = await client.get(f"/v1/stream{query}", headers=bearer("lia_reader", **headers))
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"


async def test_it_needs_a_key_and_a_key_has_its_share(client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/stream")).status_code == 401
    tasks = [asyncio.create_task(hold(client)) for _ in range(5)]
    await eventually(lambda: _open() >= 5)
    refused = await client.get("/v1/stream", headers=bearer("lia_reader"))
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "5")
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await eventually(lambda: _open() == 0)
    async with reading(client) as reader:
        await anext(reader)


def _open() -> float:
    return next(iter(metrics.STREAMS.collect())).samples[0].value


async def hold(client: httpx.AsyncClient) -> None:
    async with reading(client) as reader:
        async for _ in reader:
            pass


async def test_a_heartbeat_comes_while_nothing_happens(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT_S", 0.05)
    async with reading(client) as reader:
        await anext(reader)
        async with asyncio.timeout(DEADLINE_S):
            assert (await anext(reader)).comment == "heartbeat"


async def test_a_stream_ends_by_itself_and_goes_on_where_it_ended(database: Database, tail: Tail) -> None:
    now = 0.0
    streams = Streams(
        Feed(database, tail), per_key=1, lifetime_s=600, monotonic=lambda: now, chance=lambda: 0.0
    )
    await append(database, *(an_event(n, public=True) for n in range(3)))
    answer = await streams.open("key", Slice(reader=""), 0)
    sent: list[bytes] = []
    async for chunk in answer.body_iterator:
        assert isinstance(chunk, bytes)
        sent.append(chunk)
        if chunk.startswith(b"id: 3\n"):
            now = 600.0
    assert len(sent) == 4


async def test_a_stalled_reader_is_cut_and_others_go_on(
    client: httpx.AsyncClient, database: Database
) -> None:
    """One connection never reads; its buffers fill, and five seconds later it is gone."""
    host, port = client.base_url.host, client.base_url.port
    stalled = socket.socket()
    stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    stalled.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(stalled, (host, port))
    ask = "GET /v1/stream?after=0 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer lia_other\r\n\r\n"
    await loop.sock_sendall(stalled, ask.encode())
    async with reading(client) as reader:
        await eventually(lambda: _open() == 2)
        cut_before = metrics.STREAMS_CUT._value.get()
        for begin in range(0, 400, 50):  # 8 MB, more than the sockets' buffers hold
            await append(database, *(an_event(begin + n, public=True, size=20_000) for n in range(50)))
        begun = time.monotonic()
        assert len(await take(reader, 400)) == 400
        await eventually(lambda: metrics.STREAMS_CUT._value.get() == cut_before + 1)
        assert time.monotonic() - begun < stream.SEND_TIMEOUT_S + 3
        await eventually(lambda: _open() == 1)
    stalled.close()


@pytest.mark.alone
async def test_events_are_sent_before_the_writer_is_asked_again(
    client: httpx.AsyncClient, database: Database
) -> None:
    """From the commit to the reader: the wake-up, not a poll."""
    async with reading(client) as reader:
        await anext(reader)
        waits: list[float] = []
        for number in range(20):
            begun = time.monotonic()
            await append(database, an_event(number, public=True))
            await take(reader, 1)
            waits.append(time.monotonic() - begun)
    assert sorted(waits)[10] < 0.15


async def test_a_slow_reader_falls_back_to_the_database(database: Database) -> None:
    """More happens than memory holds between two reads: the reader goes on from the database."""
    tail = Tail(database, SystemClock(), keep=4)
    await append(database, an_event(0, public=True))
    await tail.look()
    feed = Feed(database, tail)
    async with aclosing(feed.follow(0, Slice(reader=None))) as events:
        assert (await anext(events)).position == 1
        for number in range(1, 20):
            await append(database, an_event(number, public=True))
            while not await tail.look():
                pass
        assert [(await anext(events)).position for _ in range(19)] == list(range(2, 21))


async def test_the_same_event_is_encoded_once(sqlite: Database) -> None:
    streams = Streams(Feed(sqlite, Tail(sqlite, SystemClock())), per_key=1)
    await append(sqlite, an_event(0, public=True))
    async with sqlite.read() as tx:
        (event,) = await journal.read(tx, after=0, limit=1)
    assert streams._frame(event) is streams._frame(event)
