"""Around every request: its span, its metrics, its line in the log."""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.gateway.metrics import REQUESTS, SECONDS
from services.kernel.security import Principal
from services.kernel.telemetry import current_trace_id, span
from services.kernel.web.limits import OPEN_PATHS

UNKNOWN_ROUTE = "(none)"
"""Label of requests that no route took: an address as asked must not become a label."""

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

log = structlog.get_logger("liaison.http")


class Requests:
    """ASGI middleware, the outermost. Continues the client's trace if it sends `traceparent`, and answers
    with `x-request-id`: the trace id, which is in every line of the log."""

    def __init__(self, app: ASGIApp, *, monotonic: Callable[[], float] = time.perf_counter) -> None:
        self._app = app
        self._monotonic = monotonic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in OPEN_PATHS:
            await self._app(scope, receive, send)
            return
        begun = self._monotonic()
        scope.setdefault("state", {})
        status, answered = 500, begun

        async def watch(message: Message) -> None:
            nonlocal status, answered
            if message["type"] == "http.response.start":
                status, answered = message["status"], self._monotonic()
                if trace_id := current_trace_id():
                    MutableHeaders(scope=message)["x-request-id"] = trace_id
            await send(message)

        parent = Headers(scope=scope).get("traceparent")
        method = scope["method"] if scope["method"] in METHODS else "OTHER"
        with span(method, traceparent=parent, kind=SpanKind.SERVER) as running:
            try:
                await self._app(scope, receive, watch)
            finally:
                route = _route(scope)
                _finish(running, method, route, status)
                REQUESTS.labels(method, route, status).inc()
                SECONDS.labels(method, route).observe(answered - begun)
                _log(scope, method, route, status, answered - begun)


def _route(scope: Scope) -> str:
    route = scope.get("route")
    return getattr(route, "path", UNKNOWN_ROUTE)


def _finish(running: Span, method: str, route: str, status: int) -> None:
    running.update_name(f"{method} {route}")
    running.set_attribute("http.request.method", method)
    running.set_attribute("http.route", route)
    running.set_attribute("http.response.status_code", status)
    if status >= 500:
        running.set_status(Status(StatusCode.ERROR))


def _log(scope: Scope, method: str, route: str, status: int, seconds: float) -> None:
    """Reads that went well are for debugging only; changes and failures are for the record."""
    who = scope["state"].get("principal")
    organisation = who.organisation if isinstance(who, Principal) else None
    if status >= 500:
        say = log.warning
    elif status >= 400 or method not in ("GET", "HEAD"):
        say = log.info
    else:
        say = log.debug
    say(
        "request",
        method=method,
        route=route,
        status=status,
        ms=round(seconds * 1_000, 1),
        organisation=organisation,
    )
