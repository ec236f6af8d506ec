"""`/search`: what somebody looks for, found by words and meaning, with facets to narrow it by."""

import re
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from schemas.challenge import PhaseStage
from schemas.codes import country_names
from schemas.search import Facets, FacetValue, FoundItem, FoundText, SearchAnswer, SearchKind
from schemas.subscription import CPV_PREFIX
from schemas.text import clean_text
from services.gateway.board.ports import BoardPorts
from services.gateway.board.rendering import Renderer
from services.gateway.board.views.explanation import Piece, pieces
from services.gateway.board.visit import Visit, Visits
from services.kernel.problems import NotFound
from services.kernel.web.pagination import decode_cursor
from services.search.endpoints import QUESTION_MAX
from services.search.ranking import Position
from services.search.wanted import Wanted

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
class Asked:
    """As it stands in the address; empty: not asked for."""

    q: str = ""
    kind: str = ""
    country: str = ""
    cpv: str = ""
    stage: str = ""
    trl: str = ""

    def address(self, **changed: str) -> str:
        asked = {name: getattr(self, name) for name in self.__slots__} | changed
        return f"/search?{urlencode({name: value for name, value in asked.items() if value})}"

    @property
    def wanted(self) -> Wanted:
        """What makes no sense narrows nothing: addresses are edited by hand."""
        trl = int(self.trl) if self.trl in {str(level) for level in range(1, 10)} else None
        return Wanted(
            kind=_KIND.get(self.kind),
            country=_country(self.country.upper()),
            cpv=_cpv(self.cpv),
            stage=self.stage if self.stage in {one.value for one in PhaseStage} else None,
            trl_min=trl,
            trl_max=trl,
        )


@dataclass(frozen=True, slots=True)
class Choice:
    """A value of a facet as a link: where it leads, and whether it is chosen; then it leads back."""

    facet: str
    value: FacetValue
    address: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Shown:
    item: FoundItem
    texts: list[tuple[FoundText, str, list[Piece]]]
    """Each text, what it is called, and its pieces with the words marked."""


_KIND = {one.value: one for one in SearchKind}
_TITLES = {"kind": "What", "country": "Country", "cpv": "CPV division", "stage": "Stage", "trl": "Readiness"}


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
        cursor: _Text = "",
    ) -> Response:
        asked = Asked(_question(q), kind, country, cpv, stage, trl)
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
            items=[_shown(one) for one in answer.items],
            facets=_choices(answer.facets, asked),
            chosen=_chosen(answer, asked),
            lifted=[(one, asked.address(**{one.value: ""})) for one in answer.without],
            more=asked.address(cursor=answer.next) if answer.next else None,
            first=asked.address() if cursor else None,
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


def _country(code: str) -> str | None:
    return code if code in country_names() else None


def _cpv(beginning: str) -> str | None:
    return beginning if re.fullmatch(CPV_PREFIX, beginning) else None


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


def _choices(facets: Facets, asked: Asked) -> list[tuple[str, list[Choice]]]:
    """Per facet that has something to choose its title and its values."""
    found = []
    for name, title in _TITLES.items():
        values: tuple[FacetValue, ...] = getattr(facets, name)
        present = getattr(asked, name)
        choices = []
        for one in values:
            chosen = one.value == present
            choices.append(Choice(name, one, asked.address(**{name: "" if chosen else one.value}), chosen))
        if choices:
            found.append((title, choices))
    return found


def _chosen(answer: SearchAnswer, asked: Asked) -> list[tuple[str, str]]:
    """What narrows the answer, each with the address without it."""
    found = []
    for name, title in _TITLES.items():
        value = getattr(asked, name)
        if value:
            labels = {one.value: one.label for one in getattr(answer.facets, name)}
            found.append((f"{title}: {labels.get(value, value)}", asked.address(**{name: ""})))
    return found
