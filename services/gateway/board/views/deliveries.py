"""The delivery log of an endpoint: what was sent, what came of it, and sending again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from schemas.delivery import Delivery, DeliveryState, Window
from services.gateway.board.forms import onward, read_form
from services.gateway.board.ports import BoardPorts
from services.gateway.board.rendering import Renderer
from services.gateway.board.visit import Visit, Visits
from services.kernel.security import Principal

LOG_PAGE = 25
WATCHED_FOR = timedelta(minutes=2)
"""How long a pending message keeps the log refreshing itself: past the first retries, not for days."""
WINDOWS = {"1": "the last hour", "24": "the last 24 hours", "120": "the last 5 days"}
"""Hours, and how they are called: five days are what the retry schedule spans."""
WINDOW_DEFAULT = "24"


@dataclass(frozen=True, slots=True)
class Log:
    """A page of the log. `more`: the event to go on behind. `watching`: something is still under way."""

    endpoint: str
    deliveries: Sequence[Delivery]
    more: str | None
    watching: bool
    later: bool


async def log(ports: BoardPorts, principal: Principal, endpoint: str, after: str = "") -> Log:
    found = await ports.deliveries.list(
        principal, endpoint=endpoint, after=(after, endpoint) if after else None, limit=LOG_PAGE + 1
    )
    now = ports.clock.now()
    return Log(
        endpoint,
        found[:LOG_PAGE],
        found[LOG_PAGE - 1].event if len(found) > LOG_PAGE else None,
        watching=not after and any(_is_watched(one, now) for one in found),
        later=bool(after),
    )


def _is_watched(delivery: Delivery, now: datetime) -> bool:
    return delivery.state is DeliveryState.pending and now - delivery.created_at < WATCHED_FOR


def routes(ports: BoardPorts, visits: Visits, renderer: Renderer) -> APIRouter:
    made = APIRouter(prefix="/settings", include_in_schema=False)
    visiting = Annotated[Visit, Depends(visits)]

    @made.get("/endpoints/{endpoint}/log")
    async def part(visit: visiting, endpoint: str) -> Response:
        return renderer.page("_log.html", visit, log=await log(ports, visit.known(), endpoint))

    @made.post("/endpoints/{endpoint}/resend")
    async def resend_window(request: Request, visit: visiting, endpoint: str) -> Response:
        principal = visit.known()
        form = await read_form(request)
        hours = form.text("hours") if form.text("hours") in WINDOWS else WINDOW_DEFAULT
        now = ports.clock.now()
        window = Window(endpoint=endpoint, since=now - timedelta(hours=int(hours)), until=now)
        await ports.deliveries.resend_window(principal, window)
        return onward(f"/settings/endpoints/{endpoint}#log")

    @made.get("/deliveries/{message}")
    async def page(visit: visiting, message: str) -> Response:
        principal = visit.known()
        return renderer.page(
            "delivery.html",
            visit,
            delivery=await ports.deliveries.get(principal, message),
            attempts=await ports.deliveries.attempts(principal, message),
        )

    @made.post("/deliveries/{message}/resend")
    async def resend(request: Request, visit: visiting, message: str) -> Response:
        principal = visit.known()
        await read_form(request)
        sent = await ports.deliveries.resend(principal, message)
        return onward(f"/settings/endpoints/{sent.endpoint}#{sent.id}")

    return made
