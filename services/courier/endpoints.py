"""Webhook endpoints and the delivery log over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from schemas.base import EndpointId, MessageId
from schemas.delivery import (
    Attempt,
    CreatedEndpoint,
    Delivery,
    DeliveryState,
    Endpoint,
    EndpointContent,
    Resent,
    Window,
)
from services.courier.log import DeliveryLog
from services.courier.service import Endpoints
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

_Id = Annotated[EndpointId, Path()]
_Message = Annotated[MessageId, Path()]


def endpoints_router(endpoints: Endpoints) -> APIRouter:
    """Routes under /v1/endpoints; `endpoints` is what they act on."""
    routes = APIRouter(prefix="/v1/endpoints", tags=["endpoints"])
    always = responses_for(Unauthenticated, InvalidInput, Unavailable)

    @routes.post(
        "",
        status_code=201,
        response_model=CreatedEndpoint,
        responses=always | responses_for(Conflict),
        summary="Register a receiver of webhooks",
        description=(
            "The answer holds the signing secret, this once. Verify every message with it, by any library "
            "of standardwebhooks.com. Addresses inside a private network are refused."
        ),
    )
    async def register(content: EndpointContent, principal: Writer, once: Once) -> Response:
        write = await endpoints.creating(principal, content)

        async def effect(tx: AsyncSession) -> Response:
            made = await write(tx)
            return reply(made, 201, version=made.version, location=f"/v1/endpoints/{made.id}")

        return await once.run(effect, confidential=True)

    @routes.get("", responses=always, summary="Your endpoints")
    async def list_endpoints(principal: Reader, paging: Paging) -> Page[Endpoint]:
        after = paging.after(str)
        found = await endpoints.list(
            principal, after=None if after is None else after[0], limit=paging.limit + 1
        )
        return paging.page(found, lambda one: (one.id,), lambda one: one)

    @routes.get(
        "/{endpoint}",
        response_model=Endpoint,
        responses=always | responses_for(NotFound),
        summary="One endpoint, and whether it is on",
    )
    async def get_endpoint(principal: Reader, endpoint: _Id) -> Response:
        found = await endpoints.get(principal, endpoint)
        return reply(found, version=found.version)

    @routes.put(
        "/{endpoint}",
        response_model=Endpoint,
        responses=always | responses_for(NotFound, PreconditionFailed, PreconditionRequired),
        summary="Change an endpoint's URL or label",
        description="Messages that are still pending go to the new URL.",
    )
    async def change_endpoint(
        content: EndpointContent, principal: Writer, endpoint: _Id, match: IfMatch
    ) -> Response:
        changed = await endpoints.change(principal, endpoint, content, match.check)
        return reply(changed, version=changed.version)

    @routes.delete(
        "/{endpoint}",
        status_code=204,
        responses=always | responses_for(NotFound),
        summary="Remove an endpoint",
        description="Nothing more is sent to it; messages that were pending are cancelled.",
    )
    async def remove_endpoint(principal: Writer, endpoint: _Id) -> None:
        await endpoints.remove(principal, endpoint)

    @routes.post(
        "/{endpoint}/secret",
        response_model=CreatedEndpoint,
        responses=always | responses_for(NotFound, Conflict),
        summary="Rotate the signing secret",
        description=(
            "The answer holds the new secret, this once. For 24 hours every message carries the signatures "
            "of both, so that nothing fails to verify while you put the new one in place. At most five "
            "secrets sign at once; a further rotation is refused until the first of them has ended."
        ),
    )
    async def rotate_secret(principal: Writer, endpoint: _Id, once: Once) -> Response:
        write = await endpoints.rotating(principal, endpoint)

        async def effect(tx: AsyncSession) -> Response:
            rotated = await write(tx)
            return reply(rotated, version=rotated.version)

        return await once.run(effect, confidential=True)

    @routes.post(
        "/{endpoint}/test",
        status_code=202,
        response_model=Delivery,
        responses=always | responses_for(NotFound, Conflict),
        summary="Send a sample",
        description="Signed and retried as any other message; its delivery says what came of it.",
    )
    async def send_sample(principal: Writer, endpoint: _Id, once: Once) -> Response:
        write = await endpoints.testing(principal, endpoint)

        async def effect(tx: AsyncSession) -> Response:
            made = await write(tx)
            return reply(made, 202, location=f"/v1/deliveries/{made.id}")

        return await once.run(effect)

    @routes.post(
        "/{endpoint}/on",
        response_model=Endpoint,
        responses=always | responses_for(NotFound),
        summary="Switch an endpoint on again",
        description="What is still pending goes out at once.",
    )
    async def switch_on(principal: Writer, endpoint: _Id, once: Once) -> Response:
        async def effect(tx: AsyncSession) -> Response:
            on = await endpoints.switching_on(tx, principal, endpoint)
            return reply(on, version=on.version)

        return await once.run(effect)

    return routes


def deliveries_router(log: DeliveryLog) -> APIRouter:
    """Routes under /v1/deliveries; `log` is what they read and send again from."""
    routes = APIRouter(prefix="/v1/deliveries", tags=["deliveries"])
    always = responses_for(Unauthenticated, InvalidInput, Unavailable)

    @routes.get(
        "",
        responses=always | responses_for(NotFound),
        summary="The delivery log",
        description="Newest event first; of one endpoint, or of all of yours.",
    )
    async def list_deliveries(
        principal: Reader,
        paging: Paging,
        endpoint: Annotated[EndpointId | None, Query()] = None,
        state: Annotated[DeliveryState | None, Query()] = None,
    ) -> Page[Delivery]:
        after = paging.after(str, str)
        found = await log.list(
            principal,
            endpoint=endpoint,
            state=state,
            after=None if after is None else (after[0], after[1]),
            limit=paging.limit + 1,
        )
        return paging.page(found, lambda one: (one.event, one.endpoint), lambda one: one)

    @routes.post(
        "/resend",
        response_model=Resent,
        responses=always | responses_for(NotFound, Conflict),
        summary="Send a window of messages again",
        description="What was delivered once is not sent again, and what is pending goes on as it was.",
    )
    async def resend_window(window: Window, principal: Writer, once: Once) -> Response:
        async def effect(tx: AsyncSession) -> Response:
            return reply(Resent(messages=await log.resending_window(tx, principal, window)))

        return await once.run(effect)

    @routes.get("/{message}", responses=always | responses_for(NotFound), summary="One delivery")
    async def get_delivery(principal: Reader, message: _Message) -> Delivery:
        return await log.get(principal, message)

    @routes.get(
        "/{message}/attempts",
        responses=always | responses_for(NotFound),
        summary="Every request made for a message, and what came of it",
    )
    async def list_attempts(principal: Reader, message: _Message) -> list[Attempt]:
        return await log.attempts(principal, message)

    @routes.post(
        "/{message}/resend",
        response_model=Delivery,
        responses=always | responses_for(NotFound, Conflict),
        summary="Send one message again",
        description="Delivered or not: the same webhook-id and the same content.",
    )
    async def resend(principal: Writer, message: _Message, once: Once) -> Response:
        async def effect(tx: AsyncSession) -> Response:
            return reply(await log.resending(tx, principal, message))

        return await once.run(effect)

    return routes
