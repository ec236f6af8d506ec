"""`/announce`: a text becomes a challenge in two steps; between them a person corrects what was read."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from schemas.challenge import ProcurementRoute, RequirementKind
from schemas.codes import language_names
from schemas.organisation import Organisation, OrganisationKind
from services.gateway.board.forms import Form, complaints, guard, new_once, onward, read_form
from services.gateway.board.ports import BoardPorts
from services.gateway.board.rendering import Renderer
from services.gateway.board.views import announcing
from services.gateway.board.views.announcing import BLANK_ROWS, FIELDS, Row
from services.gateway.board.views.challenges import BUYERS_MAX
from services.gateway.board.views.need import stretches
from services.gateway.board.visit import Visit, Visits
from services.kernel.problems import InvalidInput
from services.kernel.security import BSO, ILO, Principal

EMPTY = dict.fromkeys(FIELDS, "") | {"language": "en"}


def routes(ports: BoardPorts, visits: Visits, renderer: Renderer) -> APIRouter:
    made = APIRouter(include_in_schema=False)
    visiting = Annotated[Visit, Depends(visits)]

    async def text_page(
        visit: Visit, fields: Mapping[str, str], wrong: Mapping[str, str], status: int = 200
    ) -> Response:
        return renderer.page(
            "announce.html",
            visit,
            status=status,
            fields=fields,
            wrong=wrong,
            buyers=await _buyers(ports, visit.known()),
            languages=sorted(language_names().items(), key=lambda pair: pair[1]),
            paths=list(ProcurementRoute),
        )

    def check_page(
        visit: Visit,
        fields: Mapping[str, str],
        rows: Sequence[Row],
        *,
        buyer: Organisation | None,
        status: int = 200,
        wrong: Mapping[str, str] | None = None,
        once: str = "",
    ) -> Response:
        return renderer.page(
            "announce_check.html",
            visit,
            status=status,
            fields=fields,
            rows=[*rows, *[Row("")] * BLANK_ROWS],
            stretches=stretches(fields["need"], [row.span() for row in rows]),
            kinds=list(RequirementKind),
            buyer=buyer,
            deadline=_day(fields["deadline"]),
            wrong=wrong or {},
            once=once or new_once(),
        )

    @made.get("/announce")
    async def start(visit: visiting) -> Response:
        _may_announce(visit)
        return await text_page(visit, EMPTY, {})

    @made.post("/announce/text")
    async def again(request: Request, visit: visiting) -> Response:
        """Back from the second step to the first, with everything that was written."""
        _may_announce(visit)
        form = await read_form(request)
        return await text_page(visit, announcing.written(form), {})

    @made.post("/announce/check")
    async def check(request: Request, visit: visiting) -> Response:
        principal = _may_announce(visit)
        form = await read_form(request)
        fields = announcing.written(form)
        try:
            content = announcing.content(fields)
            await ports.intake.challenges.announcing(principal, content)
        except InvalidInput as problem:
            return await text_page(visit, fields, complaints(problem, FIELDS), status=422)
        proposal = announcing.proposed(fields)
        for name in ("trl_start", "trl_target"):
            fields[name] = fields[name] or str(getattr(proposal, name) or "")
        corrected = announcing.rows(form)
        return check_page(
            visit,
            fields,
            corrected or announcing.rows_of(proposal),
            buyer=await ports.directory.organisations.find(content.buyer),
        )

    @made.post("/announce")
    async def announce(request: Request, visit: visiting) -> Response:
        principal = _may_announce(visit)
        form = await read_form(request)
        fields, rows = announcing.written(form), announcing.rows(form)
        kept = [row for row in rows if row.kept]
        try:
            content = announcing.content(fields, announcing.requirements(kept, announcing.proposed(fields)))
            write = await ports.intake.challenges.announcing(principal, content)
        except InvalidInput as problem:
            wrong = complaints(problem, FIELDS)
            if set(wrong) & set(FIELDS):
                return await text_page(visit, fields, wrong, status=422)
            buyer = await ports.directory.organisations.find(fields["buyer"])
            wrong = _by_row(problem)
            return check_page(visit, fields, kept, buyer=buyer, status=422, wrong=wrong, once=_once(form))

        async def effect(tx: AsyncSession) -> Response:
            return onward(f"/challenges/{(await write(tx)).id}")

        return await guard(request, principal, form).run(effect)

    return made


def _may_announce(visit: Visit) -> Principal:
    principal = visit.known()
    principal.needs_scope("write")
    principal.needs_role((BSO, ILO), "announce challenges")
    return principal


async def _buyers(ports: BoardPorts, principal: Principal) -> list[Organisation]:
    """Those that the principal announces for."""
    handles = set(await ports.directory.organisations.buyers_of(principal))
    known = await ports.directory.organisations.page(principal, kind=OrganisationKind.bso, limit=BUYERS_MAX)
    return sorted((one for one in known if one.handle in handles), key=lambda one: one.name.casefold())


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _once(form: Form) -> str:
    return form.text("once")


def _by_row(problem: InvalidInput) -> dict[str, str]:
    """What is wrong, by the place of the row; what concerns none comes under the empty name."""
    found: dict[str, str] = {}
    for one in problem.errors:
        parts: list[Any] = (one.pointer or "").split("/")
        name = parts[2] if len(parts) > 2 and parts[1] == "requirements" else ""
        found[name] = f"{found[name]} {one.detail}" if name in found else one.detail
    return found or {"": problem.detail}
