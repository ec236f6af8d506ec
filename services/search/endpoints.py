"""Search over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Query

from schemas.challenge import PhaseStage
from schemas.codes import CountryCode, LanguageCode
from schemas.search import SearchAnswer, SearchKind
from schemas.subscription import CPV_PREFIX
from schemas.text import PlainText
from services.kernel.problems import InvalidInput, Unauthenticated, Unavailable
from services.kernel.web.authentication import OPEN_TO_ALL, Anybody
from services.kernel.web.pagination import PageRequest, Paging
from services.kernel.web.problems import responses_for
from services.search.ranking import Position
from services.search.service import Search
from services.search.wanted import Wanted

QUESTION_MAX = 300
"""Characters: two sentences. Whoever pastes a page wants to announce it, or to match a profile."""

Question = Annotated[
    str,
    PlainText(QUESTION_MAX),
    Query(
        description="Words, or a sentence, in any official language of the EU", examples=["helium sensors"]
    ),
]


def router(search: Search) -> APIRouter:
    routes = APIRouter(prefix="/v1/search", tags=["search"])

    @routes.get(
        "",
        responses=responses_for(Unauthenticated, InvalidInput, Unavailable),
        openapi_extra=OPEN_TO_ALL,
        summary="Find challenges, companies and capabilities",
        description=(
            "By words, in spite of slips of the pen, and by meaning across languages; each with the texts "
            "and words for which it is there. Without a key: open challenges. With one also the companies "
            "that it may read, by what they do and by name. `kind=capability` lists their texts one by one. "
            "Filters narrow, `facets` say to what. What is asked is kept nowhere."
        ),
    )
    async def find(
        principal: Anybody,
        q: Question,
        paging: Paging,
        kind: Annotated[
            SearchKind | None, Query(description="Only these; default: challenges and companies")
        ] = None,
        country: Annotated[
            CountryCode | None, Query(description="Companies from there, challenges open to them")
        ] = None,
        cpv: Annotated[
            str | None, Query(pattern=CPV_PREFIX, description="The beginning of a CPV code")
        ] = None,
        stage: Annotated[PhaseStage | None, Query(description="Stage of the lifecycle, or phase")] = None,
        trl_min: Annotated[
            int | None,
            Query(ge=1, le=9, description="A company's highest TRL, a capability's own, a challenge's start"),
        ] = None,
        trl_max: Annotated[int | None, Query(ge=1, le=9)] = None,
        language: Annotated[
            LanguageCode | None, Query(description="Of the question; default: guessed")
        ] = None,
    ) -> SearchAnswer:
        return await search.find(
            principal,
            q,
            Wanted(kind, country, cpv, stage.value if stage else None, trl_min, trl_max),
            language=language,
            after=_after(paging),
            limit=paging.limit,
        )

    return routes


def _after(paging: PageRequest) -> Position | None:
    values = paging.after(float, str)
    return None if values is None else (values[0], values[1])
