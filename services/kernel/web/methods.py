"""Which methods an address knows. The framework asks its routes one by one, and stops too early twice: it
names the methods of the first route alone in Allow, and takes `/deliveries/resend` for a delivery's id."""

from collections.abc import Iterable

from fastapi import APIRouter, Request
from starlette.routing import Match
from starlette.types import Scope

from services.kernel.problems import MethodNotAllowed

METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
DETAIL = "This address does not know that method; the Allow header names those it knows."


def allowed_methods(scope: Scope) -> str:
    """The methods that some route takes at this address, as the Allow header names them."""
    routes = scope["app"].routes
    return ", ".join(
        method
        for method in METHODS
        if any(route.matches({**scope, "method": method})[0] is Match.FULL for route in routes)
    )


class LiteralAddresses:
    """A dependency of the whole application: where an address is spelt out by a route, a route with a
    placeholder does not take it. Raises `MethodNotAllowed`."""

    def __init__(self, routers: Iterable[APIRouter]) -> None:
        self._methods: dict[str, set[str]] = {}
        for router in routers:
            for route in router.routes:
                path = getattr(route, "path", "{")
                if "{" not in path:
                    self._methods.setdefault(path, set()).update(getattr(route, "methods", None) or ())

    async def __call__(self, request: Request) -> None:
        if request.path_params and (methods := self._methods.get(request.scope["path"])):
            raise MethodNotAllowed(DETAIL, headers={"Allow": ", ".join(sorted(methods))})
