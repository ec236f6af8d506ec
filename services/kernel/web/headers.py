"""Headers that protect readers of our pages, and the Content-Type that curl sends by default."""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PAGE_POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "frame-ancestors 'none'; form-action 'self'"
)
"""Everything from ourselves, nothing inline, no frames: pages keep their scripts and styles in files."""

HSTS = "max-age=31536000"
"""A year, as the preload lists ask; sent only where the public address is https."""

FORM = "application/x-www-form-urlencoded"


class SecurityHeaders:
    """Adds to every answer what browsers need to keep other sites' hands off it."""

    def __init__(self, app: ASGIApp, *, secure: bool) -> None:
        self._app = app
        self._secure = secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def protect(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["x-content-type-options"] = "nosniff"
                if headers.get("content-type", "").startswith("text/html"):
                    headers.setdefault("content-security-policy", PAGE_POLICY)
                    headers.setdefault("referrer-policy", "same-origin")
                    headers["cross-origin-opener-policy"] = "same-origin"
                    headers["permissions-policy"] = "camera=(), geolocation=(), microphone=()"
                if self._secure:
                    headers["strict-transport-security"] = HSTS
            await send(message)

        await self._app(scope, receive, protect)


class JsonByDefault:
    """Below `prefix`, a body without a Content-Type, or with the one that `curl -d` sends unasked, is JSON.

    There are no HTML forms below it, so nothing is taken for JSON that was meant otherwise.
    """

    def __init__(self, app: ASGIApp, *, prefix: str) -> None:
        self._app = app
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(self._prefix):
            given = Headers(scope=scope).get("content-type")
            if given is None or given.partition(";")[0].strip().lower() == FORM:
                others = [pair for pair in scope["headers"] if pair[0] != b"content-type"]
                # Not a copy of the scope: the route found further in is read by those further out.
                scope["headers"] = [*others, (b"content-type", b"application/json")]
        await self._app(scope, receive, send)
