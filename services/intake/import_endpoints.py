"""The import of files over HTTP."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.datastructures import UploadFile
from starlette.responses import Response

from schemas.codes import CountryCode, LanguageCode
from schemas.company import ImportReport
from services.intake.company_endpoints import Owner
from services.intake.company_import import CompanyImport, Progress
from services.intake.import_progress import EXAMPLE, LINES, in_lines
from services.kernel.problems import (
    Conflict,
    FieldError,
    Forbidden,
    InvalidInput,
    TooLarge,
    Unauthenticated,
    Unavailable,
)
from services.kernel.web.authentication import Writer
from services.kernel.web.problems import responses_for

PARTS_MAX = 10
"""Parts of a form that are read; the file is one of them."""

_BINARY = {"type": "string", "format": "binary"}
BODY: dict[str, Any] = {
    "required": True,
    "description": "The file itself, or a form with the file in it. Its kind is told by its content.",
    "content": {
        "multipart/form-data": {
            "schema": {"type": "object", "required": ["file"], "properties": {"file": _BINARY}}
        },
        "text/csv": {
            "schema": {"type": "string"},
            "example": 'name;country;capabilities\nCryosense SAS;FR;"pressure sensors at 4 K|calibration"\n',
        },
        "application/x-ndjson": {
            "schema": {"type": "string"},
            "example": '{"name": "Cryosense SAS", "country": "FR", "capabilities": ["sensors at 4 K"]}\n',
        },
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": {"schema": _BINARY},
    },
}


def router(imports: CompanyImport) -> APIRouter:
    """POST /v1/companies/import; `imports` is what it acts on."""
    routes = APIRouter(prefix="/v1/companies", tags=["companies"])

    @routes.post(
        "/import",
        response_model=ImportReport,
        responses=responses_for(Unauthenticated, Forbidden, InvalidInput, Conflict, TooLarge, Unavailable)
        | {200: {"content": {LINES: {"schema": {"type": "string"}, "example": EXAMPLE}}}},
        openapi_extra={"requestBody": BODY},
        summary="Import a file of profiles",
        description=(
            "CSV, Excel (.xlsx) or JSON Lines, as you have it: columns are recognised by their headings in "
            "many spellings and languages, capabilities stand in one column (a line each, or separated by "
            "`;` or `|`) or in several (Capability 1, Capability 2 …). Good rows come in, bad ones are told "
            "with line and reason. A company is recognised by its legal id, else by its name: importing a "
            "file again updates, and rows that say nothing new change nothing. So an import that was "
            "interrupted may simply be sent again. With `draft=true` what is new stays yours alone, until "
            "you publish it or import the file again without. With `Accept: application/x-ndjson` the answer "
            "begins with the first batch and has a line after each: how many companies are done of how many, "
            "and at the end `report`, or `problem` where it stopped on its way."
        ),
    )
    async def import_companies(
        request: Request,
        principal: Writer,
        owner: Owner = None,
        country: Annotated[
            CountryCode | None, Query(description="Of rows that name none; else your organisation's")
        ] = None,
        language: Annotated[LanguageCode, Query(description="Of texts that name none")] = "en",
        draft: Annotated[bool, Query(description="Keep what is new as drafts")] = False,
    ) -> Response | ImportReport:
        data = await uploaded(request)

        async def work(progress: Progress | None) -> ImportReport:
            return await imports.run(
                principal,
                data,
                owner=owner,
                country=country,
                language=language,
                draft=draft,
                progress=progress,
            )

        if LINES in request.headers.get("accept", ""):
            return await in_lines(work)
        return await work(None)

    return routes


async def uploaded(request: Request) -> bytes:
    """The first file of a form, or the whole body."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "multipart/form-data":
        return await request.body()
    async with request.form(max_files=PARTS_MAX, max_fields=PARTS_MAX) as form:
        for part in form.values():
            if isinstance(part, UploadFile):
                return await part.read()
    detail = "The form holds no file. Send it as a part named 'file', or send the file itself as the body."
    raise InvalidInput(detail, errors=[FieldError(pointer="/file", detail=detail)])
