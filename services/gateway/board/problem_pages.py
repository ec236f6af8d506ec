"""Errors as pages, for people: whoever asks for HTML gets a page in the place of `application/problem+json`.

A middleware, so that it also covers what is refused before any route is reached: rates, sizes, time limits,
and errors of our own. Somebody who is not signed in is shown where to.
"""

from __future__ import annotations

from urllib.parse import quote

import orjson
from jinja2 import Template
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.gateway.board.rendering import HTML, environment
from services.kernel.web.problems import PROBLEM_JSON

OWN_TEXT = {
    401: ("Your session has ended", "Sign in again, then send the form once more."),
    404: ("There is nothing here", "The address may be mistyped, or what was here is not for you to see."),
    500: ("This went wrong on our side", "It is logged. Try again in a moment."),
}
"""Said to people instead of the title, where the title is for programs."""


def wants_page(headers: Headers) -> bool:
    """A browser that opens an address asks for HTML by name; programs and our own scripts do not."""
    return "text/html" in headers.get("accept", "")


class ProblemPages:
    """ASGI middleware around everything that answers with problems."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._template: Template = environment().get_template("problem.html")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not wants_page(Headers(scope=scope)):
            await self._app(scope, receive, send)
            return
        start: Message | None = None
        body = b""

        async def watch(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start" and _is_problem(message):
                start = message
            elif start is None:
                await send(message)
            else:
                body += message.get("body", b"")
                if not message.get("more_body", False):
                    await self._answer(scope, start, body, send)

        await self._app(scope, receive, watch)

    async def _answer(self, scope: Scope, start: Message, body: bytes, send: Send) -> None:
        headers = MutableHeaders(raw=start["headers"])
        headers["vary"] = "Accept, Cookie"
        if start["status"] == 401 and scope["method"] in ("GET", "HEAD"):
            start["status"], page = 303, b""
            headers["location"] = f"/sign-in?next={quote(_address(scope), safe='')}"
            del headers["www-authenticate"]
        else:
            problem = orjson.loads(body)
            title, hint = OWN_TEXT.get(problem["status"], (problem["title"], ""))
            page = self._template.render(problem=problem, title=title, hint=hint).encode()
            headers["content-type"] = HTML
        headers["cache-control"] = "no-store"
        headers["content-length"] = str(len(page))
        start["headers"] = headers.raw
        await send(start)
        await send({"type": "http.response.body", "body": page if scope["method"] != "HEAD" else b""})


def _is_problem(start: Message) -> bool:
    kind = Headers(raw=start["headers"]).get("content-type", "")
    return start["status"] >= 400 and kind.startswith(PROBLEM_JSON)


def _address(scope: Scope) -> str:
    """What was asked for, as a path on this server."""
    path: str = scope.get("raw_path", scope["path"].encode()).decode("latin-1")
    query = scope["query_string"].decode("latin-1")
    return f"{path}?{query}" if query else path
