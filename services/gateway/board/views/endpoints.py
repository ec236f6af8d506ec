"""`/settings/endpoints/{id}`: a receiver of webhooks, its secret once, code that verifies it, a test."""

from importlib.resources import files
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from schemas.delivery import CreatedEndpoint, EndpointContent
from services.courier.http import TOTAL_TIMEOUT_S
from services.gateway.board.forms import Form, build, guard, new_once, onward, read_form, seen
from services.gateway.board.ports import BoardPorts
from services.gateway.board.rendering import Renderer
from services.gateway.board.views.deliveries import WINDOWS, log
from services.gateway.board.visit import Visit, Visits

SAMPLES = {
    name: files("services.gateway.board.samples").joinpath(f"{name.lower()}.txt").read_text("utf-8")
    for name in ("Python", "Node", "PHP")
}


HOW = {"samples": SAMPLES, "seconds": round(TOTAL_TIMEOUT_S)}
"""What the page says of verifying and answering a message."""


def content(form: Form) -> EndpointContent:
    """Raises `InvalidInput` with a sentence per wrong field."""
    return build(EndpointContent, {"url": form.text("url"), "label": form.text("label") or None})


def with_secret(renderer: Renderer, visit: Visit, endpoint: CreatedEndpoint, what: str) -> Response:
    """The page that shows a secret, this once."""
    return renderer.page("endpoint_secret.html", visit, secret=True, endpoint=endpoint, what=what, how=HOW)


def routes(ports: BoardPorts, visits: Visits, renderer: Renderer) -> APIRouter:
    made = APIRouter(prefix="/settings/endpoints/{endpoint}", include_in_schema=False)
    visiting = Annotated[Visit, Depends(visits)]

    @made.get("")
    async def page(
        visit: visiting, endpoint: str, after: Annotated[str, Query(max_length=64)] = ""
    ) -> Response:
        principal = visit.known()
        return renderer.page(
            "endpoint.html",
            visit,
            endpoint=await ports.endpoints.get(principal, endpoint),
            how=HOW,
            windows=WINDOWS,
            once=new_once(),
            log=await log(ports, principal, endpoint, after),
        )

    @made.post("/secret")
    async def rotate(request: Request, visit: visiting, endpoint: str) -> Response:
        principal = visit.known()
        form = await read_form(request)
        write = await ports.endpoints.rotating(principal, endpoint)

        async def effect(tx: AsyncSession) -> Response:
            return with_secret(renderer, visit, await write(tx), "rotated")

        return await guard(request, principal, form).run(effect, confidential=True)

    @made.post("/test")
    async def test(request: Request, visit: visiting, endpoint: str) -> Response:
        principal = visit.known()
        await read_form(request)
        sent = await ports.endpoints.test(principal, endpoint)
        return onward(f"/settings/endpoints/{endpoint}#{sent.id}")

    @made.post("/on")
    async def switch_on(request: Request, visit: visiting, endpoint: str) -> Response:
        principal = visit.known()
        await read_form(request)
        await ports.endpoints.switch_on(principal, endpoint)
        return onward(f"/settings/endpoints/{endpoint}")

    @made.post("/change")
    async def change(request: Request, visit: visiting, endpoint: str) -> Response:
        principal = visit.known()
        form = await read_form(request)
        await ports.endpoints.change(principal, endpoint, content(form), seen(form))
        return onward(f"/settings/endpoints/{endpoint}")

    @made.post("/remove")
    async def remove(request: Request, visit: visiting, endpoint: str) -> Response:
        principal = visit.known()
        await read_form(request)
        await ports.endpoints.remove(principal, endpoint)
        return onward("/settings#endpoints")

    return made
