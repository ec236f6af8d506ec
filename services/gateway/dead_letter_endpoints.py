"""Dead letters over HTTP, for whoever runs the service: look, have them handled again, or drop them."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from schemas.base import Contract
from schemas.text import Note
from services.kernel.clock import Clock
from services.kernel.database import Database
from services.kernel.problems import Conflict, Forbidden, InvalidInput, NotFound, Unauthenticated
from services.kernel.stream import dead_letters
from services.kernel.web.authentication import Administrator
from services.kernel.web.idempotency import Once
from services.kernel.web.pagination import Page, Paging
from services.kernel.web.problems import responses_for
from services.kernel.web.reply import reply

_Id = Annotated[str, Path(pattern="^ded_[0-9A-HJKMNP-TV-Z]{26}$", description="`ded_` and a ULID")]
_SERVICE = Query(max_length=64, pattern="^[a-z0-9._-]+$", description="Of one service")
_Service = Annotated[str | None, _SERVICE]
_State = Annotated[
    str, Query(pattern="^(open|redriven|discarded|any)$", description="open, redriven, discarded, or any")
]


class DeadLetterView(BaseModel):
    """An event that one service could not handle. `trace` names places in the code, never values."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    service: str
    event_id: str
    position: int | None
    type: str
    reason: str
    trace: str
    tries: int
    failed_at: datetime
    state: str
    resolution: str
    resolved_at: datetime | None
    redrive_requested_at: datetime | None


class Discard(Contract):
    """Why the event is given up; kept on record."""

    reason: Note


class Redrive(BaseModel):
    """`asked`: how many open dead letters are handed to their service again, oldest first."""

    asked: int


def router(database: Database, clock: Clock) -> APIRouter:
    """Routes under /v1/dead-letters."""
    routes = APIRouter(prefix="/v1/dead-letters", tags=["operations"])
    always = responses_for(Unauthenticated, Forbidden, InvalidInput)
    one = always | responses_for(NotFound)

    @routes.get("", responses=always, summary="List dead letters")
    async def listing(
        principal: Administrator, paging: Paging, service: _Service = None, state: _State = "open"
    ) -> Page[DeadLetterView]:
        after = paging.after(str)
        async with database.read() as tx:
            found = await dead_letters.find(
                tx,
                service=service,
                state=None if state == "any" else state,
                after=after[0] if after else "",
                limit=paging.limit + 1,
            )
        return paging.page(found, lambda letter: (letter.id,), DeadLetterView.model_validate)

    @routes.get("/{letter}", responses=one, summary="Show a dead letter")
    async def show(principal: Administrator, letter: _Id) -> DeadLetterView:
        async with database.read() as tx:
            return DeadLetterView.model_validate(await dead_letters.show(tx, letter))

    @routes.post(
        "/redrive",
        status_code=202,
        response_model=Redrive,
        responses=always,
        summary="Have all of a service handled again",
        description="For what a flood has left behind, once its cause is mended and the service resumed. "
        "Every open dead letter of the service is handled once more, oldest first; those that fail again "
        "stay, with the new reason.",
    )
    async def redrive_all(
        principal: Administrator, service: Annotated[str, _SERVICE], once: Once
    ) -> Response:
        async def effect(tx: AsyncSession) -> Response:
            return reply(Redrive(asked=await dead_letters.redrive_all(tx, service, now=clock.now())), 202)

        return await once.run(effect)

    @routes.post(
        "/{letter}/redrive",
        status_code=202,
        response_model=DeadLetterView,
        responses=one | responses_for(Conflict),
        summary="Have it handled again",
        description="Its service is told to handle exactly this event once more; look at it again to see how "
        "that went.",
    )
    async def redrive(principal: Administrator, letter: _Id, once: Once) -> Response:
        async def effect(tx: AsyncSession) -> Response:
            await dead_letters.redrive(tx, letter, now=clock.now())
            return reply(DeadLetterView.model_validate(await dead_letters.show(tx, letter)), 202)

        return await once.run(effect)

    @routes.post(
        "/{letter}/discard",
        response_model=DeadLetterView,
        responses=one | responses_for(Conflict),
        summary="Give it up, with a reason",
    )
    async def discard(principal: Administrator, letter: _Id, why: Discard, once: Once) -> Response:
        async def effect(tx: AsyncSession) -> Response:
            await dead_letters.discard(tx, letter, why.reason, now=clock.now())
            return reply(DeadLetterView.model_validate(await dead_letters.show(tx, letter)))

        return await once.run(effect)

    return routes
