"""`/settings`: subscriptions and keys; endpoints are listed here and have a page each."""

from collections.abc import Mapping
from datetime import UTC, datetime, time
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from schemas.codes import country_names
from schemas.organisation import Key, KeyContent, OrganisationKind, Scope
from schemas.subscription import ADDRESSED
from services.gateway.board.forms import (
    build,
    going_on,
    guard,
    new_once,
    onward,
    read_form,
    said,
)
from services.gateway.board.ports import BoardPorts
from services.gateway.board.rendering import Renderer
from services.gateway.board.views import addresses, endpoints, following
from services.gateway.board.views.challenges import BUYERS_MAX
from services.gateway.board.visit import Visit, Visits
from services.intake.challenge_store import ChallengeFilter
from services.intake.company_store import CompanyFilter
from services.intake.completion import last_open_day
from services.kernel.problems import InvalidInput
from services.kernel.security import Principal
from services.matching.feedback_rules import NUDGE_MAX

LISTED = 200
"""Subscriptions, endpoints, keys and things to follow shown on the page: an organisation may have no more
subscriptions than this."""


def routes(ports: BoardPorts, visits: Visits, renderer: Renderer) -> APIRouter:
    made = APIRouter(include_in_schema=False)
    visiting = Annotated[Visit, Depends(visits)]

    async def overview(visit: Visit, wrong: Mapping[str, str] | None = None, status: int = 200) -> Response:
        principal = visit.known()
        subscriptions = await ports.subscriptions.list(principal, after=None, limit=LISTED)
        return renderer.page(
            "settings.html",
            visit,
            status=status,
            endpoints=await ports.endpoints.list(principal, after=None, limit=LISTED),
            subscriptions=subscriptions,
            follows=await following.named(ports, subscriptions),
            waiting=await ports.subscriptions.counts(subscriptions),
            keys=await _keys(ports, visit),
            threshold=ports.threshold,
            most=NUDGE_MAX,
            wrong=wrong or {},
            once=new_once(),
            **await _offered(ports, principal),
        )

    @made.get("/settings")
    async def page(visit: visiting) -> Response:
        return await overview(visit)

    @made.post("/settings/endpoints")
    async def register(request: Request, visit: visiting) -> Response:
        principal = visit.known()
        form = await read_form(request)
        try:
            write = await ports.endpoints.creating(principal, endpoints.content(form))
        except InvalidInput as problem:
            return await overview(visit, {"endpoint": said(problem)}, status=422)

        async def effect(tx: AsyncSession) -> Response:
            return endpoints.with_secret(renderer, visit, await write(tx), "made")

        return await guard(request, principal, form).run(effect, confidential=True)

    @made.post("/settings/subscriptions")
    async def subscribe(request: Request, visit: visiting) -> Response:
        principal = visit.known()
        form = await read_form(request)
        try:
            content = following.content(form)
            write = await ports.subscriptions.creating(principal, content)
        except InvalidInput as problem:
            return await overview(visit, {"subscription": said(problem)}, status=422)

        if content.channel in ADDRESSED:
            effect = addresses.shown(renderer, visit, write, "made")
            return await guard(request, principal, form).run(effect, confidential=True)
        return await guard(request, principal, form).run(going_on(write, "/settings#subscriptions"))

    @made.post("/settings/keys")
    async def issue(request: Request, visit: visiting) -> Response:
        principal = visit.known()
        form = await read_form(request)
        values: dict[str, object] = {"label": form.text("label"), "scopes": (form.text("scope"),)}
        if form.text("expires"):
            values["expires_at"] = _end_of_day(form.text("expires"))
        try:
            write = await ports.directory.keys.issuing(principal, build(KeyContent, values))
        except InvalidInput as problem:
            return await overview(visit, {"key": said(problem)}, status=422)

        async def effect(tx: AsyncSession) -> Response:
            return renderer.page("key.html", visit, secret=True, key=await write(tx))

        return await guard(request, principal, form).run(effect, confidential=True)

    @made.post("/settings/keys/{key}/revoke")
    async def revoke(request: Request, visit: visiting, key: str) -> Response:
        principal = visit.known()
        await read_form(request)
        await ports.directory.keys.revoke(principal, key)
        return onward("/settings#keys" if key != principal.key else "/")

    return made


async def _keys(ports: BoardPorts, visit: Visit) -> list[Key]:
    """Keys of the visitor's organisation, if its key may manage them."""
    if not visit.manages:
        return []
    return await ports.directory.keys.page(visit.known(), limit=LISTED)


async def _offered(ports: BoardPorts, principal: Principal) -> dict[str, Any]:
    """What there is to follow."""
    buyers = await ports.directory.organisations.page(principal, kind=OrganisationKind.bso, limit=BUYERS_MAX)
    is_open = ChallengeFilter(open_on=last_open_day(ports.clock.now()))
    return {
        "companies": await ports.intake.companies.page(principal, CompanyFilter(), limit=LISTED),
        "challenges": await ports.intake.challenges.page(principal, is_open, limit=LISTED),
        "buyers": sorted(buyers, key=lambda one: one.name.casefold()),
        "countries": sorted(country_names().items(), key=lambda pair: pair[1]),
        "scopes": list(Scope),
    }


def _end_of_day(day: str) -> datetime | str:
    """The last instant of a day in UTC; what is no day stays as it is, and is refused with a reason."""
    try:
        return datetime.combine(datetime.fromisoformat(day).date(), time.max, tzinfo=UTC)
    except ValueError:
        return day
