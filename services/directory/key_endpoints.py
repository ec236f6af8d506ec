"""API keys over HTTP."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Body, Path, Query
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from schemas.base import KeyId
from schemas.organisation import IssuedKey, Key, KeyContent, Rotation, Scope, Speaker
from services.directory.keys import Keys
from services.directory.organisation_endpoints import REFERENCE
from services.directory.organisations import Organisations
from services.kernel.problems import Conflict, Forbidden, InvalidInput, NotFound, Unauthenticated, Unavailable
from services.kernel.web.authentication import Manager, Reader
from services.kernel.web.idempotency import Once
from services.kernel.web.pagination import Page, Paging
from services.kernel.web.problems import responses_for
from services.kernel.web.reply import reply

_Id = Annotated[KeyId, Path()]
_Whose = Annotated[
    str | None,
    Query(pattern=REFERENCE, description="For whoever runs the service: whose keys, by handle or id"),
]


def router(keys: Keys, organisations: Organisations) -> APIRouter:
    """Routes under /v1/keys, and /v1/me; `keys` and `organisations` are what they act on."""
    routes = APIRouter(prefix="/v1", tags=["keys"])
    always = responses_for(Unauthenticated, InvalidInput, Unavailable)

    @routes.get("/me", responses=always, summary="Who speaks with this key")
    async def who_am_i(principal: Reader) -> Speaker:
        organisation = await organisations.get(principal, principal.organisation)
        scopes = tuple(scope for scope in Scope if scope in principal.scopes)
        return Speaker(organisation=organisation, key=principal.key, scopes=scopes)

    @routes.post(
        "/keys",
        status_code=201,
        response_model=IssuedKey,
        responses=always | responses_for(Forbidden, NotFound, Conflict),
        summary="Issue a key",
        description=(
            "The answer holds the key as `secret`, this once: only its digest is stored. A key with the "
            "scope `write` may read too, one with `admin` may also issue and revoke its organisation's keys."
        ),
    )
    async def issue(
        content: KeyContent, principal: Manager, once: Once, organisation: _Whose = None
    ) -> Response:
        write = await keys.issuing(principal, content, organisation=organisation)

        async def effect(tx: AsyncSession) -> Response:
            issued = await write(tx)
            return reply(issued, 201)

        return await once.run(effect, confidential=True)

    @routes.get(
        "/keys",
        responses=always | responses_for(Forbidden, NotFound),
        summary="Keys of your organisation",
        description="Newest first, with the first characters of each, never a key itself.",
    )
    async def list_keys(principal: Manager, paging: Paging, organisation: _Whose = None) -> Page[Key]:
        position = paging.after(str)
        found = await keys.page(
            principal,
            organisation=organisation,
            after=position[0] if position else None,
            limit=paging.limit + 1,
        )
        return paging.page(found, lambda one: (one.id,), lambda one: one)

    @routes.post(
        "/keys/{key}/rotate",
        status_code=201,
        response_model=IssuedKey,
        responses=always | responses_for(Forbidden, NotFound, Conflict),
        summary="Rotate a key",
        description=(
            "Issues a successor with the same label, scopes and lifetime. The old key goes on working for "
            "`overlap_s` seconds, a day if you say nothing, and then expires."
        ),
    )
    async def rotate(
        principal: Manager, key: _Id, once: Once, rotation: Annotated[Rotation, Body()] = Rotation()
    ) -> Response:
        write = keys.rotating(principal, key, overlap=timedelta(seconds=rotation.overlap_s))

        async def effect(tx: AsyncSession) -> Response:
            return reply(await write(tx), 201)

        return await once.run(effect, confidential=True)

    @routes.delete(
        "/keys/{key}",
        status_code=204,
        responses=always | responses_for(Forbidden, NotFound, Conflict),
        summary="Revoke a key",
        description="It stops working at once, on other processes of this service within ten seconds.",
    )
    async def revoke(principal: Manager, key: _Id) -> None:
        await keys.revoke(principal, key)

    return routes
