"""The application: the rooms' routers, the stream, the journal, health and documentation, behind one stack
of limits. Everything it needs is handed in; nothing is opened here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from importlib.metadata import version
from typing import Any

import orjson
from fastapi import APIRouter, Depends, FastAPI
from starlette.middleware import Middleware
from starlette.responses import Response

from services.gateway import (
    dead_letter_endpoints,
    docs,
    health,
    journal_endpoints,
    schema_endpoints,
    stream,
)
from services.gateway.board.problem_pages import ProblemPages
from services.gateway.feed import Feed
from services.gateway.health import Check
from services.gateway.requests import Requests
from services.gateway.stream import Selecting, no_subscriptions
from services.kernel.journal.tail import Tail
from services.kernel.settings import Settings
from services.kernel.web import openapi
from services.kernel.web.headers import JsonByDefault, SecurityHeaders
from services.kernel.web.idempotency import BodyDigest, install_replays
from services.kernel.web.limits import BodyLimit, Rate, RateLimit, RequestTimeout
from services.kernel.web.methods import literal_addresses, note_literal_addresses
from services.kernel.web.parameters import known_parameters
from services.kernel.web.ports import WebPorts
from services.kernel.web.problems import UnexpectedErrors, install_problem_handlers

UPLOADS = ("/v1/companies/import", "/companies/import", "/v1/plans/import", "/plans/import")
"""Beginnings of paths that take files: they have the larger limit, and the time that taking them in takes."""

DESCRIPTION = """\
Liaison tells industry clusters and companies of challenges that Big Science Organisations announce, and
tells who announced them which companies match, requirement by requirement, and why.

Send an API key as `Authorization: Bearer lia_…`. Errors are `application/problem+json` (RFC 9457). A POST
that takes an `Idempotency-Key` may be sent again with it: it has no second effect, and the same answer. The
others have no second effect by what they are (a file imported again updates, and what is equal stays as it
is). A change needs `If-Match` with the `ETag` that you read. Lists come in pages: send `next` as `cursor` to
go on.
"""

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[Mapping[str, Any] | None]]


def create_app(
    settings: Settings,
    ports: WebPorts,
    tail: Tail,
    routers: Sequence[APIRouter],
    *,
    checks: Mapping[str, Check] | None = None,
    selecting: Selecting = no_subscriptions,
    lifespan: Lifespan | None = None,
) -> FastAPI:
    """Compose the application. `tail` is run by the caller (or in `lifespan`); `checks` are what
    /health/ready asks beside the database; `selecting` picks what a stream shows of a subscription."""
    app = FastAPI(
        title="Liaison",
        version=version("liaison"),
        summary="Matchmaking for industry clusters and Big Science Organisations",
        description=DESCRIPTION,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,  # type: ignore[arg-type]  # FastAPI's own type leaves out the mapping
        dependencies=[Depends(literal_addresses), Depends(known_parameters)],
        middleware=_stack(settings),
        # Our own span around each request is cheaper, and tells nothing of what was sent.
        telemetry={"tracing": False, "metrics": False, "logs": False, "operation_spans": False},
    )
    ports.attach(app)
    install_problem_handlers(app)
    install_replays(app)
    streams = stream.Streams(Feed(ports.database, tail), per_key=settings.streams_per_key)
    own = (
        stream.router(streams, selecting),
        journal_endpoints.router(ports.database),
        dead_letter_endpoints.router(ports.database, ports.clock),
        schema_endpoints.router(),
        health.router(ports.database, checks or {}),
        docs.router(app),
    )
    for router in (*routers, *own):
        app.include_router(router)
    note_literal_addresses(app, (*routers, *own))
    app.openapi = lambda: openapi.document(app)  # type: ignore[method-assign]  # FastAPI documents this way

    @app.get("/openapi.json", include_in_schema=False)
    async def document() -> Response:
        return Response(orjson.dumps(app.openapi()), media_type="application/json")

    return app


def _stack(settings: Settings) -> list[Middleware]:
    """Plain ASGI middlewares, outermost first."""
    per_key = Rate(settings.rate_per_key, settings.burst_per_key)
    per_address = Rate(settings.rate_per_address, settings.burst_per_address)
    uploads = dict.fromkeys(UPLOADS, settings.upload_limit_bytes)
    return [
        Middleware(Requests),
        Middleware(SecurityHeaders, secure=settings.public_url.startswith("https:")),
        Middleware(ProblemPages),
        Middleware(UnexpectedErrors),
        Middleware(RateLimit, per_key=per_key, per_address=per_address),
        Middleware(RequestTimeout, uploads=UPLOADS),
        Middleware(BodyLimit, limit=settings.body_limit_bytes, exceptions=uploads),
        Middleware(BodyDigest),
        Middleware(JsonByDefault, prefix="/v1/"),
    ]
