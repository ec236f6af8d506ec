"""`/matches/{id}`: one suggestion with all its reasons, and the company's answer; and the part of it that a
bar opens in place."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from schemas.match import CompanyAnswer, MatchAnswerContent
from services.gateway.board.forms import Form, build, onward, read_form
from services.gateway.board.ports import BoardPorts
from services.gateway.board.rendering import Renderer
from services.gateway.board.views.explanation import explain, explanation
from services.gateway.board.visit import Visit, Visits
from services.kernel.problems import NotFound
from services.matching.calibration import CHANCE
from services.matching.scoring import GOOD

BACK = "back"
"""Sent in the place of an answer: it is taken back."""


def routes(ports: BoardPorts, visits: Visits, renderer: Renderer) -> APIRouter:
    made = APIRouter(include_in_schema=False)

    @made.get("/matches/{match}")
    async def page(visit: Annotated[Visit, Depends(visits)], match: str) -> Response:
        principal = visit.known()
        found = await ports.answering.open(principal, match)
        company, least = found.company, found.improvement
        return renderer.page(
            "match.html",
            visit,
            match=found,
            chance=CHANCE,
            explanations=[explain(one) for one in found.requirements],
            well=least is not None and least.score >= GOOD,
            lesser=[one.id for one in found.requirements if not one.mandatory and one.score < GOOD],
            answers=await ports.answering.may_answer(principal, company.id, company.owner),
            changes=await ports.intake.companies.may_change(principal, company.id, company.owner),
        )

    @made.post("/matches/{match}/answer")
    async def answer(request: Request, visit: Annotated[Visit, Depends(visits)], match: str) -> Response:
        principal = visit.known()
        form = await read_form(request)
        if form.text("answer") == BACK:
            found = await ports.answering.take_back(principal, match)
        else:
            found = await ports.answering.answer(principal, match, _answer(form))
        if request.headers.get("hx-request") == "true":
            return renderer.page("_answer.html", visit, match=found, answers=True, place="company", said=True)
        from_list = form.text("from") == "company"
        return onward(
            f"/companies/{found.company.id}#{found.id}" if from_list else f"/matches/{found.id}#answer"
        )

    @made.get("/matches/{match}/why")
    async def why(
        visit: Annotated[Visit, Depends(visits)],
        match: str,
        requirement: Annotated[str, Query(max_length=100)],
    ) -> Response:
        found = await ports.answering.open(visit.known(), match)
        explained = explanation(found, requirement)
        if explained is None:
            raise NotFound("This requirement is no longer part of the challenge. Load the page again.")
        return renderer.page("_why.html", visit, match=found, explanation=explained)

    return made


def _answer(form: Form) -> MatchAnswerContent:
    """The button pressed says it: a reason is a dismissal."""
    reason = form.text("reason")
    values = {"answer": CompanyAnswer.dismissed if reason else form.text("answer")}
    given = {"reason": reason, "note": form.text("note")}
    return build(MatchAnswerContent, values | {name: value for name, value in given.items() if value})
