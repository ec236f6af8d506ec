"""What comes in by Kafka has its effect once, and is refused in words."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import orjson
import pytest

from services.intake.challenge_store import ChallengeFilter
from services.intake.company_store import CompanyFilter
from services.intake.handlers import AcceptInbox
from services.intake.inbox import RECEIPT_LIFETIME
from services.kernel.identifiers import new_id
from services.kernel.journal import Event
from services.kernel.problems import Forbidden, InvalidInput
from services.kernel.stream import dead_letters
from services.kernel.stream.backoff import Backoff
from services.kernel.stream.control import Control
from services.kernel.stream.kafka_inbox import submission_of
from services.kernel.stream.kafka_records import Record
from services.kernel.stream.kafka_service import KafkaService
from services.kernel.stream.port import Rejected
from services.kernel.stream.processor import Processor, Retries
from services.kernel.wakeups import Wakeups
from tests.conftest import MovableClock
from tests.intake.people import ADMIN, World, a_challenge, a_company

CHALLENGE = "liaison.challenge.submitted.v1"
COMPANY = "liaison.company.submitted.v1"


def challenge(world: World, key: str = "k1", **changes: Any) -> dict[str, Any]:
    content = a_challenge(**changes).model_dump(mode="json", exclude_unset=True)
    return {"organisation": world.ilo.id, "idempotency_key": key, "challenge": content}


def company(world: World, key: str = "k1", **changes: Any) -> dict[str, Any]:
    content = a_company(**changes).model_dump(mode="json", exclude_unset=True)
    return {"organisation": world.firm.id, "idempotency_key": key, "company": content}


async def test_a_submitted_challenge_is_announced_once(world: World, clock: MovableClock) -> None:
    accept = world.intake.inbox.accept
    first = await accept(CHALLENGE, challenge(world))
    clock.advance(timedelta(days=100).total_seconds())  # its deadline has passed since
    assert await accept(CHALLENGE, challenge(world)) == first
    stored = await world.intake.challenges.page(ADMIN, ChallengeFilter(), limit=9)
    assert [one.id for one in stored] == [first]
    assert stored[0].announced_by == world.ilo.id


async def test_the_same_event_at_the_same_moment_has_its_effect_once(world: World) -> None:
    before = await world.head()
    found = await asyncio.gather(*(world.intake.inbox.accept(CHALLENGE, challenge(world)) for _ in range(4)))
    assert len(set(found)) == 1
    assert len(await world.events(after=before)) == 1


async def test_a_submitted_profile_is_created_then_updated(world: World) -> None:
    accept = world.intake.inbox.accept
    first = await accept(COMPANY, company(world, "k1"))
    assert await accept(COMPANY, company(world, "k2", website="https://x.example")) == first
    assert await accept(COMPANY, company(world, "k1")) == first, "an old event undoes nothing"
    [stored] = await world.intake.companies.page(ADMIN, CompanyFilter(), limit=9)
    assert (stored.id, stored.version, stored.website) == (first, 2, "https://x.example")


async def test_a_key_is_for_one_thing(world: World) -> None:
    accept = world.intake.inbox.accept
    await accept(CHALLENGE, challenge(world))
    with pytest.raises(InvalidInput, match="used for something else"):
        await accept(CHALLENGE, challenge(world, title="Another"))
    await accept(COMPANY, company(world, "k1"))


@pytest.mark.parametrize(
    ("event_type", "changes", "reason"),
    [
        ("liaison.challenge.announced.v1", {}, "not taken in here"),
        (CHALLENGE, {"organisation": "cern"}, "/organisation"),
        (CHALLENGE, {"organisation": new_id("org")}, "no organisation"),
        (CHALLENGE, {"challenge": {"title": ""}}, "/challenge/title"),
        (CHALLENGE, {"surprise": 1}, "/surprise"),
    ],
)
async def test_what_is_wrong_is_refused_with_a_reason(
    local: World, event_type: str, changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(InvalidInput, match=reason):
        await local.intake.inbox.accept(event_type, {**challenge(local), **changes})


async def test_who_may_not_announce_may_not_by_kafka(local: World) -> None:
    data = {**challenge(local), "organisation": local.firm.id}
    with pytest.raises(Forbidden):
        await local.intake.inbox.accept(CHALLENGE, data)
    # the key is free again: nothing was done under it
    await local.intake.inbox.accept(COMPANY, company(local, "k1"))


async def test_keys_are_forgotten_when_no_topic_holds_them_any_more(
    world: World, clock: MovableClock
) -> None:
    await world.intake.inbox.accept(COMPANY, company(world))
    clock.advance(RECEIPT_LIFETIME.total_seconds())
    assert await world.intake.inbox.purge() == 0
    clock.advance(1)
    assert await world.intake.inbox.purge() == 1
    assert await world.intake.inbox.purge() == 0


async def test_the_handler_sends_refusals_to_the_dead_letters_at_once(local: World) -> None:
    handler = AcceptInbox(local.intake.inbox)

    def event(data: dict[str, Any]) -> Event:
        return Event(
            id="e", type=CHALLENGE, subject="s", key="k", time=local.clock.now(), data=data,
            audience=frozenset(), public=False, correlation_id="e", traceparent=None, position=0, hash="",
        )  # fmt: skip

    plan = await handler.prepare([event(challenge(local))])
    async with local.database.write() as tx:
        await plan(tx)
    assert len(await local.intake.challenges.page(ADMIN, ChallengeFilter(), limit=9)) == 1
    with pytest.raises(Rejected, match="has passed"):
        await handler.prepare([event(challenge(local, "k2", deadline="2020-01-01"))])


def a_service(world: World) -> KafkaService:
    """The inbox as a process runs it, but for the broker."""
    processor = Processor(
        AcceptInbox(world.intake.inbox),
        world.database,
        world.clock,
        retries=Retries(backoff=Backoff(base_s=0)),
    )
    control = Control(world.database, world.clock, on_change=lambda: None)
    return KafkaService(
        processor,
        world.database,
        world.clock,
        control,
        Wakeups(),
        topics=["inbox"],
        parse=submission_of,
        types=None,
    )


_offsets = itertools.count()


def handed_in(data: Mapping[str, Any], **changes: Any) -> Record:
    offset = next(_offsets)
    envelope = {
        "specversion": "1.0",
        "id": f"e{offset}",
        "source": "https://cluster.example",
        "type": COMPANY,
        "data": data,
    }
    return Record("inbox", 0, offset, 0.0, None, orjson.dumps(envelope | changes), ())


async def reasons(world: World) -> list[str]:
    async with world.database.read() as tx:
        return [letter.reason for letter in await dead_letters.find(tx)]


async def test_a_partner_with_companies_of_others_stops_nobody(world: World) -> None:
    held = {"legal_id": "FR83404833048"}
    taken = company(world, "k0", **held) | {"organisation": world.cluster.id}
    service = a_service(world)
    async with asyncio.timeout(30):
        await service.handle([handed_in(taken)])
        await service.handle([handed_in(company(world, f"k{n}", **held)) for n in range(1, 12)])
        await service.handle([handed_in(company(world, "k12", name="Another SA"))])
    found = await reasons(world)
    assert len(found) == 11
    assert all("kept by another organisation" in reason for reason in found)
    stored = await world.intake.companies.page(ADMIN, CompanyFilter(), limit=9)
    assert {one.name for one in stored} == {"Cryosense SAS", "Another SA"}


NUL = "a\x00b"


@pytest.mark.parametrize(
    ("envelope", "data"),
    [
        ({"id": NUL}, {}),
        ({"source": NUL}, {}),
        ({"subject": NUL}, {}),
        ({"type": NUL}, {}),
        ({}, {"idempotency_key": NUL}),
        ({}, {NUL: 1}),
    ],
    ids=["id", "source", "subject", "type", "idempotency_key", "name of a field"],
)
async def test_control_characters_hold_up_nobody(
    world: World, envelope: dict[str, str], data: dict[str, Any]
) -> None:
    service = a_service(world)
    await service.handle([handed_in(company(world, "k1") | data, **envelope)])
    await service.handle([handed_in(company(world, "k2"))])
    [reason] = await reasons(world)
    assert reason.startswith(("not a CloudEvent 1.0", "the data is not valid"))
    assert len(await world.intake.companies.page(ADMIN, CompanyFilter(), limit=9)) == 1
