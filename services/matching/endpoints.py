"""Matches over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from schemas.base import ChallengeId, CompanyId, MatchId
from schemas.feedback import Feedback
from schemas.match import Match, MatchAnswerContent, Outreach
from schemas.scores import ScoreDisclosure
from services.kernel.problems import (
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    Unauthenticated,
    Unavailable,
)
from services.kernel.web.authentication import OPEN_TO_ALL, Anybody, Reader, Writer
from services.kernel.web.idempotency import Once
from services.kernel.web.pagination import Page, PageRequest, Paging
from services.kernel.web.problems import responses_for
from services.kernel.web.reply import reply
from services.matching.answering import Answering
from services.matching.disclosure import disclosure
from services.matching.feedback import OwnFeedback
from services.matching.service import Matches, Position, position

_Retracted = Annotated[bool, Query(description="Also those that no longer stand, or can be answered no more")]


def router(matches: Matches, answering: Answering, own: OwnFeedback) -> APIRouter:
    """Routes under /v1; `matches`, `answering` and `own` are what they act on."""
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
    ) -> Page[Match]:
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
            "announced or buys. For the company's side its own answers move neighbours in this list, each "
            "with its `nudge`; the scores stay, and so does everybody else's order."
        ),
    )
    async def matches_of_company(
        principal: Reader,
        company: Annotated[CompanyId, Path()],
        paging: Paging,
        retracted: _Retracted = False,
    ) -> Page[Match]:
        found = await matches.of_company(
            principal, company, after=_after(paging), limit=paging.limit + 1, with_retracted=retracted
        )
        return _page(paging, found)

    @routes.get(
        "/challenges/{challenge}/outreach",
        summary="How far the matches of a challenge have come",
        responses=problems,
        description=(
            "How many stand, were notified by webhook, opened, and answered, among those that you see. "
            "Figures about the outreach, not about companies: nobody is picked by them."
        ),
    )
    async def outreach(principal: Reader, challenge: Annotated[ChallengeId, Path()]) -> Outreach:
        return await matches.outreach(principal, challenge)

    @routes.get(
        "/matches/{match}",
        summary="One match",
        responses=problems | responses_for(NotFound),
        description=(
            "When its company reads it, or a cluster that receives for it, the match has been `seen`."
        ),
    )
    async def one_match(principal: Reader, match: Annotated[MatchId, Path()]) -> Match:
        return await answering.open(principal, match)

    @routes.post(
        "/matches/{match}/answer",
        response_model=Match,
        responses=problems | responses_for(NotFound, Forbidden, Conflict),
        summary="Answer a match",
        description=(
            "For the company, or a cluster that acts for it: `interested`, or `dismissed` with a reason. "
            "Answer again to change it. Whoever announced and the buyer read the answer; reason and note "
            "stay on the company's side. No answer changes a score, and what was dismissed is no longer sent "
            "to the company when it changes."
        ),
    )
    async def answer(
        content: MatchAnswerContent,
        principal: Writer,
        match: Annotated[MatchId, Path()],
        once: Once,
    ) -> Response:
        write = await answering.answering(principal, match, content)

        async def effect(tx: AsyncSession) -> Response:
            return reply(await write(tx))

        return await once.run(effect)

    @routes.delete(
        "/matches/{match}/answer",
        status_code=204,
        responses=problems | responses_for(NotFound, Forbidden),
        summary="Take an answer back",
        description="The match is `seen` then, as before the answer. Without an answer nothing happens.",
    )
    async def take_back(principal: Writer, match: Annotated[MatchId, Path()]) -> None:
        await answering.take_back(principal, match)

    _feedback(routes, own)
    _scores(routes)
    return routes


def _feedback(routes: APIRouter, own: OwnFeedback) -> None:
    problems = responses_for(Unauthenticated, Forbidden, NotFound, InvalidInput, Unavailable)

    @routes.get(
        "/companies/{company}/feedback",
        summary="What a company's own answers change",
        responses=problems,
        description=(
            "For the company itself, and clusters that receive its matches: the answers that count, and the "
            "suggestions that they move in the company's own list, alerts and digests. Nobody else's are "
            "moved."
        ),
    )
    async def feedback(principal: Reader, company: Annotated[CompanyId, Path()]) -> Feedback:
        return await own.show(principal, company)

    @routes.delete(
        "/companies/{company}/feedback",
        status_code=204,
        summary="Begin anew",
        responses=problems,
        description="Answers given so far move nothing any more; they themselves stay.",
    )
    async def reset(principal: Writer, company: Annotated[CompanyId, Path()]) -> None:
        await own.reset(principal, company)


def _scores(routes: APIRouter) -> None:
    @routes.get(
        "/scores",
        summary="How a score comes about",
        responses=responses_for(Unauthenticated, Unavailable),
        openapi_extra=OPEN_TO_ALL,
        description=(
            "The factors and weights in force, what never moves a score, and how good it was measured to be, "
            "by which method. Every match links here (`links.scores`). Needs no key."
        ),
    )
    async def scores(_: Anybody) -> ScoreDisclosure:
        return disclosure()


def _after(paging: PageRequest) -> Position | None:
    values = paging.after(float, str)
    return None if values is None else (values[0], values[1])


def _page(paging: PageRequest, found: list[Match]) -> Page[Match]:
    return paging.page(found, position, lambda one: one)
