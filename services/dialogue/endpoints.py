"""The dialogue over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Path
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from schemas.base import ChallengeId, QuestionId
from schemas.dialogue import Dialogue, Publication, Published, Question, QuestionContent, QuestionDecline
from services.dialogue.service import Dialogues
from services.kernel.problems import (
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    Unauthenticated,
    Unavailable,
)
from services.kernel.web.authentication import OPEN_TO_ALL, Anybody, Writer
from services.kernel.web.idempotency import Once
from services.kernel.web.problems import responses_for
from services.kernel.web.reply import reply

_Id = Annotated[ChallengeId, Path()]


def router(dialogues: Dialogues) -> APIRouter:
    """Routes under /v1/challenges/{challenge}/dialogue."""
    routes = APIRouter(prefix="/v1/challenges/{challenge}/dialogue", tags=["dialogue"])
    reading = responses_for(Unauthenticated, InvalidInput, NotFound, Unavailable)
    writing = reading | responses_for(Forbidden, Conflict)

    @routes.get(
        "",
        responses=reading,
        openapi_extra=OPEN_TO_ALL,
        summary="Questions and answers on a challenge",
        description=(
            "Needs no key once the challenge is announced. With one, `questions` are your own, and on the "
            "buyer's side those that wait for an answer. Nobody reads who asked."
        ),
    )
    async def dialogue(principal: Anybody, challenge: _Id) -> Dialogue:
        return await dialogues.get(principal, challenge)

    @routes.post(
        "/questions",
        status_code=201,
        response_model=Question,
        responses=writing,
        summary="Ask the buyer",
        description=(
            "Neither the buyer nor anybody else learns who asked; the answer is published to everybody at "
            "the same moment, as `liaison.dialogue.published.v1`."
        ),
    )
    async def ask(content: QuestionContent, principal: Writer, challenge: _Id, once: Once) -> Response:
        write = await dialogues.asking(principal, challenge, content)

        async def effect(tx: AsyncSession) -> Response:
            return reply(await write(tx), 201)

        return await once.run(effect)

    @routes.post(
        "/entries",
        status_code=201,
        response_model=Published,
        responses=writing,
        summary="Answer everybody at once",
        description=(
            "For the buyer and who announced. All entries of one request are published at the same moment. "
            "Questions that ask the same are merged: name them all, and word them. An entry without "
            "questions is what you have to say to all. What is published stays; correct it by another entry."
        ),
    )
    async def publish(content: Publication, principal: Writer, challenge: _Id, once: Once) -> Response:
        write = await dialogues.publishing(principal, challenge, content)

        async def effect(tx: AsyncSession) -> Response:
            return reply(Published(entries=await write(tx)), 201)

        return await once.run(effect)

    @routes.post(
        "/questions/{question}/decline",
        response_model=Question,
        responses=writing,
        summary="Decline a question",
        description="Whoever asked reads the reason, and nobody else.",
    )
    async def decline(
        content: QuestionDecline,
        principal: Writer,
        challenge: _Id,
        question: Annotated[QuestionId, Path()],
        once: Once,
    ) -> Response:
        write = await dialogues.declining(principal, challenge, question, content)

        async def effect(tx: AsyncSession) -> Response:
            return reply(await write(tx))

        return await once.run(effect)

    return routes
