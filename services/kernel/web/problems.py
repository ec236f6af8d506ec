"""Every error leaves as `application/problem+json`, and every endpoint says which ones it may answer."""

import json
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.kernel.problems import (
    MalformedRequest,
    MethodNotAllowed,
    NotAcceptable,
    NotFound,
    Problem,
    ProblemDetails,
    TooLarge,
    TransientError,
    Unavailable,
    UnsupportedMediaType,
)
from services.kernel.telemetry import current_trace_id
from services.kernel.web.methods import DETAIL, allowed_methods
from services.kernel.web.validation import as_problem

PROBLEM_JSON = "application/problem+json"
PROBLEM_REF = {"$ref": "#/components/schemas/ProblemDetails"}

log = structlog.get_logger(__name__)

_BY_STATUS: dict[int, tuple[type[Problem], str]] = {
    400: (
        MalformedRequest,
        "The body could not be read. It must be UTF-8 and valid in its Content-Type, without nesting or "
        "numbers that go on for thousands of characters.",
    ),
    404: (NotFound, "There is nothing at this address. See /docs for what there is."),
    405: (MethodNotAllowed, DETAIL),
    406: (NotAcceptable, "The Accept header asks for a form that is not offered here."),
    413: (TooLarge, "The body is larger than is accepted here."),
    415: (UnsupportedMediaType, "Send the body as Content-Type: application/json."),
}


def problem_response(
    problem: Problem, instance: str | None = None, *, trace_id: str | None = None
) -> Response:
    """The problem as a response; `instance` is the path it happened at."""
    details = problem.body(instance)
    details.trace_id = trace_id
    return _respond(details, problem.headers)


def _respond(details: ProblemDetails, headers: dict[str, str] | None = None) -> Response:
    body = details.model_dump(exclude_none=True)
    # What a client sent may contain half a surrogate pair, and a sentence may repeat it.
    encoded = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return Response(encoded, details.status, headers, PROBLEM_JSON)


async def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return problem_response(error, request.url.path)


async def _on_transient(request: Request, error: Exception) -> Response:
    log.warning("transient_error", error=type(error).__name__, path=request.url.path, exc_info=error)
    problem = Unavailable(
        "A part of the service is down or busy; nothing was written. Try again in a moment."
    )
    return problem_response(problem, request.url.path, trace_id=current_trace_id())


async def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return problem_response(as_problem(error, request), request.url.path)


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if error.status_code == MethodNotAllowed.status:
        headers["Allow"] = allowed_methods(request.scope)
    if error.status_code in _BY_STATUS:
        kind, detail = _BY_STATUS[error.status_code]
        return problem_response(kind(detail, headers=headers), request.url.path)
    phrase = HTTPStatus(error.status_code).phrase
    details = ProblemDetails(
        type="about:blank",
        title=phrase,
        status=error.status_code,
        detail=str(error.detail),
        instance=request.url.path,
    )
    return _respond(details, headers)


def install_problem_handlers(app: FastAPI) -> None:
    """Expected errors become problems. Unexpected ones need the middleware `UnexpectedErrors` besides."""
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(TransientError, _on_transient)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)


def responses_for(*problems: type[Problem]) -> dict[int | str, dict[str, Any]]:
    """OpenAPI entries for `responses=`; problems of one status share an entry."""
    entries: dict[int | str, dict[str, Any]] = {}
    for problem in problems:
        entry = entries.get(problem.status)
        if entry:
            entry["description"] += f"; or: {problem.title}"
        else:
            entries[problem.status] = problem_entry(problem.title)
    return entries


def problem_entry(description: str) -> dict[str, Any]:
    return {"description": description, "content": {PROBLEM_JSON: {"schema": PROBLEM_REF}}}


class ConnectionCut(Exception):
    """We end this connection on purpose, in the middle of an answer, because its reader stalls."""


class UnexpectedErrors:
    """ASGI middleware: a bug is logged with its trace and answered as a 500 that tells the trace id."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def watch(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except ConnectionCut:
            raise
        except Exception as error:
            log.exception("unexpected_error", path=scope["path"], method=scope["method"])
            if started:
                # Too late for another answer; the server cuts the connection, so that the client notices.
                raise
            detail = "Something went wrong on our side. It is logged; tell us the trace id if it stays."
            if isinstance(error, TransientError):
                response = await _on_transient(Request(scope), error)
            else:
                response = problem_response(Problem(detail), scope["path"], trace_id=current_trace_id())
            await response(scope, receive, send)
