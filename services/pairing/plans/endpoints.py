"""Investment plans over HTTP."""

from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from schemas.base import PlanId
from schemas.challenge import DraftReaders
from schemas.codes import LanguageCode
from schemas.plan import Plan, PlanContent, PlanReport, PlanRow, PlanTerms
from schemas.text import Name
from services.directory.organisation_endpoints import REFERENCE
from services.intake.import_endpoints import BODY, uploaded
from services.kernel.problems import (
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    TooLarge,
    Unauthenticated,
    Unavailable,
)
from services.kernel.web.authentication import Reader, Writer
from services.kernel.web.idempotency import Once
from services.kernel.web.pagination import Page, Paging
from services.kernel.web.problems import responses_for
from services.kernel.web.reply import reply
from services.pairing.plans import template
from services.pairing.plans.service import Plans

_Id = Annotated[PlanId, Path()]
SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_BODY: dict[str, Any] = {
    **BODY,
    "content": {
        **BODY["content"],
        "text/csv": {
            "schema": {"type": "string"},
            "example": "reference;title;description;year;volume;unit;budget\n"
            "2027-014;Cooling pumps;Pumps for 400 m3/h at 8 bar;2027-2028;24;pumps;600000-900000 EUR\n",
        },
        "application/x-ndjson": {
            "schema": {"type": "string"},
            "example": '{"reference": "2027-014", "title": "Cooling pumps", "year": 2027}\n',
        },
    },
}
_FILES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file",
        "content": {
            "text/csv": {"schema": {"type": "string"}},
            SHEET: {"schema": {"type": "string", "format": "binary"}},
        },
    }
}


class TemplateFormat(StrEnum):
    csv = "csv"
    xlsx = "xlsx"


def router(plans: Plans) -> APIRouter:
    """Routes under /v1/plans; `plans` is what they act on."""
    routes = APIRouter(prefix="/v1/plans", tags=["plans"])
    always = responses_for(Unauthenticated, InvalidInput, Unavailable)
    writing = always | responses_for(Forbidden, Conflict)

    @routes.post(
        "",
        status_code=201,
        response_model=PlanReport,
        responses=writing,
        summary="Send an investment plan",
        description=(
            "For a BSO, or an ILO that is appointed to it: what it means to buy in the coming years. Every "
            "need becomes a challenge in state `draft`, which `readers` may read: its `owner` alone, all "
            "`buyers`, or the `public`. Needs that others may read are looked at for buyers to buy together "
            "with. Sending a plan of the same name again updates it, need by need, by their references."
        ),
    )
    async def send(content: PlanContent, principal: Writer, once: Once) -> Response:
        write = await plans.sending(principal, content)

        async def effect(tx: AsyncSession) -> Response:
            made = await write(tx)
            return reply(made, 201, location=f"/v1/plans/{made.plan.id}")

        return await once.run(effect)

    @routes.post(
        "/import",
        responses=writing | responses_for(TooLarge),
        openapi_extra={"requestBody": _BODY},
        summary="Import a file with an investment plan",
        description=(
            "CSV, Excel (.xlsx) or JSON Lines, as you have it: columns are recognised by their headings in "
            "many spellings and languages; `GET /v1/plans/template` has a file to fill in. Good rows come "
            "in, bad ones are told with line and reason. A need is recognised by its reference, else by its "
            "title: importing a file again updates."
        ),
    )
    async def import_plan(
        request: Request,
        principal: Writer,
        name: Annotated[Name, Query(description="Of the plan; the same name again updates it")],
        buyer: Annotated[str, Query(pattern=REFERENCE, description="The buyer, by handle or id")],
        readers: Annotated[
            DraftReaders, Query(description="Who may read the needs, where a row does not say")
        ] = DraftReaders.buyers,
        language: Annotated[LanguageCode, Query(description="Of rows that name none")] = "en",
    ) -> PlanReport:
        terms = PlanTerms(name=name, buyer=buyer, readers=readers, language=language)
        return await plans.import_file(principal, await uploaded(request), terms)

    @routes.get(
        "/template",
        responses=always | _FILES,
        response_class=Response,
        summary="A file to fill in",
        description="The columns of a plan, with two rows that show how they are meant.",
    )
    async def download_template(
        _principal: Reader,
        format: Annotated[TemplateFormat, Query(description="csv or xlsx")] = TemplateFormat.csv,  # noqa: A002
    ) -> Response:
        content = template.as_csv() if format is TemplateFormat.csv else template.as_workbook()
        kind = "text/csv; charset=utf-8" if format is TemplateFormat.csv else SHEET
        named = f'attachment; filename="liaison-plan.{format.value}"'
        return Response(content, media_type=kind, headers={"Content-Disposition": named})

    @routes.get("", responses=always, summary="Your investment plans")
    async def list_plans(principal: Reader, paging: Paging) -> Page[Plan]:
        after = paging.after(str)
        found = await plans.page(principal, after=after[0] if after else None, limit=paging.limit + 1)
        return paging.page(found, lambda one: (one.id,), lambda one: one)

    @routes.get("/{plan}", responses=always | responses_for(NotFound), summary="One investment plan")
    async def get_plan(principal: Reader, plan: _Id) -> Plan:
        return await plans.get(principal, plan)

    @routes.get(
        "/{plan}/needs",
        responses=always | responses_for(NotFound),
        summary="The needs of a plan",
        description="As they stand now, by their references: drafts until they are announced.",
    )
    async def list_needs(principal: Reader, plan: _Id, paging: Paging) -> Page[PlanRow]:
        after = paging.after(str)
        found = await plans.rows(principal, plan, after=after[0] if after else None, limit=paging.limit + 1)
        return paging.page(found, lambda one: (one.reference,), lambda one: one)

    return routes
