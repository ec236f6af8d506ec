"""`/sign-in` and out: an API key becomes a session."""

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from services.gateway.board.forms import onward, read_form
from services.gateway.board.ports import BoardPorts
from services.gateway.board.rendering import Renderer
from services.gateway.board.visit import Visit, Visits
from services.kernel.problems import Unauthenticated
from services.kernel.web.ports import ports_of

LINK_USED = "This link has been used, or is too old. Sign in with the API key instead."


def routes(ports: BoardPorts, visits: Visits, renderer: Renderer) -> APIRouter:
    made = APIRouter(include_in_schema=False)
    visiting = Annotated[Visit, Depends(visits)]

    @made.get("/sign-in")
    async def page(
        visit: visiting, onwards: Annotated[str, Query(alias="next", max_length=1_000)] = "/"
    ) -> Response:
        return renderer.page("sign_in.html", visit, wrong=None, onwards=local(onwards))

    @made.post("/sign-in")
    async def sign_in(request: Request, visit: visiting) -> Response:
        form = await read_form(request)
        key, onwards = form.text("key"), local(form.text("next"))
        try:
            await ports.directory.authenticate(key)
        except Unauthenticated as refusal:
            return renderer.page("sign_in.html", visit, status=401, wrong=refusal.detail, onwards=onwards)
        return _begun(request, key, onwards)

    @made.get("/sign-in/{token}")
    async def by_link(request: Request, visit: visiting, token: str) -> Response:
        key = ports.links.use(token)
        if key is None:
            if visit.principal is not None:
                return onward("/")
            return renderer.page("sign_in.html", visit, status=401, wrong=LINK_USED, onwards="/")
        await ports.directory.authenticate(key)
        return _begun(request, key, "/")

    @made.post("/sign-out")
    async def sign_out(request: Request) -> Response:
        await read_form(request)
        response = onward("/")
        ports_of(request).sessions.end(response)
        return response

    return made


def _begun(request: Request, key: str, onwards: str) -> Response:
    response = onward(onwards)
    ports_of(request).sessions.begin(response, key)
    return response


def local(address: str) -> str:
    """The address if it is a path on this server, else the first page: nobody is sent to another site."""
    parts = urlsplit(address)
    is_path = address.startswith("/") and not address.startswith(("//", "/\\"))
    if parts.scheme or parts.netloc or not is_path or not address.isprintable():
        return "/"
    return address
