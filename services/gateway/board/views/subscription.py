"""`/settings/subscriptions/{id}`: when its webhooks come, what waits for the next digest, and its changes."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from services.gateway.board.forms import onward, read_form, said, seen
from services.gateway.board.ports import BoardPorts
from services.gateway.board.rendering import Renderer
from services.gateway.board.views import following
from services.gateway.board.visit import Visit, Visits
from services.kernel.problems import InvalidInput

LIST = "/settings#subscriptions"


def routes(ports: BoardPorts, visits: Visits, renderer: Renderer) -> APIRouter:
    made = APIRouter(prefix="/settings/subscriptions/{subscription}", include_in_schema=False)
    visiting = Annotated[Visit, Depends(visits)]

    async def shown(visit: Visit, subscription: str, wrong: str = "", status: int = 200) -> Response:
        principal = visit.known()
        present = await ports.subscriptions.get(principal, subscription)
        return renderer.page(
            "subscription.html",
            visit,
            status=status,
            one=present,
            follows=(await following.named(ports, [present]))[present.id],
            waiting=await ports.subscriptions.waiting(principal, subscription),
            wrong=wrong,
        )

    @made.get("")
    async def page(visit: visiting, subscription: str) -> Response:
        return await shown(visit, subscription)

    @made.post("/when")
    async def when(request: Request, visit: visiting, subscription: str) -> Response:
        principal = visit.known()
        form = await read_form(request)
        present = await ports.subscriptions.get(principal, subscription)
        try:
            content = following.changed(present, following.when(form))
            await ports.subscriptions.change(principal, subscription, content, seen(form))
        except InvalidInput as problem:
            return await shown(visit, subscription, said(problem), status=422)
        return onward(LIST)

    @made.post("/remove")
    async def remove(request: Request, visit: visiting, subscription: str) -> Response:
        principal = visit.known()
        await read_form(request)
        await ports.subscriptions.remove(principal, subscription)
        return onward(LIST)

    @made.post("/{change}")
    async def pause_or_resume(request: Request, visit: visiting, subscription: str, change: str) -> Response:
        principal = visit.known()
        form = await read_form(request)
        if change in ("pause", "resume"):
            present = await ports.subscriptions.get(principal, subscription)
            content = following.changed(present, {"paused": change == "pause"})
            await ports.subscriptions.change(principal, subscription, content, seen(form))
        return onward(LIST)

    return made
