"""The public side, by a real Caddy in front of a real Liaison: streams come through as they are written, what
is the operator's stays inside, and who asks is known."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from schemas.stream import StreamOpened
from tests.deploy.manifests import DEPLOY, program
from tests.end_to_end.process import ADMIN_KEY, Liaison
from tests.eventually import eventually
from tests.ports import free_port

pytestmark = pytest.mark.slow

AT_ONCE_S = 5.0
"""Far below the 15 s between heartbeats: a proxy that held a frame back would give it with the next."""


@pytest.fixture(scope="module")
def liaison(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Liaison]:
    process = Liaison(tmp_path_factory.mktemp("gateway") / "data")
    process.start()
    yield process
    assert process.stop() == 0


@pytest.fixture
async def proxy(liaison: Liaison, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with caddy(liaison.port, tmp_path) as client:
        yield client


@asynccontextmanager
async def caddy(gateway: int, folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Caddy with our Caddyfile, in front of that port; its log lies in the folder. Its name for the gateways
    resolves to several addresses, of which one has nobody behind it where the machine has IPv6: as after the
    loss of a gateway."""
    port = free_port()
    environment = {
        **os.environ,
        "SITE_ADDRESS": f":{port}",
        "HTTP_PORT": str(port),
        "GATEWAY_HOST": "localhost",
        "GATEWAY_PORT": str(gateway),
        "XDG_DATA_HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder),
    }
    command = [program("caddy"), "run", "--config", str(DEPLOY / "caddy/Caddyfile"), "--adapter", "caddyfile"]
    with (folder / "caddy.log").open("wb") as log:
        running = await asyncio.create_subprocess_exec(*command, env=environment, stdout=log, stderr=log)
    try:
        await eventually(lambda: _listens(port) or running.returncode is not None)
        assert running.returncode is None, (folder / "caddy.log").read_text()
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}",
            headers={"Authorization": f"Bearer {ADMIN_KEY}"},
            timeout=30.0,
            trust_env=False,
        ) as client:
            yield client
    finally:
        running.terminate()
        await running.wait()


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


async def test_a_stream_comes_through_event_by_event(proxy: httpx.AsyncClient) -> None:
    only = {"types": "liaison.challenge.announced.v1"}
    compressing = {"Accept-Encoding": "gzip, zstd"}
    async with (
        asyncio.timeout(AT_ONCE_S * 4),
        proxy.stream("GET", "/v1/stream", params=only, headers=compressing) as stream,
    ):
        assert stream.headers["content-type"].startswith("text/event-stream")
        assert "content-encoding" not in stream.headers
        lines = stream.aiter_lines()

        async def event() -> str:
            async with asyncio.timeout(AT_ONCE_S):
                async for line in lines:
                    if line.startswith("event:"):
                        return line.removeprefix("event:").strip()
            raise AssertionError("the stream has ended")

        assert await event() == StreamOpened.TYPE
        made = await proxy.post(
            "/v1/organisations", json={"handle": "cern", "name": "CERN", "kind": "bso", "country": "CH"}
        )
        assert made.status_code == 201, made.text
        announced = await proxy.post(
            "/v1/challenges",
            headers={"Idempotency-Key": "through-the-proxy"},
            json={
                "title": "Radiation-hard pressure sensor",
                "need": "We need to measure pressure between 0.1 and 20 bar at 4 K, within 1 %.",
                "buyer": "cern",
                "deadline": (datetime.now(UTC).date() + timedelta(days=90)).isoformat(),
            },
        )
        assert announced.status_code == 201, announced.text
        assert await event() == "liaison.challenge.announced.v1"


@pytest.mark.parametrize("path", ["/metrics", "/health/live", "/health/ready", "/healthz", "/readyz"])
async def test_what_is_the_operators_is_not_public(proxy: httpx.AsyncClient, path: str) -> None:
    assert (await proxy.get(path)).status_code == 404


async def test_pages_are_compressed_and_keep_their_headers(proxy: httpx.AsyncClient) -> None:
    page = await proxy.get("/docs", headers={"Accept-Encoding": "gzip"})
    assert page.headers["content-encoding"] == "gzip"
    assert "content-security-policy" in page.headers


async def test_a_feed_keeps_its_tag_when_it_is_compressed(proxy: httpx.AsyncClient) -> None:
    zipping = {"Accept-Encoding": "gzip"}
    await proxy.post(
        "/v1/organisations", json={"handle": "ess", "name": "ESS", "kind": "bso", "country": "SE"}
    )
    need = {"title": "Valve", "need": "It must close at 4 K.", "buyer": "ess", "deadline": "2035-01-01"}
    assert (await proxy.post("/v1/challenges", json=need)).status_code == 201
    for path in ("/feeds/announcements.atom", "/feeds/deadlines.ics"):
        first = await proxy.get(path, headers=zipping)
        assert first.headers["content-encoding"] == "gzip"
        held = {**zipping, "If-None-Match": first.headers["etag"]}
        assert (await proxy.get(path, headers=held)).status_code == 304


async def test_the_address_of_a_subscription_stands_in_no_log(tmp_path: Path) -> None:
    async with caddy(free_port(), tmp_path) as nobody:
        assert (await nobody.get("/feeds/liafeed_0123456789.atom")).status_code == 502
    logged = (tmp_path / "caddy.log").read_text()
    assert "/feeds/***.atom" in logged, "an error names the address"
    assert "liafeed_" not in logged


async def test_a_body_beyond_all_measure_is_cut_before_it_reaches_us(proxy: httpx.AsyncClient) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(70):
            yield b"x" * 1_000_000

    # Cut while it is being sent: the answer comes, or the connection ends first.
    try:
        answer = await proxy.post("/v1/companies/import", content=endless())
    except httpx.TransportError:
        return
    assert answer.status_code in {400, 413}
