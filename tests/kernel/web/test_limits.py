"""Bounds on bodies, time and rates."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI, Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from services.kernel.web import limits
from services.kernel.web.headers import JsonByDefault, SecurityHeaders
from services.kernel.web.limits import BodyLimit, Rate, RateLimit, RequestTimeout
from services.kernel.web.problems import install_problem_handlers
from tests.kernel.web.application import bearer, client_of


def echo() -> FastAPI:
    app = FastAPI()
    install_problem_handlers(app)

    @app.post("/json")
    @app.post("/v1/json")
    async def read_json(value: dict[str, int]) -> int:
        return len(value)

    @app.post("/raw")
    @app.post("/imports/raw")
    async def raw(request: Request) -> int:
        return len(await request.body())

    @app.post("/imports/slow")
    async def slow_import(request: Request) -> int:
        size = len(await request.body())
        await asyncio.sleep(0.1)
        return size

    @app.get("/slow")
    async def slow() -> None:
        await asyncio.Event().wait()

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        async def body() -> AsyncIterator[bytes]:
            yield b"a"
            await asyncio.sleep(0.1)
            yield b"b"

        return StreamingResponse(body(), media_type="text/html")

    return app


async def chunks(count: int, size: int = 10) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b"x" * size


async def test_bodies_announced_and_streamed() -> None:
    async with client_of(BodyLimit(echo(), limit=100, exceptions={"/imports/": 200})) as client:
        assert (await client.post("/raw", content=b"x" * 100)).json() == 100
        assert (await client.post("/raw", content=chunks(10))).json() == 100
        for path, content in (("/raw", b"x" * 101), ("/raw", chunks(11)), ("/imports/raw", chunks(21))):
            response = await client.post(path, content=content)
            assert response.status_code == 413
            assert response.headers["content-type"] == "application/problem+json"
            assert response.headers["connection"] == "close"
        response = await client.post(
            "/json", content=chunks(11), headers={"Content-Type": "application/json"}
        )
        assert response.status_code == 413
        assert (await client.post("/imports/raw", content=chunks(20))).json() == 200


async def test_of_an_endless_body_little_is_read() -> None:
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        while True:
            taken += 1
            yield b"x" * 1_000

    sent: list[int] = []
    stream = endless()

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": await anext(stream), "more_body": True}

    async def send(message: dict[str, object]) -> None:
        if message["type"] == "http.response.start":
            sent.append(message["status"])  # type: ignore[arg-type]

    scope: Scope = {"type": "http", "method": "POST", "path": "/raw", "headers": [], "query_string": b""}
    await BodyLimit(echo(), limit=10_000)(scope, receive, send)  # type: ignore[arg-type]
    assert sent == [413]
    assert taken == 11


async def test_a_request_that_takes_too_long_is_given_up() -> None:
    async with client_of(RequestTimeout(echo(), seconds=0.05)) as client:
        response = await client.get("/slow")
        assert (response.status_code, response.headers["retry-after"]) == (503, "5")
        assert (await client.get("/stream")).text == "ab"


async def test_of_an_upload_only_the_body_must_come_in_time() -> None:
    async def drip() -> AsyncIterator[bytes]:
        yield b"x"
        await asyncio.sleep(10)

    async with client_of(RequestTimeout(echo(), seconds=0.05, uploads=("/imports/",))) as client:
        assert (await client.post("/imports/slow", content=b"x")).json() == 1
        assert (await client.post("/imports/slow", content=drip())).status_code == 503


async def test_a_timeout_of_the_application_itself_is_not_swallowed() -> None:
    async def fails(scope: Scope, receive: Receive, send: Send) -> None:
        raise TimeoutError("inner")

    async with client_of(RequestTimeout(fails)) as client:
        with pytest.raises(TimeoutError, match="inner"):
            await client.get("/")


class Ticking:
    now = 0.0

    def __call__(self) -> float:
        return self.now


async def answer_by_key(scope: Scope, receive: Receive, send: Send) -> None:
    keys = [value for name, value in scope["headers"] if name == b"authorization"]
    if keys and keys[0].startswith(b"Bearer good"):
        scope["state"]["principal"] = "somebody"
    status = 401 if keys == [b"Bearer wrong"] else 200
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body"})


async def statuses(
    client: httpx.AsyncClient, count: int, key: str | None = None, path: str = "/"
) -> list[int]:
    headers = bearer(key) if key else {}
    return [(await client.get(path, headers=headers)).status_code for _ in range(count)]


async def test_rates_by_key_and_by_address() -> None:
    clock = Ticking()
    app = RateLimit(answer_by_key, per_key=Rate(2, 5), per_address=Rate(1, 50), monotonic=clock)
    async with client_of(app) as client:
        assert await statuses(client, 6, "good1") == [200] * 5 + [429]
        refused = await client.get("/", headers=bearer("good1"))
        assert refused.headers["retry-after"] == "1"
        assert refused.headers["ratelimit"].startswith('"default";r=0;')
        assert await statuses(client, 1, "good2") == [200]
        clock.now += 1
        assert await statuses(client, 3, "good1") == [200, 200, 429]
        clock.now += 3_600
        assert await statuses(client, 6, "good1") == [200] * 5 + [429]
        assert await statuses(client, 51) == [200] * 50 + [429]
        assert await statuses(client, 2, path="/healthz") == [200, 200]


async def test_whoever_guesses_keys_is_stopped() -> None:
    clock = Ticking()
    app = RateLimit(answer_by_key, per_key=Rate(100, 100), per_address=Rate(1, 100), monotonic=clock)
    async with client_of(app) as client:
        assert await statuses(client, 6, "wrong") == [401] * 5 + [429]
        clock.now += 100
        # made-up keys on public addresses count by address too
        answers = [(await statuses(client, 1, f"made-up-{number}"))[0] for number in range(150)]
        assert answers == [200] * 100 + [429] * 50


async def test_memory_of_clients_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CLIENTS_REMEMBERED", 10)
    app = RateLimit(answer_by_key, per_key=Rate(1, 9), per_address=Rate(1, 9_999), monotonic=Ticking())
    async with client_of(app) as client:
        for number in range(50):
            await statuses(client, 1, f"good{number}")
    assert len(app._buckets) <= 10


async def test_pages_are_protected_and_everything_is_nosniff() -> None:
    async with client_of(SecurityHeaders(echo(), secure=True)) as client:
        page = await client.get("/stream")
        assert "default-src 'self'" in page.headers["content-security-policy"]
        assert page.headers["strict-transport-security"]
        data = await client.post("/raw", content=b"")
        assert data.headers["x-content-type-options"] == "nosniff"
        assert "content-security-policy" not in data.headers


async def test_what_curl_sends_is_json_below_v1() -> None:
    async with client_of(JsonByDefault(echo(), prefix="/v1/")) as client:
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        assert (await client.post("/v1/json", content=b'{"a": 1}', headers=form)).json() == 1
        assert (await client.post("/v1/json", content=b'{"a": 1}')).json() == 1
        assert (await client.post("/json", content=b'{"a": 1}', headers=form)).status_code == 415
