"""`/pairings`: needs that could be bought together, a column a state; groups, investment plans."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from schemas.challenge import Challenge, ChallengeState, DraftReaders
from schemas.pairing import Joining, Pairing, PairingState
from schemas.plan import PlanReport, PlanTerms
from services.gateway.board.forms import Form, build, complaints, guard, new_once, onward, read_form
from services.gateway.board.ports import BoardPorts
from services.gateway.board.rendering import Renderer
from services.gateway.board.visit import Visit, Visits
from services.intake.challenge_store import ChallengeFilter
from services.kernel.problems import InvalidInput
from services.pairing.plans import template
from services.pairing.plans.endpoints import SHEET
from services.pairing.steps import WAY

SHOWN_MAX = 500
"""Pairings on the board; a buyer with more narrows them by the API."""
PLANS_SHOWN = 20
PLANNED_READ = 100
PLANNED_SHOWN = 20
"""Of the newest drafts that the reader sees, those of others; the API lists all (`state=draft`)."""
WRONG_SHOWN = 50
"""Rows that did not come in and are shown; the API tells all."""


@dataclass(frozen=True, slots=True)
class Column:
    state: PairingState
    pairings: Sequence[Pairing]


def routes(ports: BoardPorts, visits: Visits, renderer: Renderer) -> APIRouter:
    made = APIRouter(include_in_schema=False)
    visiting = Annotated[Visit, Depends(visits)]

    async def board(
        visit: Visit,
        *,
        dissolved: bool = False,
        report: PlanReport | None = None,
        wrong: dict[str, str] | None = None,
        typed: dict[str, str] | None = None,
    ) -> Response:
        principal = visit.known()
        found = await ports.pairing.pairings.page(principal, with_dissolved=dissolved, limit=SHOWN_MAX)
        states = [*WAY, *([PairingState.dissolved] if dissolved else [])]
        return renderer.page(
            "pairings.html",
            visit,
            status=422 if wrong else 200,
            columns=[Column(state, [one for one in found if one.state is state]) for state in states],
            pairings=found,
            dissolved=dissolved,
            groups=await ports.pairing.groups.page(principal),
            planned=await _planned(ports, visit),
            plans=await ports.pairing.plans.page(principal, after=None, limit=PLANS_SHOWN),
            buyers=await ports.directory.organisations.buyers_of(principal) if visit.announces else [],
            readers=list(DraftReaders),
            report=report,
            problems_shown=WRONG_SHOWN,
            wrong=wrong or {},
            typed=typed or {},
            once=new_once(),
        )

    @made.get("/pairings")
    async def page(visit: visiting, dissolved: Annotated[str, Query(max_length=10)] = "") -> Response:
        return await board(visit, dissolved=dissolved == "yes")

    @made.get("/plans/template")
    async def download(visit: visiting, format: Annotated[str, Query(max_length=10)] = "csv") -> Response:  # noqa: A002
        visit.known()
        as_csv = format != "xlsx"
        content = template.as_csv() if as_csv else template.as_workbook()
        named = f'attachment; filename="liaison-plan.{"csv" if as_csv else "xlsx"}"'
        kind = "text/csv; charset=utf-8" if as_csv else SHEET
        return Response(content, media_type=kind, headers={"Content-Disposition": named})

    @made.post("/plans/import")
    async def import_plan(request: Request, visit: visiting) -> Response:
        principal = visit.known()
        form = await read_form(request, files=1)
        try:
            terms, data = await _sent(form)
            report = await ports.pairing.plans.import_file(principal, data, terms)
        except InvalidInput as problem:
            typed = {name: form.text(name) for name in ("name", "buyer", "readers")}
            return await board(visit, wrong=complaints(problem, ("name", "buyer", "file")), typed=typed)
        return await board(visit, report=report)

    @made.post("/challenges/{challenge}/join")
    async def join(request: Request, visit: visiting, challenge: str) -> Response:
        principal = visit.known()
        form = await read_form(request)
        wanted = {name: form.text(name) for name in ("need", "buyer") if form.text(name)}
        write = await ports.pairing.observers.joining(principal, challenge, build(Joining, wanted))

        async def effect(tx: AsyncSession) -> Response:
            return onward(f"/pairings/{(await write(tx)).id}")

        return await guard(request, principal, form).run(effect)

    return made


async def _planned(ports: BoardPorts, visit: Visit) -> list[Challenge]:
    """The newest needs of other buyers that are drafts and may be read here."""
    principal = visit.known()
    drafts = ChallengeFilter(state=ChallengeState.draft)
    found = await ports.intake.challenges.page(principal, drafts, limit=PLANNED_READ)
    theirs = [one for one in found if one.draft_readers is not DraftReaders.owner]
    own = (principal.organisation,)
    return [one for one in theirs if one.announced_by not in own and one.buyer not in own][:PLANNED_SHOWN]


async def _sent(form: Form) -> tuple[PlanTerms, bytes]:
    file = form.file("file")
    if file is None:
        raise InvalidInput("Choose the file with the plan.")
    with file.file:
        data = await file.read()
    name = form.text("name") or (file.filename or "").rpartition(".")[0]
    values = {"name": name, "buyer": form.text("buyer"), "readers": form.text("readers") or "buyers"}
    return build(PlanTerms, values), data
