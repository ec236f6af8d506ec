"""Organisations over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from schemas.codes import CountryCode
from schemas.organisation import Organisation, OrganisationContent, OrganisationKind
from services.directory.organisations import Organisations
from services.kernel.problems import (
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    PreconditionFailed,
    PreconditionRequired,
    Unauthenticated,
    Unavailable,
)
from services.kernel.web.authentication import Administrator, Manager, Reader
from services.kernel.web.idempotency import Once
from services.kernel.web.pagination import Page, Paging
from services.kernel.web.preconditions import IfMatch, unchanged
from services.kernel.web.problems import responses_for
from services.kernel.web.reply import reply

REFERENCE = "^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?|org_[0-9A-HJKMNP-TV-Z]{26})$"
Reference = Annotated[
    str, Path(pattern=REFERENCE, description="An organisation: its handle or its id", examples=["cern"])
]


def router(organisations: Organisations) -> APIRouter:
    """Routes under /v1/organisations; `organisations` is what they act on."""
    routes = APIRouter(prefix="/v1/organisations", tags=["organisations"])
    always = responses_for(Unauthenticated, InvalidInput, Unavailable)

    @routes.post(
        "",
        status_code=201,
        response_model=Organisation,
        responses=always | responses_for(Forbidden, Conflict),
        summary="Register an organisation",
        description=(
            "For whoever runs the service. The kind is also the role that the organisation's keys speak in. "
            "An ILO announces for the BSOs it is `appointed_to`; a BSO's `eligible_countries` are its rule "
            "where a challenge names none. Then issue its first key: `POST /v1/keys?organisation=…`."
        ),
    )
    async def register(content: OrganisationContent, principal: Administrator, once: Once) -> Response:
        write = organisations.registering(principal, content)

        async def effect(tx: AsyncSession) -> Response:
            made = await write(tx)
            return reply(made, 201, version=made.version, location=f"/v1/organisations/{made.id}")

        return await once.run(effect)

    @routes.get(
        "",
        responses=always,
        summary="Organisations",
        description=(
            "BSOs, ILOs and clusters, by handle, and your own. Organisations of companies are seen by "
            "themselves and by administrators only."
        ),
    )
    async def list_organisations(
        principal: Reader,
        paging: Paging,
        kind: Annotated[OrganisationKind | None, Query(description="Only of this kind")] = None,
        country: Annotated[CountryCode | None, Query(description="Only of this country")] = None,
    ) -> Page[Organisation]:
        position = paging.after(str)
        found = await organisations.page(
            principal,
            kind=kind,
            country=country,
            after=position[0] if position else None,
            limit=paging.limit + 1,
        )
        return paging.page(found, lambda one: (one.handle,), lambda one: one)

    @routes.get(
        "/{organisation}",
        response_model=Organisation,
        responses=always | responses_for(NotFound),
        summary="One organisation, by handle or id",
    )
    async def get_organisation(request: Request, principal: Reader, organisation: Reference) -> Response:
        found = await organisations.get(principal, organisation)
        return unchanged(request, found.version) or reply(found, version=found.version)

    @routes.put(
        "/{organisation}",
        response_model=Organisation,
        responses=always
        | responses_for(Forbidden, NotFound, Conflict, PreconditionFailed, PreconditionRequired),
        summary="Change an organisation's entry",
        description=(
            "An organisation changes its own with a key of scope `admin`; its handle, its kind and its "
            "appointments only whoever runs the service changes."
        ),
    )
    async def change_organisation(
        content: OrganisationContent, principal: Manager, organisation: Reference, match: IfMatch
    ) -> Response:
        changed = await organisations.change(principal, organisation, content, match.check)
        return reply(changed, version=changed.version)

    return routes
