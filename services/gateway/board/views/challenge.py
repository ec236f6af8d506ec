"""`/challenges/{id}`: what is needed and, for those who may see it, who answers, arriving while one looks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request
from starlette.responses import Response

from schemas.challenge import OPEN_STATES, OVER_STATES, Challenge, Requirement
from schemas.events import ChallengeMatched
from schemas.match import Outreach
from schemas.pairing import Pairing
from schemas.subscription import FollowChallenge
from services.gateway.board import suggestions
from services.gateway.board.forms import Form, going_on, guard, new_once, read_form, seen
from services.gateway.board.live import Live
from services.gateway.board.ports import BoardPorts
from services.gateway.board.rendering import Renderer
from services.gateway.board.suggestions import PAGE, Shown
from services.gateway.board.views import following
from services.gateway.board.views.dialogue import newest
from services.gateway.board.views.need import stretches
from services.gateway.board.views.picture import Picture, picture
from services.gateway.board.views.way import asked, way
from services.gateway.board.visit import Visit, Visits
from services.gateway.board.wording import closes
from services.gateway.stream import POSITION
from services.kernel import journal
from services.kernel.problems import InvalidInput
from services.kernel.security import BSO, ILO, Principal
from services.matching.depth import Depth
from services.pairing.needs import is_pairable

VERSIONS_SHOWN = 5
"""The latest ones; the others are a page away."""
PAIRINGS_SHOWN = 10
MATCHED_MAX = 1_000
"""Times one challenge is matched: once a version and once a model."""


@dataclass(frozen=True, slots=True)
class Market:
    """Who answers the challenge, as far as the reader may see. `whole`: the reader sees all of it.
    `settled`: matching has looked at this version. `open`: it is matched at all."""

    challenge: Challenge
    shown: Shown
    depth: Depth
    outreach: Outreach
    picture: Picture | None
    whole: bool
    settled: bool
    open: bool
    companies: int

    @property
    def unanswered(self) -> list[Requirement]:
        """Requirements that no company answers: news for whoever announced the challenge."""
        if not (self.whole and self.settled and self.open):
            return []
        return [one for one in self.challenge.requirements if not self.depth.answers(one.id).companies]


@dataclass(frozen=True, slots=True)
class Joining:
    """`pairings`: the reader's with this need; `buyers`: handles for whom it could join."""

    pairings: Sequence[Pairing]
    buyers: Sequence[str]
    once: str


def routes(ports: BoardPorts, visits: Visits, renderer: Renderer, live: Live) -> APIRouter:
    made = APIRouter(include_in_schema=False)
    visiting = Annotated[Visit, Depends(visits)]
    text = Annotated[str, Query(max_length=1_000)]

    async def show(
        visit: Visit, challenge: str, form: Form | None = None, problem: InvalidInput | None = None
    ) -> Response:
        position = await live.position()
        found = await ports.intake.challenges.get(visit.principal, challenge)
        may = _speaks_for(visit.principal, found)
        versions = await ports.intake.challenges.versions(visit.principal, found.id, limit=VERSIONS_SHOWN)
        announcer = await ports.directory.organisations.find(found.announced_by)
        return renderer.page(
            "challenge.html",
            visit,
            status=422 if problem else 200,
            challenge=found,
            over_states=OVER_STATES,
            way=await way(ports, visit, found, may=may, form=form, problem=problem),
            announcer=announcer,
            stretches=stretches(found.need, [one.source for one in found.requirements]),
            versions=versions,
            market=await _market(ports, visit.principal, found) if visit.principal else None,
            teams=await ports.consortia.of_challenge(visit.principal, found.id) if visit.principal else None,
            joining=await _joining(ports, visit, found),
            dialogue=(dialogue := await ports.dialogues.get(visit.principal, found.id)),
            newest=newest(dialogue),
            followed=await following.offered(ports, visit, FollowChallenge(challenge=found.id)),
            position=position,
        )

    @made.get("/challenges/{challenge}")
    async def page(visit: visiting, challenge: str) -> Response:
        return await show(visit, challenge)

    @made.post("/challenges/{challenge}/step")
    async def step(request: Request, visit: visiting, challenge: str) -> Response:
        principal = visit.known()
        form = await read_form(request)
        try:
            write = await ports.intake.challenges.stepping(principal, challenge, asked(form), seen(form))
        except InvalidInput as problem:
            return await show(visit, challenge, form, problem)

        return await guard(request, principal, form).run(going_on(write, f"/challenges/{challenge}#way"))

    @made.get("/challenges/{challenge}/suggestions")
    async def market(visit: visiting, challenge: str, since: text = "") -> Response:
        principal = visit.known()
        found = await ports.intake.challenges.get(principal, challenge)
        return renderer.page(
            "_market.html",
            visit,
            challenge=found,
            market=await _market(ports, principal, found, since=since),
        )

    @made.get("/challenges/{challenge}/consortia")
    async def consortia(visit: visiting, challenge: str) -> Response:
        principal = visit.known()
        found = await ports.intake.challenges.get(principal, challenge)
        teams = await ports.consortia.of_challenge(principal, found.id)
        whole = _speaks_for(principal, found)
        return renderer.page("_consortia.html", visit, challenge=found, teams=teams, whole=whole)

    @made.get("/challenges/{challenge}/suggestions/more")
    async def more(visit: visiting, challenge: str, cursor: text = "") -> Response:
        found = await ports.matches.of_challenge(
            visit.known(), challenge, after=suggestions.after(cursor), limit=PAGE + 1
        )
        shown = suggestions.shown(found, f"/challenges/{challenge}/suggestions/more")
        return renderer.page("_suggestions.html", visit, shown=shown, of="challenge")

    @made.get("/challenges/{challenge}/stream")
    async def stream(
        visit: visiting,
        challenge: str,
        after: Annotated[str | None, Query(pattern=POSITION)] = None,
        last_event_id: Annotated[str | None, Header(pattern=POSITION)] = None,
    ) -> Response:
        principal = visit.known()
        found = await ports.intake.challenges.get(principal, challenge)
        position = last_event_id if last_event_id is not None else after
        return await live.open(principal, found.id, None if position is None else int(position))

    return made


