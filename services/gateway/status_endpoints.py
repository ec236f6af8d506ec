"""Is anything waiting, for how long, and why: one answer for whoever runs the service."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel

from services.courier import backlog
from services.courier.waiting import Waiting, waiting
from services.kernel.clock import Clock
from services.kernel.database import Database
from services.kernel.journal import head
from services.kernel.journal.reading import unsequenced
from services.kernel.problems import Forbidden, NotFound, TransientError, Unauthenticated, Unavailable
from services.kernel.stream import consumers, dead_letters
from services.kernel.web.authentication import Administrator
from services.kernel.web.problems import responses_for
from services.notification import digests

Lag = Callable[[], Awaitable[dict[str, int]]]

LAG_S = 5.0
"""For the brokers to tell how far services are behind: the rest must be told while they are silent."""


class HaltedConsumer(BaseModel):
    service: str
    reason: str
    since: datetime


class WaitingForDigests(BaseModel):
    """`events`: how many wait for digests, the oldest `since` then, as their subscribers want it.
    `overdue_since`: when the first digest should have gone out that has not."""

    events: int
    since: datetime | None
    overdue_since: datetime | None


class Status(BaseModel):
    """`unsequenced`: accepted events that nobody sees yet because they have no position, the oldest since
    `unsequenced_since`; `lag`: events that each service has not handled yet, empty with the reason in
    `lag_unknown` where nobody can tell; `halted`: services that stand still until they are resumed;
    `dead_letters`: open ones by service; `due_since`: since when the webhook waits that is longest due, over
    endpoints that are on; `lacking`: profiles and challenges that cannot be found because they lack vectors;
    null while no worker tells."""

    journal: int
    unsequenced: int
    unsequenced_since: datetime | None
    lag: dict[str, int]
    lag_unknown: str | None
    halted: list[HaltedConsumer]
    dead_letters: dict[str, int]
    webhooks: Waiting
    due_since: datetime | None
    digests: WaitingForDigests
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

    async def known_lag() -> tuple[dict[str, int], str | None]:
        try:
            async with asyncio.timeout(LAG_S):
                return await lag(), None
        except TransientError as error:
            return {}, str(error)
        except TimeoutError:
            return {}, f"Kafka has not answered within {LAG_S:g} s."

    @routes.get("/status", responses=problems, summary="Is anything waiting, for how long, why?")
    async def status(_: Administrator) -> Status:
        now = clock.now()
        async with database.read() as tx:
            position = await head(tx)
            entries, since = await unsequenced(tx)
            letters = await dead_letters.count(tx)
            messages = await waiting(tx, now)
            collected = await digests.overall(tx, now)
        behind, unknown = await known_lag()
        return Status(
            journal=position,
            unsequenced=entries,
            unsequenced_since=since,
            lag=behind,
            lag_unknown=unknown,
            halted=await halted(),
            dead_letters=letters,
            webhooks=messages,
            due_since=await database.in_one_go(lambda connection: backlog.oldest_due(connection, now)),
            digests=WaitingForDigests(**asdict(collected)),
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
