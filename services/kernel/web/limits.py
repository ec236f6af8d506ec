"""Bounds on what one client may cost: size of a body, time of a request, requests a second.

Plain ASGI middlewares: they stream, and cost a few microseconds each.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.kernel.problems import Problem, TooLarge, TooManyRequests, Unavailable
from services.kernel.web.problems import problem_response

REQUEST_TIMEOUT_S = 60.0
"""Until the answer begins, the upload of the body included; of an import, until its body is there. 50 MB over
slow lines fit; whoever drips a body does not hold a connection for ever. What streams afterwards has bounds
of its own."""

CLIENTS_REMEMBERED = 50_000
"""Buckets kept, the least recently used is forgotten: about 10 MB."""

GUESS_COST = 20
"""Requests that one with a wrong key counts for on its address: guessing keys stops after a few dozen."""

OPEN_PATHS = frozenset({"/health/live", "/health/ready", "/healthz", "/readyz", "/metrics"})
"""Asked by machines that must never be refused."""


def megabytes(count: int) -> str:
    return f"{count / 1_000_000:g} MB"


class BodyLimit:
    """Refuses bodies above a limit with 413: announced ones at once, streamed ones when they pass it.

    `exceptions`: beginnings of paths with limits of their own (bytes).
    """

    def __init__(self, app: ASGIApp, *, limit: int, exceptions: dict[str, int] | None = None) -> None:
        self._app = app
        self._limit = limit
        self._exceptions = exceptions or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"]
        limit = next((n for start, n in self._exceptions.items() if path.startswith(start)), self._limit)
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdigit() and int(announced) > limit:
            await problem_response(_too_large(limit), path)(scope, receive, send)
            return
        seen = 0
        started = False

        async def counting() -> Message:
            nonlocal seen
            message = await receive()
            if message["type"] == "http.request":
                seen += len(message.get("body", b""))
                if seen > limit:
                    raise _BodyTooLarge
            return message

        async def watching(message: Message) -> None:
            nonlocal started
            # The framework takes our error, raised while it reads, for a broken body and answers 400: that
            # answer is dropped. One that began before the limit was passed goes on.
            if seen <= limit or started:
                started = True
                await send(message)

        with contextlib.suppress(_BodyTooLarge):
            await self._app(scope, counting, watching)
        if seen > limit and not started:
            await problem_response(_too_large(limit), path)(scope, receive, send)


class _BodyTooLarge(Exception):
    """Leaves whoever is reading the body."""


def _too_large(limit: int) -> Problem:
    return TooLarge(
        f"The body is larger than the {megabytes(limit)} accepted here. Send less, or in several requests.",
        headers={"Connection": "close"},  # the rest of the body is not read
    )


class RequestTimeout:
    """Answers 503 where no answer has begun in time; the work is cancelled, its transaction rolled back.

    `uploads`: beginnings of paths where only the body must be there in time. What is then done with it is
    many transactions, each bounded by itself; breaking off between two would make the answer a lie.
    """

    def __init__(
        self, app: ASGIApp, *, seconds: float = REQUEST_TIMEOUT_S, uploads: Sequence[str] = ()
    ) -> None:
        self._app = app
        self._seconds = seconds
        self._uploads = tuple(uploads)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            async with asyncio.timeout(self._seconds) as bound:

                async def begin(message: Message) -> None:
                    if message["type"] == "http.response.start":
                        bound.reschedule(None)
                    await send(message)

                async def receive_all() -> Message:
                    message = await receive()
                    is_end = message["type"] == "http.request" and not message.get("more_body", False)
                    if is_end and not bound.expired():
                        bound.reschedule(None)
                    return message

                is_upload = scope["path"].startswith(self._uploads)
                await self._app(scope, receive_all if is_upload else receive, begin)
        except TimeoutError:
            if not bound.expired():
                raise
            problem = Unavailable(
                f"This took longer than {self._seconds:g} seconds and was given up; nothing was written. "
                "Send a smaller request, or try again later.",
                retry_after=5,
            )
            await problem_response(problem, scope["path"])(scope, receive, send)


@dataclass(slots=True)
class Bucket:
    """A token bucket: `tokens` at the instant `at`, in seconds of a monotonic clock."""

    tokens: float
    at: float


@dataclass(frozen=True, slots=True)
class Rate:
    """`a second` for long, `burst` at once after a pause."""

    a_second: float
    burst: int

    def refill(self, bucket: Bucket, now: float) -> None:
        bucket.tokens = min(self.burst, bucket.tokens + (now - bucket.at) * self.a_second)
        bucket.at = now

    def wait(self, bucket: Bucket) -> float:
        """Seconds until one request is allowed."""
        return max(0.0, (1 - bucket.tokens) / self.a_second)


class RateLimit:
    """A token bucket per credential, and per address for those who show none; 429 when it is empty.

    The buckets are this process's own: with n processes a client may get up to n times as far. A request
    with a wrong key costs its address GUESS_COST. Headers follow draft-ietf-httpapi-ratelimit-headers.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        per_key: Rate,
        per_address: Rate,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app = app
        self._per_key = per_key
        self._per_address = per_address
        self._monotonic = monotonic
        self._buckets: OrderedDict[tuple[str, str], Bucket] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in OPEN_PATHS:
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        address = ("address", (scope.get("client") or ("", 0))[0])
        credential = _credential(Headers(scope=scope))
        who, rate = (("key", credential), self._per_key) if credential else (address, self._per_address)
        guesses = self._bucket(address, self._per_address)
        bucket = self._bucket(who, rate)
        if guesses.tokens < 1 or bucket.tokens < 1:
            empty, of = (bucket, rate) if bucket.tokens < 1 else (guesses, self._per_address)
            await _too_many(of, of.wait(empty), scope["path"])(scope, receive, send)
            return
        bucket.tokens -= 1

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                if credential and "principal" not in state:  # what it showed was no key, or not looked at
                    guesses.tokens -= GUESS_COST if message["status"] == 401 else 1
                _describe(MutableHeaders(scope=message), rate, bucket)
            await send(message)

        await self._app(scope, receive, tell)

    def _bucket(self, who: tuple[str, str], rate: Rate) -> Bucket:
        now = self._monotonic()
        bucket = self._buckets.get(who)
        if bucket is None:
            bucket = self._buckets[who] = Bucket(rate.burst, now)
            if len(self._buckets) > CLIENTS_REMEMBERED:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(who)
            rate.refill(bucket, now)
        return bucket


def _credential(headers: Headers) -> str:
    """A digest of what the client shows, so that no key lies about in memory; empty if it shows nothing.

    Sessions count by address: they are people, and a made-up cookie must not open a bucket of its own.
    """
    shown = headers.get("authorization", "")
    return hashlib.sha256(shown.encode()).hexdigest() if shown else ""


def _describe(headers: MutableHeaders, rate: Rate, bucket: Bucket) -> None:
    window = math.ceil(rate.burst / rate.a_second)
    full_again = math.ceil((rate.burst - bucket.tokens) / rate.a_second)
    headers["ratelimit-policy"] = f'"default";q={rate.burst};w={window}'
    headers["ratelimit"] = f'"default";r={max(0, int(bucket.tokens))};t={full_again}'


def _too_many(rate: Rate, wait: float, path: str) -> ASGIApp:
    seconds = max(1, math.ceil(wait))
    problem = TooManyRequests(
        f"More than {rate.a_second:g} requests a second for too long. Wait {seconds} s, then go on slowly.",
        headers={"Retry-After": str(seconds)},
    )
    response = problem_response(problem, path)
    _describe(response.headers, rate, Bucket(0, 0))
    return response
