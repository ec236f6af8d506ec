"""`/challenges/{id}/team`: who is missing in a team that has begun, and asking them."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from schemas.challenge import MEMBERS_MAX, Challenge
from schemas.company import Company
from schemas.consortium import Completion, CompletionContent, Consortium
from services.gateway.board.forms import Form, build, complaints, new_once, number, onward, read_form
from services.gateway.board.forms import guard as guarded
from services.gateway.board.ports import BoardPorts
from services.gateway.board.rendering import Renderer
from services.gateway.board.visit import Visit, Visits
from services.intake.company_store import CompanyFilter
from services.kernel.problems import Conflict, InvalidInput, NotFound, Problem
from services.kernel.security import CLUSTER, COMPANY, Principal

COMPANIES_SHOWN = 100
"""To choose from at a time; whoever has more finds the others by name or by what they do."""
ANSWERING_SHOWN = 100
FEW = 8
"""So many are looked through without a search."""


def routes(ports: BoardPorts, visits: Visits, renderer: Renderer) -> APIRouter:
    made = APIRouter(include_in_schema=False)
    visiting = Annotated[Visit, Depends(visits)]

    @made.get("/challenges/{challenge}/team")
    async def page(visit: visiting, challenge: str) -> Response:
        principal = visit.known()
        principal.needs_role((COMPANY, CLUSTER), "complete a consortium")
        found = await ports.intake.challenges.get(principal, challenge)
        return await _page(ports, renderer, visit, found)

    @made.post("/challenges/{challenge}/team")
    async def complete(request: Request, visit: visiting, challenge: str) -> Response:
        principal = visit.known()
        found = await ports.intake.challenges.get(principal, challenge)
        form = await read_form(request)
        if form.text("do") == "find":
            return await _page(ports, renderer, visit, found, form=form)
        try:
            content = _content(form, found.id)
            if form.text("do") == "ask":
                return await _ask(request, ports, principal, form, content)
            completion = await ports.completing.complete(principal, content)
        except (InvalidInput, Conflict) as problem:
            return await _page(ports, renderer, visit, found, form=form, problem=problem)
        return await _page(ports, renderer, visit, found, form=form, completion=completion)

    return made


async def _ask(
    request: Request, ports: BoardPorts, principal: Principal, form: Form, content: CompletionContent
) -> Response:
    write = await ports.completing.beginning(principal, content)
    made: list[Consortium] = []

    async def effect(tx: Any) -> Response:
        made.append(await write(tx))
        return onward(f"/consortia/{made[0].id}")

    return await guarded(request, principal, form).run(effect)


def _content(form: Form, challenge: str) -> CompletionContent:
    values: dict[str, object] = {"challenge": challenge, "members": form.texts("member")}
    if form.text("members_max"):
        values["members_max"] = number(form.text("members_max"))
    if not values["members"]:
        raise InvalidInput("Choose at least one company that the team begins with.")
    return build(CompletionContent, values)


async def _page(
    ports: BoardPorts,
    renderer: Renderer,
    visit: Visit,
    challenge: Challenge,
    *,
    form: Form | None = None,
    completion: Completion | None = None,
    problem: Problem | None = None,
) -> Response:
    principal = visit.known()
    wrong = complaints(problem) if isinstance(problem, InvalidInput) else {}
    chosen = form.texts("member") if form else []
    find = form.text("find") if form else ""
    companies = await _companies(ports, principal, challenge.id, chosen, find)
    others = sum(company.id not in chosen for company, _ in companies)
    return renderer.page(
        "team.html",
        visit,
        status=200 if problem is None else problem.status,
        challenge=challenge,
        companies=companies,
        chosen=chosen,
        find=find,
        few=FEW,
        others=others,
        more=others >= COMPANIES_SHOWN,
        members_max=form.text("members_max") if form else "",
        completion=completion,
        wrong=" ".join(wrong.values()) or (problem.detail if problem else ""),
        once=new_once(),
    )


async def _companies(
    ports: BoardPorts, principal: Principal, challenge: str, chosen: Sequence[str], find: str
) -> Sequence[tuple[Company, str]]:
    """The principal's, with what the match says of it: those that are chosen, then those that answer the
    challenge, then others. `find`: only those with these words, beside the chosen ones."""
    matches = await ports.matches.of_challenge(principal, challenge, after=None, limit=ANSWERING_SHOWN)
    answering = {one.company.id: one.headline for one in matches}
    wanted = CompanyFilter(text=find or None)
    found = await ports.intake.companies.page(principal, wanted, limit=COMPANIES_SHOWN)
    known = {one.id: one for one in found}
    if not find:
        known |= await ports.intake.companies.many([one for one in answering if one not in known])
    own = [one for one in chosen[:MEMBERS_MAX] if one in known or await _may_read(ports, principal, one)]
    known |= await ports.intake.companies.many([one for one in own if one not in known])
    by_name = sorted(known, key=lambda one: known[one].name.casefold())
    order = dict.fromkeys([*own, *answering, *by_name])
    return [(known[company], answering.get(company, "")) for company in order if company in known]


async def _may_read(ports: BoardPorts, principal: Principal, company: str) -> bool:
    try:
        await ports.intake.companies.get(principal, company)
    except NotFound:
        return False
    return True
