"""Which methods an address knows. The framework asks its routes one by one, and stops too early twice: it
names the methods of the first route alone in Allow, and takes `/deliveries/resend` for a delivery's id."""

from collections.abc import Iterable

from fastapi import APIRouter, FastAPI, Request
from starlette.routing import Match
from starlette.types import Scope

from services.kernel.problems import MethodNotAllowed

METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
DETAIL = "This address does not know that method; the Allow header names those it knows."


def note_literal_addresses(app: FastAPI, routers: Iterable[APIRouter]) -> None:
    """Tell the application which addresses its routes spell out, with their methods."""
    literal: dict[str, set[str]] = {}
    for router in routers:
        for route in router.routes:
            path = getattr(route, "path", None)
            if path is not None and "{" not in path:
                literal.setdefault(path, set()).update(getattr(route, "methods", None) or ())
    app.state.literal_addresses = literal


def allowed_methods(scope: Scope) -> str:
    """The methods that some route takes at this address, as the Allow header names them."""
    literal = _literal(scope)
    if literal:
        return ", ".join(sorted(literal))
    routes = scope["app"].routes
    return ", ".join(
        method
        for method in METHODS
        if any(route.matches({**scope, "method": method})[0] is Match.FULL for route in routes)
    )


async def literal_addresses(request: Request) -> None:
    """A dependency of the whole application: an address that a route spells out is no id for the route
    beside it that has a placeholder there. Raises `MethodNotAllowed`."""
    if request.path_params and _literal(request.scope):
        raise MethodNotAllowed(DETAIL, headers={"Allow": allowed_methods(request.scope)})


def _literal(scope: Scope) -> set[str]:
    known: dict[str, set[str]] = getattr(scope["app"].state, "literal_addresses", {})
    return known.get(scope["path"], set())
