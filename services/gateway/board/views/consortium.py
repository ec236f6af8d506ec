"""`/consortia/{id}`: a team, what it covers, and its members' answers; `/consortia`: how one comes about."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from schemas.challenge import OPEN_STATES
from schemas.consortium import ConsortiumAnswer, ConsortiumDecline
from services.consortia import rules
from services.gateway.board.forms import Form, build, onward, read_form
from services.gateway.board.ports import BoardPorts
from services.gateway.board.rendering import Renderer
from services.gateway.board.visit import Visit, Visits
from services.gateway.board.wording import closes
from services.kernel.problems import InvalidInput


def routes(ports: BoardPorts, visits: Visits, renderer: Renderer) -> APIRouter:
    made = APIRouter(include_in_schema=False)

    @made.get("/consortia")
    async def about(visit: Annotated[Visit, Depends(visits)]) -> Response:
        return renderer.page("consortia.html", visit, rules=rules)

    @made.get("/consortia/{consortium}")
    async def page(visit: Annotated[Visit, Depends(visits)], consortium: str) -> Response:
        principal = visit.known()
        found = await ports.consortia.get(principal, consortium)
        challenge = await ports.intake.challenges.get(principal, found.challenge.id)
        closed = challenge.state not in OPEN_STATES or ports.clock.now() >= closes(challenge.deadline)
        return renderer.page("consortium.html", visit, team=found, closed=closed)

    @made.post("/consortia/{consortium}/answer")
    async def answer(request: Request, visit: Annotated[Visit, Depends(visits)], consortium: str) -> Response:
        principal = visit.known()
        form = await read_form(request)
        company = {"company": form.text("company")} if form.text("company") else {}
        match form.text("answer"):
            case "consent":
                await ports.consents.consent(principal, consortium, build(ConsortiumAnswer, company))
            case "confirm":
                await ports.consents.confirm(principal, consortium, build(ConsortiumAnswer, company))
            case "decline":
                found = await ports.consents.decline(principal, consortium, _decline(form, company))
                return onward(f"/challenges/{found.challenge.id}#consortia")
            case _:
                raise InvalidInput("Press one of the buttons: consent, decline or confirm.")
        return onward(f"/consortia/{consortium}#answer")

    return made


def _decline(form: Form, company: dict[str, str]) -> ConsortiumDecline:
    note = {"note": form.text("note")} if form.text("note") else {}
    return build(ConsortiumDecline, company | note)
