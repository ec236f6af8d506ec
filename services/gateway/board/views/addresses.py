"""The secret address of a subscription: shown once, and made anew."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from schemas.subscription import Subscription
from services.gateway.board.forms import guard, read_form
from services.gateway.board.ports import BoardPorts
from services.gateway.board.rendering import Renderer
from services.gateway.board.visit import Visit, Visits
from services.kernel.web.idempotency import Effect


def shown(
    renderer: Renderer, visit: Visit, write: Callable[[AsyncSession], Awaitable[Subscription]], what: str
) -> Effect:
    """Writes, and shows the page with the address, this once. `what`: "made", or "anew"."""

    async def effect(tx: AsyncSession) -> Response:
        return renderer.page("address.html", visit, secret=True, subscription=await write(tx), what=what)

    return effect


def routes(ports: BoardPorts, visits: Visits, renderer: Renderer) -> APIRouter:
    made = APIRouter(include_in_schema=False)

    @made.post("/settings/subscriptions/{subscription}/address")
    async def make(request: Request, visit: Annotated[Visit, Depends(visits)], subscription: str) -> Response:
        principal = visit.known()
        form = await read_form(request)
        write = await ports.subscriptions.addressing(principal, subscription)
        effect = shown(renderer, visit, write, "anew")
        return await guard(request, principal, form).run(effect, confidential=True)

    return made
