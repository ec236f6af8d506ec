"""A small receiver of webhooks: what a subscriber writes in an hour. It checks every signature."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import web

from services.courier.signing import decode_secret, signature

TOLERANCE_S = 300
"""Older or newer timestamps are refused, as Standard Webhooks recommends."""


@dataclass(frozen=True, slots=True)
class Received:
    """A webhook that was signed with our secret. `at`: time.perf_counter() when it had arrived."""

    id: str
    event: dict[str, Any]
    at: float


class Receiver:
    """`secrets` are added once their endpoints have been made; before that everything is refused."""

    def __init__(self) -> None:
        self.secrets: list[str] = []
        self.url = ""
        self._arrivals: asyncio.Queue[Received] = asyncio.Queue()

    async def wait(self, timeout_s: float) -> Received | None:
        """The next webhook, None if none comes in time."""
        try:
            async with asyncio.timeout(timeout_s):
                return await self._arrivals.get()
        except TimeoutError:
            return None

    def drain(self) -> int:
        """Forget what has arrived so far; returns how many."""
        count = self._arrivals.qsize()
        while not self._arrivals.empty():
            self._arrivals.get_nowait()
        return count

    async def receive(self, request: web.Request) -> web.Response:
        body = await request.read()
        arrived = time.perf_counter()
        if not self._is_ours(request, body):
            return web.Response(status=401, text="the signature does not fit")
        self._arrivals.put_nowait(Received(request.headers["webhook-id"], orjson.loads(body), arrived))
        return web.Response(status=204)

    def _is_ours(self, request: web.Request, body: bytes) -> bool:
        try:
            message, stamp = request.headers["webhook-id"], int(request.headers["webhook-timestamp"])
            given = request.headers["webhook-signature"].split(" ")
            fits = any(signature(decode_secret(one), message, stamp, body) in given for one in self.secrets)
        except (KeyError, ValueError):
            return False
        return fits and abs(time.time() - stamp) < TOLERANCE_S


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """A receiver on a free port of this machine."""
    receiver = Receiver()
    application = web.Application()
    application.router.add_post("/hooks/liaison", receiver.receive)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        receiver.url = f"http://127.0.0.1:{port}/hooks/liaison"
        yield receiver
    finally:
        await runner.cleanup()
