"""`/companies/{id}`: a profile, the open challenges it answers, what it lacks, and what was told of it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request
from starlette.responses import Response

from schemas.company import Company
from schemas.delivery import Delivery
from schemas.events import MatchRetracted, MatchSuggested, MatchUpdated
from schemas.feedback import Feedback
from schemas.match import Match, MatchState, MatchSuggestion
from services.gateway.board import suggestions
from services.gateway.board.forms import going_on, guard, new_once, onward, read_form, seen
from services.gateway.board.live import Live
from services.gateway.board.ports import BoardPorts
from services.gateway.board.rendering import Renderer
from services.gateway.board.suggestions import PAGE, Shown
from services.gateway.board.visit import Visit, Visits
from services.gateway.stream import POSITION
from services.intake.freshness import confirmed_on
from services.kernel.journal.event import Event
from services.kernel.journal.reading import named
from services.kernel.problems import Forbidden
from services.kernel.security import Principal

DELIVERIES_LOOKED = 500
"""The latest webhooks of the reader's organisation among which those of one company are looked for."""
TOLD_MAX = 20
GONE_MAX = 10
LACKING_MAX = 8
"""Words that requirements ask for and the profile lacks: what a person takes in at a glance."""

_WHAT = {
    MatchSuggested.TYPE: "suggested for",
    MatchUpdated.TYPE: "changed for",
    MatchRetracted.TYPE: "no longer suggested for",
}


@dataclass(frozen=True, slots=True)
class Told:
    """A webhook that told of this company."""

    delivery: Delivery
    what: str
    challenge: str
    title: str
    score: float


@dataclass(frozen=True, slots=True)
class Answered:
    """Challenges that the company answers. `lacking`: words of requirements that nothing in the profile has,
    each with the number of shown challenges that ask for it."""

    company: Company
    shown: Shown
    total: int
    lacking: list[tuple[str, int]]


def routes(ports: BoardPorts, visits: Visits, renderer: Renderer, live: Live) -> APIRouter:
    made = APIRouter(include_in_schema=False)
    visiting = Annotated[Visit, Depends(visits)]
    text = Annotated[str, Query(max_length=1_000)]

    @made.get("/companies/{company}")
    async def page(visit: visiting, company: str) -> Response:
        principal = visit.known()
        position = await live.position()
        found = await ports.intake.companies.get(principal, company)
        owns = principal.is_admin or principal.organisation == found.owner
        return renderer.page(
            "company.html",
            visit,
            company=found,
            owns=owns,
            confirmed_on=confirmed_on(found),
            changes=await ports.intake.companies.may_change(principal, found.id, found.owner),
            today=ports.clock.now().date(),
            once=new_once(),
            answered=await _answered(ports, principal, found),
            clusters=await _clusters(ports, found) if owns else [],
            feedback=await _feedback(ports, principal, found),
            resets=await ports.answering.may_answer(principal, found.id, found.owner),
            told=await _told(ports, principal, found.id),
            gone=await _gone(ports, principal, found.id),
            position=position,
        )

    @made.post("/companies/{company}/publish")
    async def publish(request: Request, visit: visiting, company: str) -> Response:
        principal = visit.known()
        form = await read_form(request)
        write = await ports.intake.companies.publishing(principal, company, seen(form))
        return await guard(request, principal, form).run(going_on(write, f"/companies/{company}"))

    @made.post("/companies/{company}/confirm")
    async def confirm(request: Request, visit: visiting, company: str) -> Response:
        principal = visit.known()
        form = await read_form(request)
        write = await ports.intake.companies.confirming(principal, company, seen(form))
        return await guard(request, principal, form).run(going_on(write, f"/companies/{company}"))

    @made.post("/companies/{company}/feedback/reset")
    async def reset(visit: visiting, company: str) -> Response:
        await ports.feedback.reset(visit.known(), company)
        return onward(f"/companies/{company}#answers")

    @made.get("/companies/{company}/suggestions")
    async def part(visit: visiting, company: str, since: text = "") -> Response:
        principal = visit.known()
        found = await ports.intake.companies.get(principal, company)
        answered = await _answered(ports, principal, found, since=since)
        return renderer.page("_answered.html", visit, answered=answered)

    @made.get("/companies/{company}/suggestions/more")
    async def more(visit: visiting, company: str, cursor: text = "") -> Response:
        principal = visit.known()
        found = await ports.matches.of_company(
            principal, company, after=suggestions.after(cursor), limit=PAGE + 1
        )
        shown = suggestions.shown(
            found,
            f"/companies/{company}/suggestions/more",
            answers=bool(found)
            and await ports.answering.may_answer(principal, company, found[0].company.owner),
        )
        return renderer.page("_suggestions.html", visit, shown=shown, of="company")

    @made.get("/companies/{company}/stream")
    async def stream(
        visit: visiting,
        company: str,
        after: Annotated[str | None, Query(pattern=POSITION)] = None,
        last_event_id: Annotated[str | None, Header(pattern=POSITION)] = None,
    ) -> Response:
        principal = visit.known()
        found = await ports.intake.companies.get(principal, company)
        position = last_event_id if last_event_id is not None else after
        return await live.open(principal, found.id, None if position is None else int(position))

    return made


