"""Clusters and their members over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from schemas.base import CompanyId
from schemas.codes import CountryCode
from schemas.organisation import Mandate, Member, Membership, Organisation, OrganisationKind, Validation
from services.directory.members import Members
from services.directory.organisation_endpoints import Reference
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
from services.kernel.web.authentication import Reader, Writer
from services.kernel.web.pagination import Page, Paging
from services.kernel.web.preconditions import IfMatch, IfMatchUnlessNew
from services.kernel.web.problems import responses_for
from services.kernel.web.reply import reply

_Company = Annotated[CompanyId, Path()]


def router(members: Members, organisations: Organisations) -> APIRouter:
    """Routes under /v1/clusters; `members` and `organisations` are what they act on."""
    routes = APIRouter(prefix="/v1/clusters", tags=["clusters"])
    always = responses_for(Unauthenticated, InvalidInput, Unavailable)

    @routes.get("", responses=always, summary="Clusters that a company may join")
    async def list_clusters(
        principal: Reader,
        paging: Paging,
        country: Annotated[CountryCode | None, Query(description="Only of this country")] = None,
    ) -> Page[Organisation]:
        position = paging.after(str)
        found = await organisations.page(
            principal,
            kind=OrganisationKind.cluster,
            country=country,
            after=position[0] if position else None,
            limit=paging.limit + 1,
        )
        return paging.page(found, lambda one: (one.handle,), lambda one: one)

    @routes.get(
        "/{cluster}/members",
        responses=always | responses_for(Forbidden, NotFound),
        summary="Members of a cluster",
        description="For the cluster itself. `validated=false` is its queue of profiles to look at.",
    )
    async def list_members(
        principal: Reader,
        cluster: Reference,
        paging: Paging,
        validated: Annotated[bool | None, Query(description="Only with, or only without validation")] = None,
    ) -> Page[Member]:
        position = paging.after(str)
        found = await members.page(
            principal,
            cluster,
            validated=validated,
            after=position[0] if position else None,
            limit=paging.limit + 1,
        )
        return paging.page(found, lambda one: (one.company,), lambda one: one)

    @routes.get(
        "/{cluster}/members/{company}",
        response_model=Member,
        responses=always | responses_for(NotFound),
        summary="One membership",
        description="For the cluster and the company's owner. Its `version` is the `ETag`.",
    )
    async def get_member(principal: Reader, cluster: Reference, company: _Company) -> Response:
        found = await members.get(principal, cluster, company)
        return reply(found, version=found.version)

    @routes.put(
        "/{cluster}/members/{company}",
        response_model=Membership,
        responses=always
        | responses_for(Forbidden, NotFound, Conflict, PreconditionFailed, PreconditionRequired)
        | {201: {"model": Membership, "description": "The company is a member now"}},
        summary="Join a cluster, or change its mandate",
        description=(
            "Whoever owns the profile decides what the cluster may `receive` and whether it may `act`: a "
            "cluster cannot give itself a mandate. Companies that a cluster imports are its members already. "
            "To change a mandate takes `If-Match`; to join, or to say the same again, does not."
        ),
    )
    async def join(
        mandate: Mandate, principal: Writer, cluster: Reference, company: _Company, match: IfMatchUnlessNew
    ) -> Response:
        membership, is_new = await members.join(principal, cluster, company, mandate, match.check)
        return reply(membership, 201 if is_new else 200, version=membership.version)

    @routes.put(
        "/{cluster}/members/{company}/validation",
        response_model=Membership,
        responses=always | responses_for(Forbidden, NotFound, PreconditionFailed, PreconditionRequired),
        summary="Say whether a member's profile has been checked",
        description="For the cluster itself.",
    )
    async def validate(
        validation: Validation, principal: Writer, cluster: Reference, company: _Company, match: IfMatch
    ) -> Response:
        membership = await members.validate(
            principal, cluster, company, match.check, validated=validation.validated
        )
        return reply(membership, version=membership.version)

    @routes.delete(
        "/{cluster}/members/{company}",
        status_code=204,
        responses=always | responses_for(NotFound),
        summary="End a membership",
        description="The company's owner leaves, or the cluster lets a member go.",
    )
    async def leave(principal: Writer, cluster: Reference, company: _Company) -> None:
        await members.leave(principal, cluster, company)

    return routes
