"""Subscriptions over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Path
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from schemas.base import SubscriptionId
from schemas.digest import WaitingDigest
from schemas.subscription import ADDRESSED, CreatedSubscription, Subscription, SubscriptionContent
from services.kernel.problems import (
    Conflict,
    InvalidInput,
    NotFound,
    PreconditionFailed,
    PreconditionRequired,
    Unauthenticated,
    Unavailable,
)
from services.kernel.web.authentication import Reader, Writer
from services.kernel.web.idempotency import Once
from services.kernel.web.pagination import Page, Paging
from services.kernel.web.preconditions import IfMatch
from services.kernel.web.problems import responses_for
from services.kernel.web.reply import reply
from services.notification.subscriptions import Subscriptions

_Id = Annotated[SubscriptionId, Path()]


def router(subscriptions: Subscriptions) -> APIRouter:
    """Routes under /v1/subscriptions; `subscriptions` is what they act on."""
    routes = APIRouter(prefix="/v1/subscriptions", tags=["subscriptions"])
    always = responses_for(Unauthenticated, InvalidInput, Unavailable)

    @routes.post(
        "",
        status_code=201,
        response_model=CreatedSubscription,
        responses=always | responses_for(Conflict),
        summary="Subscribe",
        description=(
            "Follow your own profile, your members' profiles, a saved query, a challenge, a country, "
            "everything of a buyer, or the pairings of your needs with those of others. For the channel "
            "`webhook`, create an endpoint first. Its events come at once, or with `timing` in a digest a "
            "day or a week; with `weekly_budget` at most so many suggestions come at once. A stream is never "
            "held back. For the channels `feed` and `calendar` the answer holds the address to read it from, "
            "this once: whoever has that address needs no key."
        ),
    )
    async def subscribe(content: SubscriptionContent, principal: Writer, once: Once) -> Response:
        write = await subscriptions.creating(principal, content)

        async def effect(tx: AsyncSession) -> Response:
            made = await write(tx)
            return reply(made, 201, version=made.version, location=f"/v1/subscriptions/{made.id}")

        return await once.run(effect, confidential=content.channel in ADDRESSED)

    @routes.get("", responses=always, summary="Your subscriptions")
    async def list_subscriptions(principal: Reader, paging: Paging) -> Page[Subscription]:
        after = paging.after(str)
        found = await subscriptions.list(
            principal, after=None if after is None else after[0], limit=paging.limit + 1
        )
        return paging.page(found, lambda one: (one.id,), lambda one: one)

    @routes.get(
        "/{subscription}",
        response_model=Subscription,
        responses=always | responses_for(NotFound),
        summary="One subscription",
    )
    async def get_subscription(principal: Reader, subscription: _Id) -> Response:
        found = await subscriptions.get(principal, subscription)
        return reply(found, version=found.version)

    @routes.get(
        "/{subscription}/waiting",
        response_model=WaitingDigest,
        responses=always | responses_for(NotFound),
        summary="What waits for the next digest",
        description="As the digest would say it now, and when it comes.",
    )
    async def get_waiting(principal: Reader, subscription: _Id) -> WaitingDigest:
        return await subscriptions.waiting(principal, subscription)

    @routes.put(
        "/{subscription}",
        response_model=Subscription,
        responses=always | responses_for(NotFound, PreconditionFailed, PreconditionRequired),
        summary="Change a subscription, pause or resume it",
        description=(
            "While it is paused its address answers 404, and again as before when it is resumed. One that "
            "comes to the channel `feed` or `calendar` from another gets its address from "
            "`POST /v1/subscriptions/{subscription}/address`."
        ),
    )
    async def change_subscription(
        content: SubscriptionContent, principal: Writer, subscription: _Id, match: IfMatch
    ) -> Response:
        changed = await subscriptions.change(principal, subscription, content, match.check)
        return reply(changed, version=changed.version)

    @routes.post(
        "/{subscription}/address",
        response_model=CreatedSubscription,
        responses=always | responses_for(NotFound, Conflict),
        summary="Make a new address",
        description=(
            "Of a subscription of the channel `feed` or `calendar`. The answer holds it, this once; the "
            "address before leads nowhere from then on."
        ),
    )
    async def make_address(principal: Writer, subscription: _Id, once: Once) -> Response:
        write = await subscriptions.addressing(principal, subscription)

        async def effect(tx: AsyncSession) -> Response:
            made = await write(tx)
            return reply(made, version=made.version)

        return await once.run(effect, confidential=True)

    @routes.delete(
        "/{subscription}",
        status_code=204,
        responses=always | responses_for(NotFound),
        summary="Unsubscribe",
    )
    async def unsubscribe(principal: Writer, subscription: _Id) -> None:
        await subscriptions.remove(principal, subscription)

    return routes
