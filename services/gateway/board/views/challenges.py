"""`/`: the challenges, newest first, for everybody."""

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from schemas.challenge import OPEN_STATES, OVER_STATES, Challenge, ChallengeState
from schemas.codes import country_names
from schemas.organisation import Organisation, OrganisationKind
from services.gateway.board.ports import BoardPorts
from services.gateway.board.rendering import Renderer
from services.gateway.board.visit import Visit, Visits
from services.gateway.syndication.addresses import ANNOUNCEMENTS, DEADLINES, narrowed
from services.intake.challenge_store import ChallengeFilter
from services.intake.completion import last_open_day
from services.intake.steps import WAY

PAGE = 20
"""Challenges on a page: a few screens, and 20 kB."""
BUYERS_MAX = 200
"""Buyers offered to choose from; there are a few dozen Big Science Organisations."""
WORDS_MAX = 12
"""Words looked for; more narrow nothing any further."""
PUBLIC_STATES = (*WAY, ChallengeState.withdrawn)

_Text = Annotated[str, Query(max_length=300)]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the reader narrowed the list to; empty: not at all. `closed`: also what is over, which
    every challenge in a later state is."""

    words: str = ""
    buyer: str = ""
    country: str = ""
    cpv: str = ""
    state: ChallengeState | None = None
    closed: bool = False

    @property
    def is_narrowed(self) -> bool:
        return bool(self.words or self.buyer or self.country or self.cpv or self.state)

    @property
    def open_alone(self) -> bool:
        return not self.closed and (self.state is None or self.state in OPEN_STATES)

    def address(self, after: str = "") -> str:
        """Of the page that goes on behind a challenge."""
        asked = {
            "words": self.words,
            "buyer": self.buyer,
            "country": self.country,
            "cpv": self.cpv,
            "state": self.state.value if self.state else "",
            "closed": "yes" if self.closed else "",
            "after": after,
        }
        query = urlencode({name: value for name, value in asked.items() if value})
        return f"/?{query}" if query else "/"


def routes(ports: BoardPorts, visits: Visits, renderer: Renderer) -> APIRouter:
    made = APIRouter(include_in_schema=False)

    @made.get("/")
    async def challenges(
        visit: Annotated[Visit, Depends(visits)],
        words: _Text = "",
        buyer: _Text = "",
        country: _Text = "",
        cpv: _Text = "",
        state: _Text = "",
        closed: _Text = "",
        after: _Text = "",
    ) -> Response:
        wanted = Wanted(words.strip(), buyer, country, _digits(cpv), _state(state), closed == "yes")
        narrow = _filter(ports, wanted)
        found = await ports.intake.challenges.page(
            visit.principal, narrow, after=after or None, limit=PAGE + 1
        )
        shown = found[:PAGE]
        return renderer.page(
            "challenges.html",
            visit,
            wanted=wanted,
            challenges=shown,
            more=wanted.address(shown[-1].id) if len(found) > PAGE else None,
            newest=wanted.address() if after else None,
            feed=narrowed(ANNOUNCEMENTS, narrow),
            calendar=narrowed(DEADLINES, narrow),
            matches=await _matches(ports, visit, shown),
            buyers=await _buyers(ports, visit),
            states=PUBLIC_STATES,
            over_states=OVER_STATES,
            countries=sorted(country_names().items(), key=lambda pair: pair[1]),
        )

    return made


def _filter(ports: BoardPorts, wanted: Wanted) -> ChallengeFilter:
    return ChallengeFilter(
        words=tuple(wanted.words.split()[:WORDS_MAX]),
        buyer=wanted.buyer or None,
        country=wanted.country or None,
        cpv=wanted.cpv or None,
        state=wanted.state,
        open_on=last_open_day(ports.clock.now()) if wanted.open_alone else None,
    )


def _state(name: str) -> ChallengeState | None:
    return next((one for one in PUBLIC_STATES if one.value == name), None)


def _digits(cpv: str) -> str:
    """The beginning of a code as people paste it: with spaces, with its check digit."""
    return "".join(one for one in cpv.partition("-")[0] if one.isascii() and one.isdigit())[:8]


async def _matches(ports: BoardPorts, visit: Visit, shown: list[Challenge]) -> dict[str, int]:
    """How many suggestions of each the visitor may see."""
    if visit.principal is None:
        return {}
    return await ports.matches.counts(visit.principal, [one.id for one in shown])


async def _buyers(ports: BoardPorts, visit: Visit) -> list[Organisation]:
    found = await ports.directory.organisations.page(
        visit.reader, kind=OrganisationKind.bso, limit=BUYERS_MAX
    )
    return sorted(found, key=lambda one: one.name.casefold())
