"""Is anything waiting, for how long, and why: one answer for whoever runs the service."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel

from services.courier.waiting import Waiting, waiting
from services.kernel.clock import Clock
from services.kernel.database import Database
from services.kernel.journal import head
from services.kernel.problems import Forbidden, NotFound, Unauthenticated, Unavailable
from services.kernel.stream import consumers, dead_letters
from services.kernel.web.authentication import Administrator
from services.kernel.web.problems import responses_for

Lag = Callable[[], Awaitable[dict[str, int]]]


class HaltedConsumer(BaseModel):
    service: str
    reason: str
    since: datetime


class Status(BaseModel):
    """`lag`: events that each service has not handled yet; `halted`: services that stand still until they
    are resumed; `dead_letters`: open ones by service; `lacking`: profiles and challenges that cannot be
    found because they lack vectors; null while no worker tells."""

    journal: int
    lag: dict[str, int]
    halted: list[HaltedConsumer]
    dead_letters: dict[str, int]
    webhooks: Waiting
    lacking: int | None


def router(database: Database, clock: Clock, lag: Lag, lacking: Callable[[], Awaitable[int]]) -> APIRouter:
    """GET /v1/status, and resuming what was halted."""
    routes = APIRouter(prefix="/v1", tags=["operations"])
    problems = responses_for(Unauthenticated, Forbidden, Unavailable)

    async def halted() -> list[HaltedConsumer]:
        async with database.read() as tx:
            known = await consumers.consumers(tx)
        return [
            HaltedConsumer(service=one.service, reason=one.reason, since=one.since)
            for one in known
            if one.state == consumers.HALTED
        ]

    async def known_lacking() -> int | None:
        try:
            return await lacking()
        except Unavailable:
            return None

    @routes.get("/status", responses=problems, summary="Is anything waiting, for how long, why?")
    async def status(_: Administrator) -> Status:
        async with database.read() as tx:
            position = await head(tx)
            letters = await dead_letters.count(tx)
            messages = await waiting(tx, clock.now())
        return Status(
            journal=position,
            lag=await lag(),
            halted=await halted(),
            dead_letters=letters,
            webhooks=messages,
            lacking=await known_lacking(),
        )

    @routes.post(
        "/consumers/{service}/resume",
        status_code=204,
        responses=problems | responses_for(NotFound),
        summary="Let a halted service go on",
        description="After a flood of failures a service stands still, so that its events do not all end in "
        "the dead letters. Mend the cause, then resume: it goes on with the event at which it stopped.",
    )
    async def resume(
        _: Administrator, service: Annotated[str, Path(pattern=r"^[a-z][a-z.-]{0,62}$")]
    ) -> None:
        if service not in {one.service for one in await halted()}:
            raise NotFound(f"No service {service!r} is halted. GET /v1/status lists those that are.")
        async with database.write(durable=True) as tx:
            await consumers.resume(tx, service, now=clock.now())

    return routes
