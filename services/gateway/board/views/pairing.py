"""`/pairings/{id}`: two needs side by side, what speaks for and against, the way, the toolbox, the trail."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from schemas.challenge import ChallengeState
from schemas.codes import CPV_LANGUAGES, cpv_labels, language_name
from schemas.pairing import (
    DeadlineContent,
    DocumentContent,
    KpiContent,
    PairedNeed,
    PairingFile,
    PairingState,
    PersonContent,
    Step,
)
from services.gateway.board.forms import (
    Form,
    build,
    complaints,
    going_on,
    guard,
    new_once,
    number,
    onward,
    read_form,
    seen,
)
from services.gateway.board.ports import BoardPorts
from services.gateway.board.reading_language import reading_language
from services.gateway.board.rendering import Renderer
from services.gateway.board.visit import Visit, Visits
from services.kernel.problems import InvalidInput, NotFound
from services.pairing.steps import WAY
from services.pairing.toolbox import Content, Kind

_KINDS: dict[Kind, tuple[type[Content], tuple[str, ...], tuple[str, ...]]] = {
    "person": (PersonContent, ("role", "name", "mailbox"), ()),
    "deadline": (DeadlineContent, ("title", "due", "responsible"), ()),
    "document": (DocumentContent, ("title", "url", "note"), ()),
    "kpi": (KpiContent, ("name", "unit"), ("target", "value")),
}
"""Per kind of entry its fields of text and of numbers."""
OWN_TEXT_MAX = 4_000
"""Characters of a need that are shown here; all of it is a page away."""


@dataclass(frozen=True, slots=True)
class Side:
    """One need as the reader sees it: `title` and `text` in the `language` that is nearest to the reader's,
    None where it may no longer be read. `codes`: its CPV codes with their labels in the reader's language;
    `announced`: it has a market dialogue."""

    need: PairedNeed
    language: str
    title: str
    text: str | None
    codes: Sequence[tuple[str, str]]
    asks: PairingState | None
    announced: bool


def routes(ports: BoardPorts, visits: Visits, renderer: Renderer) -> APIRouter:
    made = APIRouter(prefix="/pairings/{pairing}", include_in_schema=False)
    visiting = Annotated[Visit, Depends(visits)]

    async def show(
        visit: Visit, pairing: str, language: str = "", wrong: dict[str, str] | None = None
    ) -> Response:
        principal = visit.known()
        found = await ports.pairing.pairings.get(principal, pairing)
        language = reading_language(visit.request, language)
        names = {entry.by for entry in found.log if entry.by} | {
            found.first.announced_by,
            found.second.announced_by,
        }
        return renderer.page(
            "pairing.html",
            visit,
            status=422 if wrong else 200,
            pairing=found,
            sides=[await _side(ports, visit, need, found, language) for need in (found.first, found.second)],
            way=WAY,
            organisations=await ports.directory.organisations.many(names),
            reading=language,
            languages=[(code, language_name(code)) for code in CPV_LANGUAGES],
            people={one.id: one for one in found.people},
            text_max=OWN_TEXT_MAX,
            wrong=wrong or {},
            once=new_once(),
        )

    @made.get("")
    async def page(
        visit: visiting, pairing: str, language: Annotated[str, Query(max_length=20)] = ""
    ) -> Response:
        return await show(visit, pairing, language)

    @made.post("/step")
    async def step(request: Request, visit: visiting, pairing: str) -> Response:
        principal = visit.known()
        form = await read_form(request)
        try:
            wanted = build(Step, {"to": form.text("to"), "reason": form.text("reason") or None})
            write = await ports.pairing.leading.stepping(principal, pairing, wanted)
        except InvalidInput as problem:
            return await show(visit, pairing, wrong=complaints(problem, ("reason",)))

        async def effect(tx: AsyncSession) -> Response:
            return onward(f"/pairings/{(await write(tx)).id}#way")

        return await guard(request, principal, form).run(effect)

    @made.post("/{kind}")
    async def add(request: Request, visit: visiting, pairing: str, kind: str) -> Response:
        principal = visit.known()
        form = await read_form(request)
        try:
            write = await ports.pairing.toolbox.adding(principal, pairing, _content(_kind(kind), form))
        except InvalidInput as problem:
            return await show(visit, pairing, wrong={kind: " ".join(complaints(problem).values())})

        return await guard(request, principal, form).run(going_on(write, f"/pairings/{pairing}#toolbox"))

    @made.post("/deadline/{item}/done")
    async def done(request: Request, visit: visiting, pairing: str, item: str) -> Response:
        principal = visit.known()
        form = await read_form(request)
        found = await ports.pairing.pairings.get(principal, pairing)
        before = next((one for one in found.deadlines if one.id == item), None)
        if before is None:
            raise NotFound("This deadline is no longer there. Load the page again.")
        values = {name: getattr(before, name) for name in DeadlineContent.model_fields}
        content = DeadlineContent(**{**values, "done": form.flag("done")})
        await ports.pairing.toolbox.change(principal, pairing, item, content, seen(form))
        return onward(f"/pairings/{pairing}#toolbox")

    @made.post("/{kind}/{item}/remove")
    async def remove(request: Request, visit: visiting, pairing: str, kind: str, item: str) -> Response:
        principal = visit.known()
        await read_form(request)
        await ports.pairing.toolbox.remove(principal, pairing, _kind(kind), item)
        return onward(f"/pairings/{pairing}#toolbox")

    return made


async def _side(ports: BoardPorts, visit: Visit, need: PairedNeed, found: PairingFile, language: str) -> Side:
    try:
        challenge = await ports.intake.challenges.get(visit.principal, need.id)
    except NotFound:
        own, title, text = need.language, need.title, None
        announced = False
    else:
        found_in = {one.language: one for one in challenge.translations}.get(language, challenge)
        own, title, text = found_in.language, found_in.title, found_in.need
        announced = challenge.state is not ChallengeState.draft
    labels = cpv_labels(language)
    codes = [(code, labels.get(code, "")) for code in need.cpv]
    return Side(need, own, title, text, codes, found.asked.get(need.buyer), announced)


def _kind(kind: str) -> Kind:
    found = next((one for one in _KINDS if one == kind), None)
    if found is None:
        raise NotFound("There is no such part of a pairing.")
    return found


def _content(kind: Kind, form: Form) -> Content:
    model, texts, numbers = _KINDS[kind]
    values: dict[str, Any] = {name: form.text(name) for name in texts if form.text(name)}
    values |= {name: number(form.text(name)) for name in numbers if form.text(name)}
    return build(model, values)