async def _answered(ports: BoardPorts, principal: Principal, company: Company, since: str = "") -> Answered:
    found = await ports.matches.of_company(principal, company.id, after=None, limit=PAGE + 1)
    counts = await ports.matches.counts_of_companies(principal, [company.id])
    base = f"/companies/{company.id}/suggestions/more"
    answers = await ports.answering.may_answer(principal, company.id, company.owner)
    shown = suggestions.shown(found, base, suggestions.instant(since), answers=answers)
    return Answered(company, shown, counts.get(company.id, 0), lacking(shown.suggestions))


def lacking(shown: Sequence[MatchSuggestion]) -> list[tuple[str, int]]:
    """What is missing most often, with the number of challenges that ask for it."""
    counts: Counter[str] = Counter()
    for suggestion in shown:
        counts.update({word.casefold() for one in suggestion.requirements for word in one.missing})
    return [pair for pair in counts.most_common(LACKING_MAX) if pair[1] > 1]


async def _feedback(ports: BoardPorts, principal: Principal, company: Company) -> Feedback | None:
    """What its answers change, for its own side; None for others, and while there is nothing to tell."""
    try:
        found = await ports.feedback.show(principal, company.id)
    except Forbidden:
        return None
    return found if found.answers else None


async def _clusters(ports: BoardPorts, company: Company) -> list[str]:
    """Names of the clusters that receive its matches."""
    ids = (await ports.directory.clusters_of([company.id]))[company.id]
    return sorted(one.name for one in (await ports.directory.organisations.many(ids)).values())


async def _gone(ports: BoardPorts, principal: Principal, company: str) -> list[Match]:
    """Suggestions that no longer stand, the latest first."""
    found = await ports.matches.of_company(
        principal, company, after=None, limit=DELIVERIES_LOOKED, with_retracted=True
    )
    gone = [one for one in found if one.state in (MatchState.retracted, MatchState.expired)]
    return sorted(gone, key=lambda one: one.changed_at, reverse=True)[:GONE_MAX]


async def _told(ports: BoardPorts, principal: Principal, company: str) -> list[Told]:
    """Webhooks to the reader's own endpoints that told of this company, the latest first."""
    deliveries = await ports.deliveries.list(principal, limit=DELIVERIES_LOOKED)
    if not deliveries:
        return []
    async with ports.database.read() as tx:
        events = {event.id: event for event in await named(tx, {one.event for one in deliveries})}
    told = [_telling(one, events.get(one.event), company) for one in deliveries]
    return [one for one in told if one is not None][:TOLD_MAX]


def _telling(delivery: Delivery, event: Event | None, company: str) -> Told | None:
    if event is None or event.type not in _WHAT or company not in event.subject.split("/"):
        return None
    challenge = event.data["challenge"]
    return Told(delivery, _WHAT[event.type], challenge["id"], challenge["title"], event.data["score"])
