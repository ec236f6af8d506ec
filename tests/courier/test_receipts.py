"""Successes are told in the transaction that writes them down, together, and only what somebody waits for."""

from __future__ import annotations

from typing import Any

from schemas.events import (
    DeliverySucceeded,
    MatchRetracted,
    MatchSuggested,
    MatchUpdated,
    SubscriptionDigest,
)
from services.courier.enqueue import NewMessage, enqueue
from services.kernel import journal
from services.kernel.database import Database
from services.kernel.identifiers import new_id
from tests.courier.desk import OWNER, Desk, Scripted, always, answered, principal
from tests.eventually import eventually

URL = "https://receiver.example.org/"
KINDS = (MatchSuggested.TYPE, MatchUpdated.TYPE, SubscriptionDigest.TYPE, MatchRetracted.TYPE, "test.v1")


async def post(desk: Desk, endpoint: str, *kinds: str) -> dict[str, str]:
    """Hand over a message of each type at once; event ids by message."""
    messages = [NewMessage(endpoint, None, new_id("evt"), kind, b"{}") for kind in kinds]
    async with desk.database.write() as tx:
        await enqueue(tx, messages, now=desk.clock.now())
    return {message.id: message.event for message in messages}


async def receipts(database: Database) -> list[Any]:
    if not database.is_serial:
        async with database.write() as tx:
            await journal.sequence(tx)
    async with database.read() as tx:
        return await journal.read(tx, after=0, limit=1_000, types={DeliverySucceeded.TYPE})


def taken(entries: list[Any]) -> list[tuple[str, str]]:
    return [(one["event"], one["organisation"]) for entry in entries for one in entry.data["delivered"]]


async def test_deliveries_of_suggestions_are_told_with_who_took_them(database: Database) -> None:
    desk, other = Desk(database), principal()
    first, second = (await desk.endpoint(URL)).id, (await desk.endpoint(URL, other)).id
    mine, theirs = await post(desk, first, *KINDS), await post(desk, second, MatchSuggested.TYPE)
    async with desk.delivering(always(200)):
        await desk.reach("delivered", *mine, *theirs)
    entries = await receipts(database)
    suggestion, update, digest, *_ = mine.values()
    (their,) = theirs.values()
    assert sorted(taken(entries)) == sorted(
        [(one, OWNER.organisation) for one in (suggestion, update, digest)] + [(their, other.organisation)]
    )
    for entry in entries:
        DeliverySucceeded.model_validate(entry.data)
        assert not entry.public
        assert entry.audience == frozenset()


async def test_many_deliveries_are_few_entries(database: Database) -> None:
    desk = Desk(database)
    endpoint = (await desk.endpoint(URL)).id
    sent = await post(desk, endpoint, *[MatchSuggested.TYPE] * 300)
    async with desk.delivering(always(200)):
        await desk.reach("delivered", *sent)
    entries = await receipts(database)
    assert sorted(event for event, _ in taken(entries)) == sorted(sent.values())
    assert len(entries) <= len(sent) / 10


async def test_a_failure_is_not_told_and_its_later_success_is(database: Database) -> None:
    desk = Desk(database)
    endpoint = (await desk.endpoint(URL)).id
    sent = await post(desk, endpoint, MatchSuggested.TYPE)
    (message,) = sent
    statuses = [500, 200]
    poster = Scripted(lambda _target, _headers: answered(statuses.pop(0)))

    async def failed() -> bool:
        return bool((await desk.row(message)).failures == 1)

    async with desk.delivering(poster):
        await eventually(failed)
        assert await receipts(database) == []
        await desk.log.resend(OWNER, message)
        await desk.reach("delivered", message)
    assert taken(await receipts(database)) == [(sent[message], OWNER.organisation)]


async def test_a_test_is_never_told(database: Database) -> None:
    desk = Desk(database)
    endpoint = (await desk.endpoint(URL)).id
    async with desk.delivering(always(200)):
        message = (await desk.endpoints.test(OWNER, endpoint)).id
        await desk.reach("delivered", message)
    assert await receipts(database) == []
