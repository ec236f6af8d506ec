"""Companies over HTTP."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Body, Path, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from schemas.base import CompanyId
from schemas.codes import CountryCode
from schemas.company import Company, CompanyContent, CompanyState, CompanyView
from schemas.links import Links
from schemas.text import Label
from services.directory.organisation_endpoints import REFERENCE
from services.intake.companies import Companies, Write
from services.intake.company_store import CompanyFilter
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
from services.kernel.web.idempotency import Once
from services.kernel.web.pagination import Page, Paging
from services.kernel.web.preconditions import IfMatch, MaybeIfMatch, unchanged
from services.kernel.web.problems import responses_for
from services.kernel.web.reply import reply

Id = Annotated[CompanyId, Path()]
Owner = Annotated[
    str | None,
    Query(pattern=REFERENCE, description="For whoever runs the service: whose profile it is, handle or id"),
]

EXAMPLES = {
    "profile": {
        "summary": "What a company can do, and what it has done",
        "value": {
            "name": "Cryosense SAS",
            "legal_id": "FR 12 345 678 901",
            "country": "FR",
            "nuts": "FRK24",
            "size_class": "small",
            "languages": ["fr", "en"],
            "website": "https://cryosense.example",
            "capabilities": [
                {"id": "c1", "text": "pressure sensors for liquid helium, calibrated at 4 K", "trl": 8}
            ],
            "references": [
                {"id": "ref1", "text": "cryogenic sensors for XFEL", "client": "DESY", "year": 2023}
            ],
        },
    }
}


def router(companies: Companies) -> APIRouter:
    """Routes under /v1/companies but for the import of files; `companies` is what they act on."""
    routes = APIRouter(prefix="/v1/companies", tags=["companies"])
    always = responses_for(Unauthenticated, InvalidInput, Unavailable)
    changing = always | responses_for(Forbidden, NotFound, Conflict, PreconditionFailed)

    @routes.post(
        "",
        status_code=201,
        response_model=CompanyView,
        responses=always | responses_for(Forbidden, Conflict),
        summary="Create a profile",
        description=(
            "For a company, or for a cluster, whose member it becomes. Each capability and each reference is "
            "matched by itself, so write one thing per entry. Open challenges are matched at once. With "
            "`draft=true` it stays with you, and with clusters that act for you, until "
            "`POST /v1/companies/{company}/publish`."
        ),
    )
    async def create(
        content: Annotated[CompanyContent, Body(openapi_examples=EXAMPLES)],
        principal: Writer,
        once: Once,
        owner: Owner = None,
        draft: Annotated[bool, Query(description="Keep it as a draft")] = False,
    ) -> Response:
        write = await companies.creating(principal, content, owner=owner, draft=draft)

        async def effect(tx: AsyncSession) -> Response:
            made = await write(tx)
            return _reply(made, 201, location=f"/v1/companies/{made.id}")

        return await once.run(effect)

    @routes.get(
        "",
        responses=always,
        summary="Companies",
        description=(
            "A company sees its own profiles, a cluster its own and its members', BSOs and ILOs all active "
            "ones; newest first. With `state=stale` those that nobody has changed or confirmed for a year."
        ),
    )
    async def list_companies(
        principal: Reader,
        paging: Paging,
        state: Annotated[CompanyState | None, Query(description="Only in this state")] = None,
        country: Annotated[CountryCode | None, Query(description="Only of this country")] = None,
        text: Annotated[
            Label | None, Query(description="Only those whose name, capabilities or references contain this")
        ] = None,
    ) -> Page[CompanyView]:
        position = paging.after(str)
        found = await companies.page(
            principal,
            CompanyFilter(state, country, text),
            after=position[0] if position else None,
            limit=paging.limit + 1,
        )
        return paging.page(found, lambda one: (one.id,), view)

    @routes.get(
        "/{company}",
        response_model=CompanyView,
        responses=always | responses_for(NotFound),
        summary="One profile",
    )
    async def get_company(request: Request, principal: Reader, company: Id) -> Response:
        found = await companies.get(principal, company)
        return unchanged(request, found.version) or _reply(found)

    @routes.put(
        "/{company}",
        response_model=CompanyView,
        responses=always
        | responses_for(Forbidden, NotFound, Conflict, PreconditionFailed, PreconditionRequired),
        summary="Replace a profile",
        description=(
            "For its owner, and for clusters with a mandate to act. The company is matched against the open "
            "challenges at once. A withdrawn profile comes back, a draft stays one unless `publish=true`; "
            "what changes nothing makes no version, and confirms nothing."
        ),
    )
    async def update(
        content: CompanyContent,
        principal: Writer,
        company: Id,
        match: IfMatch,
        publish: Annotated[bool, Query(description="Publish it, if it is a draft")] = False,
    ) -> Response:
        return _reply(await companies.update(principal, company, content, match.check, publish=publish))

    @routes.post(
        "/{company}/publish",
        response_model=CompanyView,
        responses=changing,
        summary="Publish a draft",
        description=(
            "For its owner, and for clusters with a mandate to act. From now on it can be found, and open "
            "challenges are matched at once."
        ),
    )
    async def publish_draft(principal: Writer, company: Id, match: MaybeIfMatch, once: Once) -> Response:
        return await once.run(_replying(await companies.publishing(principal, company, match.check)))

    @routes.post(
        "/{company}/confirm",
        response_model=CompanyView,
        responses=changing,
        summary="Confirm a profile",
        description=(
            "For its owner, and for clusters with a mandate to act: what it says still holds, as of today. A "
            "profile that nobody has changed or confirmed for a year is `stale`, and active again "
            "afterwards. Nothing is matched anew: neither the year nor the confirmation moves a score."
        ),
    )
    async def confirm(principal: Writer, company: Id, match: MaybeIfMatch, once: Once) -> Response:
        return await once.run(_replying(await companies.confirming(principal, company, match.check)))

    @routes.delete(
        "/{company}",
        status_code=204,
        responses=always | responses_for(Forbidden, NotFound, PreconditionFailed),
        summary="Withdraw a profile",
        description="It leaves every list and match. Replacing it (PUT) brings it back.",
    )
    async def withdraw(principal: Writer, company: Id, match: MaybeIfMatch) -> None:
        await companies.withdraw(principal, company, match.check)

    return routes


def view(company: Company) -> CompanyView:
    """The profile with the addresses that go with it."""
    address = f"/v1/companies/{company.id}"
    links = Links(
        self=address,
        page=f"/companies/{company.id}",
        matches=f"{address}/matches",
        stream=f"/v1/stream?company={company.id}",
    )
    return CompanyView.model_construct(**dict(company), links=links)


def _replying(write: Write) -> Callable[[AsyncSession], Awaitable[Response]]:
    async def effect(tx: AsyncSession) -> Response:
        return _reply(await write(tx))

    return effect


def _reply(company: Company, status: int = 200, *, location: str | None = None) -> Response:
    return reply(view(company), status, version=company.version, location=location)
