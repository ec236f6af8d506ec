"""Consortia over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from schemas.base import ChallengeId, ConsortiumId
from schemas.consortium import (
    Completion,
    CompletionContent,
    Consortia,
    Consortium,
    ConsortiumAnswer,
    ConsortiumDecline,
)
from services.consortia.completing import Completing
from services.consortia.consenting import Consents, Write
from services.consortia.service import ConsortiumService
from services.kernel.problems import (
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    Unauthenticated,
    Unavailable,
)
from services.kernel.web.authentication import Reader, Writer
from services.kernel.web.idempotency import Once
from services.kernel.web.problems import responses_for
from services.kernel.web.reply import reply

_Id = Annotated[ConsortiumId, Path()]
_Gone = Annotated[bool, Query(description="Also those that were declined or dissolved")]


_PROBLEMS = responses_for(Unauthenticated, InvalidInput, Unavailable)
_ANSWERS = _PROBLEMS | responses_for(NotFound, Forbidden, Conflict)


def router(consortia: ConsortiumService, consents: Consents, completing: Completing) -> APIRouter:
    """Routes under /v1; the use cases are what they act on."""
    routes = APIRouter(prefix="/v1", tags=["consortia"])
    _completing(routes, completing)
    _reading(routes, consortia)
    _answering(routes, consents)
    return routes


def _reading(routes: APIRouter, consortia: ConsortiumService) -> None:
    @routes.get(
        "/challenges/{challenge}/consortia",
        summary="Teams that cover a challenge together",
        responses=_PROBLEMS,
        description=(
            "The best different teams, best first: who covers which requirement in which stage, what nobody "
            "covers, and what kind of partner would. Whoever announced the challenge and its buyer see all "
            "of them; a company, or a cluster that receives for it, those it has a part in, without knowing "
            "the other members before all have consented."
        ),
    )
    async def consortia_of_challenge(
        principal: Reader, challenge: Annotated[ChallengeId, Path()], gone: _Gone = False
    ) -> Consortia:
        return await consortia.of_challenge(principal, challenge, gone=gone)

    @routes.get(
        "/consortia/{consortium}",
        response_model=Consortium,
        responses=_PROBLEMS | responses_for(NotFound),
        summary="One consortium",
    )
    async def one_consortium(principal: Reader, consortium: _Id) -> Response:
        found = await consortia.get(principal, consortium)
        return reply(found, version=found.version)


def _completing(routes: APIRouter, completing: Completing) -> None:
    @routes.post(
        "/consortia/complete",
        summary="Who is missing in a team",
        responses=_ANSWERS,
        description=(
            "For a company or a cluster that has some members already: the best different ways to complete "
            "the team, in roles, without names. Nothing is stored and nobody is told; POST /v1/consortia "
            "asks them."
        ),
    )
    async def complete(content: CompletionContent, principal: Writer) -> Completion:
        return await completing.complete(principal, content)

    @routes.post(
        "/consortia",
        status_code=201,
        response_model=Consortium,
        responses=_ANSWERS,
        summary="Begin a team and ask who would complete it",
        description=(
            "The best completion becomes a consortium: your companies have consented, the others hear that a "
            "consortium needs somebody like them, and whose it is only when all have consented."
        ),
    )
    async def begin(content: CompletionContent, principal: Writer, once: Once) -> Response:
        write = await completing.beginning(principal, content)

        async def effect(tx: AsyncSession) -> Response:
            made = await write(tx)
            return reply(made, 201, version=made.version, location=f"/v1/consortia/{made.id}")

        return await once.run(effect)


def _answering(routes: APIRouter, consents: Consents) -> None:
    async def answered(once: Once, write: Write) -> Response:
        async def effect(tx: AsyncSession) -> Response:
            return reply(await write(tx))

        return await once.run(effect)

    @routes.post(
        "/consortia/{consortium}/consent",
        response_model=Consortium,
        responses=_ANSWERS,
        summary="Consent to be introduced",
        description=(
            "For a member, or a cluster that acts for it. When all have consented, they know each other. "
            "Whoever announced and the buyer read who has consented; the other members do not."
        ),
    )
    async def consent(content: ConsortiumAnswer, principal: Writer, consortium: _Id, once: Once) -> Response:
        return await answered(once, await consents.consenting(principal, consortium, content))

    @routes.post(
        "/consortia/{consortium}/decline",
        response_model=Consortium,
        responses=_ANSWERS,
        summary="Decline a consortium",
        description=(
            "The best alternate takes the role; what the others have consented to holds. Your company is not "
            "asked again for this challenge. The note stays on your side."
        ),
    )
    async def decline(content: ConsortiumDecline, principal: Writer, consortium: _Id, once: Once) -> Response:
        return await answered(once, await consents.declining(principal, consortium, content))

    @routes.post(
        "/consortia/{consortium}/confirm",
        response_model=Consortium,
        responses=_ANSWERS,
        summary="Confirm that the consortium is formed",
        description="After the introduction. When all members have confirmed, the consortium is `formed`.",
    )
    async def confirm(content: ConsortiumAnswer, principal: Writer, consortium: _Id, once: Once) -> Response:
        return await answered(once, await consents.confirming(principal, consortium, content))
