"""`/challenges/{id}/dialogue`: questions, and answers that everybody reads at the same moment."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from schemas.dialogue import Dialogue, Publication, Question, QuestionContent, QuestionDecline
from services.dialogue.service import ANSWERED_STATES
from services.gateway.board.forms import Form, build, complaints, going_on, guard, new_once, read_form
from services.gateway.board.ports import BoardPorts
from services.gateway.board.rendering import Renderer
from services.gateway.board.visit import Visit, Visits
from services.kernel.problems import Conflict, InvalidInput, Problem

NEWEST = 3
"""Entries on the page of the challenge; all of them are a page away."""
WAITING_SHOWN = 100
"""Questions with a place for their answer; the next ones appear when these are answered."""


def routes(ports: BoardPorts, visits: Visits, renderer: Renderer) -> APIRouter:
    made = APIRouter(prefix="/challenges/{challenge}/dialogue", include_in_schema=False)
    visiting = Annotated[Visit, Depends(visits)]

    async def show(
        visit: Visit, challenge: str, form: Form | None = None, problem: Problem | None = None
    ) -> Response:
        found = await ports.intake.challenges.get(visit.principal, challenge)
        dialogue = await ports.dialogues.get(visit.principal, challenge)
        wrong = complaints(problem) if isinstance(problem, InvalidInput) else {}
        return renderer.page(
            "dialogue.html",
            visit,
            status=200 if problem is None else problem.status,
            challenge=found,
            dialogue=dialogue,
            questions=dialogue.questions[:WAITING_SHOWN],
            answered=found.state in ANSWERED_STATES,
            typed=form.text if form else _nothing,
            wrong=" ".join(wrong.values()) or (problem.detail if problem else ""),
            once=new_once(),
        )

    @made.get("")
    async def page(visit: visiting, challenge: str) -> Response:
        return await show(visit, challenge)

    @made.get("/newest")
    async def part(visit: visiting, challenge: str) -> Response:
        dialogue = await ports.dialogues.get(visit.principal, challenge)
        return renderer.page("_dialogue.html", visit, dialogue=dialogue, newest=newest(dialogue))

    @made.post("/questions")
    async def ask(request: Request, visit: visiting, challenge: str) -> Response:
        principal = visit.known()
        form = await read_form(request)
        try:
            content = build(QuestionContent, {"text": form.text("text")})
            write = await ports.dialogues.asking(principal, challenge, content)
        except (InvalidInput, Conflict) as problem:
            return await show(visit, challenge, form, problem)

        return await guard(request, principal, form).run(
            going_on(write, f"/challenges/{challenge}/dialogue#yours")
        )

    @made.post("/entries")
    async def publish(request: Request, visit: visiting, challenge: str) -> Response:
        principal = visit.known()
        form = await read_form(request)
        dialogue = await ports.dialogues.get(principal, challenge)
        try:
            entries = _entries(form, dialogue.questions[:WAITING_SHOWN])
            write = await ports.dialogues.publishing(
                principal, challenge, build(Publication, {"entries": entries})
            )
        except (InvalidInput, Conflict) as problem:
            return await show(visit, challenge, form, problem)

        return await guard(request, principal, form).run(
            going_on(write, f"/challenges/{challenge}/dialogue#published")
        )

    @made.post("/questions/{question}/decline")
    async def decline(request: Request, visit: visiting, challenge: str, question: str) -> Response:
        principal = visit.known()
        form = await read_form(request)
        try:
            content = build(QuestionDecline, {"reason": form.text("reason")})
            write = await ports.dialogues.declining(principal, challenge, question, content)
        except (InvalidInput, Conflict) as problem:
            return await show(visit, challenge, form, problem)

        return await guard(request, principal, form).run(
            going_on(write, f"/challenges/{challenge}/dialogue#waiting")
        )

    return made


def newest(dialogue: Dialogue) -> Sequence[Any]:
    """The latest entries, the latest first."""
    return dialogue.entries[: -NEWEST - 1 : -1]


def _entries(form: Form, waiting: Sequence[Question]) -> list[dict[str, Any]]:
    """What was filled in: an answer beside a question, with those that ask the same, and a word to all."""
    same = {one.id: form.text(f"same-{one.id}") for one in waiting}
    entries: list[dict[str, Any]] = []
    for one in waiting:
        if same[one.id] or not form.text(f"answer-{one.id}"):
            continue
        merged = [one.id, *(other for other, first in same.items() if first == one.id)]
        wording = form.text(f"wording-{one.id}") or None
        entries.append({"questions": merged, "wording": wording, "answer": form.text(f"answer-{one.id}")})
    if form.text("to-all"):
        entries.append({"answer": form.text("to-all")})
    if not entries:
        raise InvalidInput("Nothing is published: write an answer to one of the questions, or a word to all.")
    return entries


def _nothing(_name: str) -> str:
    return ""
