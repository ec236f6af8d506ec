"""A receiver of webhooks that verifies each with the public `standardwebhooks` library."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web
from standardwebhooks.webhooks import Webhook, WebhookVerificationError


@dataclass(slots=True)
class Receiver:
    """`bodies`: every body received under a webhook-id, in order; `headers`: those of the last. `answer`:
    the status for a webhook-id and how often it has been sent."""

    url: str = ""
    secret: str = ""
    bodies: dict[str, list[bytes]] = field(default_factory=lambda: defaultdict(list))
    headers: dict[str, dict[str, str]] = field(default_factory=dict)
    unsigned: int = 0
    requests: int = 0
    answer: Callable[[str, int], int] = lambda _message, _times: 204
    sent: Counter[str] = field(default_factory=Counter)

    async def receive(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.requests += 1
        try:
            Webhook(self.secret).verify(body, dict(request.headers))
        except WebhookVerificationError:
            self.unsigned += 1
            return web.Response(status=401)
        message = request.headers["webhook-id"]
        self.sent[message] += 1
        status = self.answer(message, self.sent[message])
        if status < 300:
            self.headers[message] = {name.lower(): value for name, value in request.headers.items()}
            self.bodies[message].append(body)
        return web.Response(status=status)

    def events(self, kind: str | None = None) -> list[dict[str, Any]]:
        """One event per webhook-id, of this type."""
        found = [orjson.loads(bodies[0]) for bodies in self.bodies.values()]
        return [event for event in found if kind is None or event["type"] == kind]


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    application = web.Application()
    application.router.add_post("/hook", receiver.receive)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
        yield receiver
    finally:
        await runner.cleanup()
        await asyncio.sleep(0)
