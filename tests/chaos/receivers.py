"""Fifty endpoints of the world outside, on real sockets: most are well, some are slow, refuse at first, are
broken, gone, or never answer."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import orjson
from aiohttp import web
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from tests.ports import free_port

ENDPOINTS = 50
SLOW_S = 0.4


class Manner(StrEnum):
    """How an endpoint answers."""

    well = "well"
    slow = "slow"
    refuses_first = "refuses first"
    """503 to the first request of every third message."""
    broken = "broken"
    gone = "gone"
    silent = "silent"

    @property
    def is_healthy(self) -> bool:
        """Whether every message arrives in the end."""
        return self in (Manner.well, Manner.slow, Manner.refuses_first)


_MANNERS = {3: Manner.slow, 4: Manner.refuses_first}
_BY_NUMBER = {8: Manner.broken, 18: Manner.broken, 28: Manner.gone, 38: Manner.silent}


def manner_of(number: int) -> Manner:
    return _BY_NUMBER.get(number) or _MANNERS.get(number % 10, Manner.well)


@dataclass(slots=True)
class Told:
    """What an endpoint heard last of a pair: by the place in the journal."""

    sequence: int
    event: dict[str, Any]


@dataclass(slots=True)
class Endpoint:
    """What has arrived. `messages`: events by webhook-id; `by_event`: the other way round, all of them."""

    number: int
    secret: str = ""
    contents: dict[str, bytes] = field(default_factory=dict)
    requests: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    taken: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    by_event: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    pairs: dict[tuple[str, str], Told] = field(default_factory=dict)

    @property
    def manner(self) -> Manner:
        return manner_of(self.number)


class Receivers:
    """A web server in this process. `unsigned`: requests whose signature does not verify; `changed`:
    webhook-ids that came with two contents."""

    def __init__(self) -> None:
        self.endpoints = [Endpoint(number) for number in range(ENDPOINTS)]
        self.unsigned = 0
        self.changed: set[str] = set()
        self.announced: dict[str, float] = {}
        """When the first endpoint heard of a suggestion for a challenge, by the monotonic clock."""
        self._port = free_port()
        self._refuses_since: datetime | None = None
        """What happened before is not refused."""
        self._runner: web.AppRunner | None = None

    def url(self, number: int) -> str:
        return f"http://127.0.0.1:{self._port}/{number}"

    async def start(self) -> None:
        """Listen, on the same port as before."""
        application = web.Application()
        application.router.add_post("/{number}", self._receive)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self._refuses_since = datetime.now(UTC)

    def forgive(self) -> None:
        """Refuse nothing until the next start, and then only what is about something newer: of a message that
        is refused and then meets nobody listening the third attempt comes after five minutes."""
        self._refuses_since = None

    async def stop(self) -> None:
        """Nobody listens any more, and what is under way is cut off."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    @property
    def repeated(self) -> int:
        """Messages that were taken more than once: allowed after a crash, with the same content."""
        return sum(times - 1 for one in self.endpoints for times in one.taken.values() if times > 1)

    @property
    def doubled(self) -> set[str]:
        """Events that went to one endpoint under two webhook-ids."""
        return {event for one in self.endpoints for event, ids in one.by_event.items() if len(ids) > 1}

    async def _receive(self, request: web.Request) -> web.Response:
        endpoint = self.endpoints[int(request.match_info["number"])]
        body = await request.read()
        message = request.headers["webhook-id"]
        try:
            Webhook(endpoint.secret).verify(body, dict(request.headers), json_parse=False)
        except WebhookVerificationError:
            self.unsigned += 1
            return web.Response(status=401)
        endpoint.requests[message] += 1
        digest = hashlib.sha256(body).digest()
        if endpoint.contents.setdefault(message, digest) != digest:
            self.changed.add(message)
        event = orjson.loads(body)
        match endpoint.manner:
            case Manner.broken:
                return web.Response(status=500)
            case Manner.gone:
                return web.Response(status=410)
            case Manner.silent:
                await asyncio.Event().wait()
            case Manner.slow:
                await asyncio.sleep(SLOW_S)
            case Manner.refuses_first if endpoint.requests[message] == 1 and digest[0] % 3 == 0:
                since = self._refuses_since
                if since is not None and datetime.fromisoformat(event["time"]) > since:
                    return web.Response(status=503)
            case _:
                pass
        endpoint.taken[message] += 1
        self._learn(endpoint, message, event)
        return web.Response(status=204)

    def _learn(self, endpoint: Endpoint, message: str, event: dict[str, Any]) -> None:
        endpoint.by_event[event["id"]].add(message)
        if not event["type"].startswith("liaison.match."):
            return
        data = event["data"]
        pair = data["challenge"]["id"], data["company"]["id"]
        self.announced.setdefault(pair[0], time.monotonic())
        told = endpoint.pairs.get(pair)
        if told is None or told.sequence < int(event["sequence"]):
            endpoint.pairs[pair] = Told(int(event["sequence"]), event)
