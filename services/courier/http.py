"""One signed POST, and what came of it. Every expected failure is an outcome, none is an exception."""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
import time
from collections.abc import Mapping
from functools import lru_cache

import aiohttp
from aiohttp.abc import AbstractResolver

from services.courier.address_guard import AddressGuard, AddressRefused, Target
from services.courier.outcome import THROTTLING, Outcome, OutcomeKind, Reason, judge
from services.courier.resolver import GuardedResolver, SystemResolver
from services.courier.schedule import parse_retry_after
from services.kernel.clock import Clock, SystemClock

TOTAL_TIMEOUT_S = 20.0
"""From the first packet to the status line: inside the 15-30 s that Standard Webhooks recommends."""

CONNECT_TIMEOUT_S = 5.0
"""Name, TCP and TLS together. A receiver that cannot be connected to in this time is down."""

BODY_TIMEOUT_S = 2.0
"""For the body of the answer, after its status: only the log reads it, so nobody waits long for it."""

RESPONSE_KEPT_BYTES = 4_096
"""Of the answer's body. Enough for an error message; the rest is never read."""

READ_BUFFER_BYTES = 16_384
"""What aiohttp may hold of an answer before it stops reading from the socket (it holds up to twice this)."""

IDLE_CONNECTION_S = 4.0
"""Idle connections are dropped before the receiver does it: uvicorn and Node close theirs after 5 s, and a
POST sent at that very moment would be lost and count as a failure."""

DNS_CACHE_S = 30
"""How long an address, once checked, is dialled again without asking. It is the checked one that is cached,
so a name that changes its mind gains nothing."""

STANDING_HEADERS = {
    "Content-Type": "application/cloudevents+json",
    "User-Agent": "Liaison-Courier/1 (+https://www.standardwebhooks.com)",
    "Accept-Encoding": "identity",
}
"""On every request. The body is a CloudEvent in structured JSON mode; no compressed answers."""

DETAIL_CHARACTERS = 500


_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def readable(raw: bytes) -> str:
    """Bytes of a stranger as text that a database takes and a terminal survives."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", raw.decode("utf-8", errors="replace"))


class Sender:
    """Posts to targets that the guard has passed. Create it inside a running event loop; close it.

    The number of requests under way is the caller's business; there is no limit here to wait for.
    """

    def __init__(
        self,
        guard: AddressGuard,
        *,
        clock: Clock | None = None,
        resolver: AbstractResolver | None = None,
        tls: ssl.SSLContext | None = None,
        total_timeout_s: float = TOTAL_TIMEOUT_S,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        body_timeout_s: float = BODY_TIMEOUT_S,
    ) -> None:
        self._clock = clock or SystemClock()
        self._body_timeout_s = body_timeout_s
        connector = aiohttp.TCPConnector(
            limit=0,
            keepalive_timeout=IDLE_CONNECTION_S,
            resolver=GuardedResolver(resolver or SystemResolver(), guard),
            ttl_dns_cache=DNS_CACHE_S,
            socket_factory=guard.open_socket,
            ssl=tls or True,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=total_timeout_s, connect=connect_timeout_s),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            read_bufsize=READ_BUFFER_BYTES,
            skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent"),
        )

    async def send(self, target: Target, headers: Mapping[str, str], body: bytes) -> Outcome:
        """One POST. No redirect is followed, no answer is read beyond RESPONSE_KEPT_BYTES."""
        started = time.perf_counter()
        try:
            response = await self._session.post(
                target.url, data=body, headers={**STANDING_HEADERS, **headers}, allow_redirects=False
            )
            try:
                excerpt = await self._excerpt(response)
            finally:
                # A body read to its end has freed its connection already; any other one is cut off here.
                response.close()
        except Exception as error:
            kind = classify(error)
            if kind is None:
                raise
            return Outcome(OutcomeKind.FAILED, kind, None, _told(error), "", _since(started))
        outcome, reason = judge(response.status)
        wait = None
        if response.status in THROTTLING:
            wait = parse_retry_after(response.headers.get("Retry-After"), now=self._clock.now())
        detail = _status_line(response.status, response.reason or "")
        return Outcome(outcome, reason, response.status, detail, excerpt, _since(started), wait)

    async def _excerpt(self, response: aiohttp.ClientResponse) -> str:
        content = response.content
        if content.is_eof():  # a short answer came in one piece with its head, as nearly all do
            return readable(content.read_nowait(RESPONSE_KEPT_BYTES))
        kept = bytearray()
        # The status has been given: whatever becomes of the body, it stands.
        with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError, ValueError):
            async with asyncio.timeout(self._body_timeout_s):
                while len(kept) < RESPONSE_KEPT_BYTES and not content.at_eof():
                    kept += await content.readany()
        return readable(bytes(kept[:RESPONSE_KEPT_BYTES]))

    async def close(self) -> None:
        await self._session.close()


@lru_cache(maxsize=64)
def _status_line(status: int, reason: str) -> str:
    return readable(f"{status} {reason}".strip().encode(errors="replace"))[:DETAIL_CHARACTERS]


def _since(started: float) -> float:
    return round((time.perf_counter() - started) * 1_000, 3)


def classify(error: BaseException) -> Reason | None:
    """Which expected failure an exception of the client is; None for one that is not expected."""
    if _refusal(error) is not None:
        return Reason.REFUSED_ADDRESS
    for kinds, reason in _FAILURES:
        if isinstance(error, kinds):
            return reason
    return None


_FAILURES: tuple[tuple[tuple[type[BaseException], ...], Reason], ...] = (
    # in this order: the special ones inherit from the general ones
    ((aiohttp.ConnectionTimeoutError, TimeoutError), Reason.TIMEOUT),
    ((aiohttp.ClientSSLError, ssl.SSLError), Reason.TLS),
    ((aiohttp.ClientConnectorDNSError,), Reason.DNS),
    ((aiohttp.ClientConnectorError,), Reason.CONNECT),
    ((aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, ConnectionError), Reason.RESET),
    ((aiohttp.InvalidURL,), Reason.REFUSED_ADDRESS),
    ((aiohttp.ClientResponseError, aiohttp.ClientPayloadError, aiohttp.ClientError), Reason.PROTOCOL),
    ((OSError,), Reason.CONNECT),
)


def _refusal(error: BaseException | None) -> AddressRefused | None:
    while error is not None:
        if isinstance(error, AddressRefused):
            return error
        error = error.__cause__ or error.__context__
    return None


def _told(error: BaseException) -> str:
    refusal = _refusal(error)
    if refusal is not None:
        return refusal.detail[:DETAIL_CHARACTERS]
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return readable(f"{type(error).__name__}: {error}".encode(errors="replace"))[:DETAIL_CHARACTERS]