async def _joining(ports: BoardPorts, visit: Visit, challenge: Challenge) -> Joining | None:
    """What a buyer can do with somebody's need; None for who buys nothing, or has it already decided."""
    if visit.principal is None or not (visit.announces or visit.principal.role in (BSO, ILO)):
        return None
    pairings = await ports.pairing.pairings.page(visit.principal, need=challenge.id, limit=PAIRINGS_SHOWN)
    buyers: list[str] = []
    if visit.announces and is_pairable(challenge, ports.clock.now()):
        owner = await ports.directory.organisations.find(challenge.buyer)
        mine = await ports.directory.organisations.buyers_of(visit.principal)
        buyers = [one for one in sorted(mine) if owner is None or one != owner.handle]
    return Joining(pairings, buyers, new_once()) if pairings or buyers else None


async def _market(ports: BoardPorts, principal: Principal, challenge: Challenge, since: str = "") -> Market:
    found = await ports.matches.of_challenge(principal, challenge.id, after=None, limit=PAGE + 1)
    depth = await ports.matches.depth(principal, challenge.id)
    whole = _speaks_for(principal, challenge)
    shown = suggestions.shown(
        found, f"/challenges/{challenge.id}/suggestions/more", suggestions.instant(since)
    )
    return Market(
        challenge=challenge,
        shown=shown,
        depth=depth,
        outreach=await ports.matches.outreach(principal, challenge.id),
        picture=picture(challenge.requirements, shown.suggestions, depth) if whole else None,
        whole=whole,
        settled=await _is_settled(ports, challenge),
        open=_takes_answers(ports, challenge),
        companies=await ports.intake.reading.active_count(),
    )


async def _is_settled(ports: BoardPorts, challenge: Challenge) -> bool:
    """Whether matching has looked at the present content."""
    async with ports.database.read() as tx:
        matched = await journal.read(
            tx, after=0, limit=MATCHED_MAX, types={ChallengeMatched.TYPE}, key=challenge.id
        )
    return any(event.data["version"] >= challenge.content_version for event in matched)


def _takes_answers(ports: BoardPorts, challenge: Challenge) -> bool:
    return challenge.state in OPEN_STATES and ports.clock.now() < closes(challenge.deadline)


def _speaks_for(principal: Principal | None, challenge: Challenge) -> bool:
    """Sees every suggestion of the challenge: who announced it, its buyer, and administrators."""
    if principal is None:
        return False
    return principal.is_admin or principal.organisation in (challenge.announced_by, challenge.buyer)
