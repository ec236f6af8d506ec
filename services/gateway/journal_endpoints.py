"""The journal over HTTP: an organisation's own slice, by position."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel

from schemas.base import ChallengeId, CompanyId
from schemas.events import CloudEvent
from services.gateway.stream import Types, reader_of
from services.kernel.database import Database
from services.kernel.journal.reading import head, read
from services.kernel.problems import Forbidden, InvalidInput, Unauthenticated
from services.kernel.web.authentication import Reader
from services.kernel.web.pagination import Page, Paging
from services.kernel.web.problems import responses_for

POSITION_MAX = 2**62
"""Positions are 64-bit integers in the database."""


class JournalHead(BaseModel):
    """The last position given: what a reader that has caught up has seen."""

    position: int


def router(database: Database) -> APIRouter:
    """Routes under /v1/journal."""
    routes = APIRouter(prefix="/v1/journal", tags=["journal"])
    always = responses_for(Unauthenticated, Forbidden, InvalidInput)

    @routes.get(
        "",
        response_model=Page[CloudEvent],
        responses=always,
        summary="Read events by position",
        description="Your own organisation's events and what is public, oldest first. The cursor goes on "
        "where a page ended; `after` begins at a position you know, e.g. the `sequence` of an event.",
    )
    async def entries(
        principal: Reader,
        paging: Paging,
        types: Types = [],  # noqa: B006 - FastAPI copies it
        challenge: Annotated[
            ChallengeId | None, Query(description="Only events about this challenge")
        ] = None,
        company: Annotated[CompanyId | None, Query(description="Only events about this company")] = None,
        after: Annotated[
            int, Query(ge=0, le=POSITION_MAX, description="Only events with a higher position")
        ] = 0,
    ) -> Any:
        cursor = paging.after(int)
        async with database.read() as tx:
            found = await read(
                tx,
                after=min(max(cursor[0], after), POSITION_MAX) if cursor else after,
                limit=paging.limit + 1,
                types=frozenset(types) or None,
                concerning=frozenset(name for name in (challenge, company) if name),
                reader=reader_of(principal),
            )
        return paging.page(found, lambda event: (event.position,), lambda event: event.cloud_event())

    @routes.get("/head", responses=always, summary="The last position")
    async def last(principal: Reader) -> JournalHead:
        async with database.read() as tx:
            return JournalHead(position=await head(tx))

    return routes
