"""`/search`: what somebody looks for, found by words and meaning, with facets to narrow it by."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from schemas.search import FoundItem, FoundText
from schemas.subscription import FollowQuery
from schemas.text import clean_text
from services.gateway.board.ports import BoardPorts
from services.gateway.board.rendering import Renderer
from services.gateway.board.views import following
from services.gateway.board.views.explanation import Piece, pieces
from services.gateway.board.views.search_filters import choices, chosen, understood
from services.gateway.board.visit import Visit, Visits
from services.kernel.problems import NotFound
from services.kernel.web.pagination import decode_cursor
from services.search.endpoints import QUESTION_MAX
from services.search.ranking import Position

PAGE = 20
_Text = Annotated[str, Query(max_length=1_000)]
EXAMPLES = ("cryogenic pressure sensor", "Vakuumkammer aus Edelstahl", "électronique durcie")
"""Questions that the empty page offers: in several languages, to say that it may be asked in any."""

FIELDS = {
    "company_name": "name",
    "challenge_title": "title",
    "buyer": "buyer",
    "need": "need",
    "requirement": "requirement",
    "capability": "capability",
    "reference": "reference",
}


@dataclass(frozen=True, slots=True)
class Shown:
    item: FoundItem
    texts: list[tuple[FoundText, str, list[Piece]]]
    """Each text, what it is called, and its pieces with the words marked."""


def routes(ports: BoardPorts, visits: Visits, renderer: Renderer) -> APIRouter:
    made = APIRouter(include_in_schema=False)

    @made.get("/search")
    async def page(
        visit: Annotated[Visit, Depends(visits)],
        q: _Text = "",
        kind: _Text = "",
        country: _Text = "",
        cpv: _Text = "",
        stage: _Text = "",
        trl: _Text = "",
        trl_min: _Text = "",
        trl_max: _Text = "",
        cursor: _Text = "",
    ) -> Response:
        given = {
            "kind": kind,
            "country": country,
            "cpv": cpv,
            "stage": stage,
            "trl": trl,
            "trl_min": trl_min,
            "trl_max": trl_max,
        }
        asked, unknown = understood(_question(q), given)
        if not asked.q:
            return renderer.page("search.html", visit, asked=asked, answer=None, examples=EXAMPLES)
        answer = await ports.search.find(
            visit.principal, asked.q, asked.wanted, after=_after(cursor), limit=PAGE
        )
        return renderer.page(
            "search.html",
            visit,
            asked=asked,
            answer=answer,
            unknown=unknown,
            items=[_shown(one) for one in answer.items],
            facets=choices(answer.facets, asked),
            chosen=chosen(answer.facets, asked),
            lifted=[(one, asked.choosing(one.value)) for one in answer.without],
            more=asked.address(cursor=answer.next) if answer.next else None,
            first=asked.address() if cursor else None,
            followed=await following.offered(ports, visit, FollowQuery(query=asked.q)),
            examples=EXAMPLES,
        )

    return made


def _question(text: str) -> str:
    """As it is read: one line, without what cannot be seen; empty if nothing is left."""
    line = " ".join(text.split())[:QUESTION_MAX]
    try:
        return clean_text(line, maximum=QUESTION_MAX, lines=False)
    except ValueError:
        return ""


def _after(cursor: str) -> Position | None:
    if not cursor:
        return None
    values = decode_cursor(cursor)
    if len(values) != 2 or not isinstance(values[0], float | int) or not isinstance(values[1], str):
        raise NotFound("Search again: this is not an address that the page has made.")
    return float(values[0]), values[1]


def _shown(item: FoundItem) -> Shown:
    texts = [
        (text, FIELDS[text.field.value], pieces(text.text, (word.at for word in text.words)))
        for text in item.found_in
    ]
    return Shown(item, texts)
