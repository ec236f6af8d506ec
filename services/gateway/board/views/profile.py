"""`/companies/new` and `/companies/{company}/edit`: a profile written and changed by hand."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from schemas.codes import country_names, language_names
from schemas.company import CAPABILITIES_MAX, Company, SizeClass
from services.gateway.board.forms import going_on_to, guard, new_once, onward, read_form, seen
from services.gateway.board.ports import BoardPorts
from services.gateway.board.rendering import Renderer
from services.gateway.board.views import profiling
from services.gateway.board.views.profiling import BLANK_ROWS, FORM_FIELDS_MAX, Row, Rows
from services.gateway.board.visit import Visit, Visits
from services.intake.company_store import changed_fields
from services.kernel.problems import Conflict, InvalidInput, PreconditionFailed


def routes(ports: BoardPorts, visits: Visits, renderer: Renderer) -> APIRouter:
    made = APIRouter(include_in_schema=False)
    visiting = Annotated[Visit, Depends(visits)]
    companies = ports.intake.companies

    def page(
        visit: Visit,
        present: Company | None,
        fields: Mapping[str, str],
        rows: Rows,
        *,
        wrong: Mapping[str, str] | None = None,
        status: int = 200,
        once: str = "",
    ) -> Response:
        blank = [Row(language=profiling.usual_language(present))] * BLANK_ROWS
        return renderer.page(
            "profile.html",
            visit,
            status=status,
            company=present,
            fields=fields,
            rows={kind: [*rows[kind], *blank] for kind in rows},
            wrong=wrong or {},
            once=once or new_once(),
            most=CAPABILITIES_MAX,
            sizes=list(SizeClass),
            countries=sorted(country_names().items(), key=lambda pair: pair[1]),
            languages=sorted(language_names().items(), key=lambda pair: pair[1]),
        )

    @made.get("/companies/new")
    async def begin(visit: visiting) -> Response:
        await companies.owner(visit.known(), None)
        fields = profiling.fields_of(None)
        if visit.organisation and visit.organisation.country:
            fields["country"] = visit.organisation.country
        return page(visit, None, fields, profiling.rows_of(None))

    @made.post("/companies/new")
    async def create(request: Request, visit: visiting) -> Response:
        principal = visit.known()
        await companies.owner(principal, None)
        form = await read_form(request, fields=FORM_FIELDS_MAX)
        fields, rows = profiling.written(form), profiling.rows(form)
        if form.flag("more"):
            return page(visit, None, fields, rows, once=form.text("once"))
        try:
            content = profiling.content(fields, rows, None)
            write = await companies.creating(principal, content, draft=form.flag("draft"))
            return await guard(request, principal, form).run(
                going_on_to(write, lambda company: f"/companies/{company.id}")
            )
        except InvalidInput as problem:
            return page(
                visit, None, fields, rows, wrong=profiling.wrong(problem), status=422, once=form.text("once")
            )
        except Conflict as problem:
            return page(visit, None, fields, rows, wrong={"": problem.detail}, status=409)

    @made.get("/companies/{company}/edit")
    async def edit(visit: visiting, company: str) -> Response:
        found = await companies.editable(visit.known(), company)
        return page(visit, found, profiling.fields_of(found), profiling.rows_of(found))

    @made.post("/companies/{company}/edit")
    async def change(request: Request, visit: visiting, company: str) -> Response:
        principal = visit.known()
        present = await companies.editable(principal, company)
        form = await read_form(request, fields=FORM_FIELDS_MAX)
        fields, rows = profiling.written(form), profiling.rows(form)
        if form.flag("more"):
            return page(visit, present, fields, rows)
        try:
            content = profiling.content(fields, rows, present)
            await companies.update(principal, company, content, seen(form))
        except InvalidInput as problem:
            return page(visit, present, fields, rows, wrong=profiling.wrong(problem), status=422)
        except Conflict as problem:
            return page(visit, present, fields, rows, wrong={"": problem.detail}, status=409)
        except PreconditionFailed:
            now = await companies.editable(principal, company)
            if set(changed_fields(content, now)) <= {"last_confirmed"}:  # the button was pressed twice
                return onward(f"/companies/{company}")
            wrong = {
                "": f"Somebody changed this profile while you wrote, and it is version {now.version} now. "
                "Nothing was overwritten, and what you wrote stands below: look at the present version "
                "first, and save again to put yours in its place."
            }
            return page(visit, now, fields, rows, wrong=wrong, status=412)
        return onward(f"/companies/{company}")

    return made
