"""Matches over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from schemas.base import ChallengeId, CompanyId, MatchId
from schemas.match import MatchSuggestion
from services.kernel.problems import InvalidInput, NotFound, Unauthenticated, Unavailable
from services.kernel.web.authentication import Reader
from services.kernel.web.pagination import Page, PageRequest, Paging
from services.kernel.web.problems import responses_for
from services.matching.service import Matches, Position

_Retracted = Annotated[bool, Query(description="Also those that no longer stand, or can be answered no more")]


def router(matches: Matches) -> APIRouter:
    """Routes under /v1; `matches` is what they act on."""
    routes = APIRouter(prefix="/v1", tags=["matches"])
    problems = responses_for(Unauthenticated, InvalidInput, Unavailable)

    @routes.get(
        "/challenges/{challenge}/matches",
        summary="Companies that answer a challenge",
        responses=problems,
        description=(
            "Best first, requirement by requirement, with the words that carry each answer. Whoever "
            "announced the challenge and its buyer see all of them; a company sees its own, a cluster its "
            "members'. A match is outreach on top of the public announcement, never a preselection."
        ),
    )
    async def matches_of_challenge(
        principal: Reader,
        challenge: Annotated[ChallengeId, Path()],
        paging: Paging,
        retracted: _Retracted = False,
    ) -> Page[MatchSuggestion]:
        found = await matches.of_challenge(
            principal, challenge, after=_after(paging), limit=paging.limit + 1, with_retracted=retracted
        )
        return _page(paging, found)

    @routes.get(
        "/companies/{company}/matches",
        summary="Open challenges that a company answers",
        responses=problems,
        description=(
            "Best first; what can still be answered. For the company itself, its clusters, and whoever "
            "announced or buys."
        ),
    )
    async def matches_of_company(
        principal: Reader,
        company: Annotated[CompanyId, Path()],
        paging: Paging,
        retracted: _Retracted = False,
    ) -> Page[MatchSuggestion]:
        found = await matches.of_company(
            principal, company, after=_after(paging), limit=paging.limit + 1, with_retracted=retracted
        )
        return _page(paging, found)

    @routes.get(
        "/matches/{match}",
        summary="One match",
        responses=problems | responses_for(NotFound),
    )
    async def one_match(principal: Reader, match: Annotated[MatchId, Path()]) -> MatchSuggestion:
        return await matches.get(principal, match)

    return routes


def _after(paging: PageRequest) -> Position | None:
    values = paging.after(float, str)
    return None if values is None else (values[0], values[1])


def _page(paging: PageRequest, found: list[MatchSuggestion]) -> Page[MatchSuggestion]:
    return paging.page(found, lambda one: (one.score, one.id), lambda one: one)
