"""Subscriptions are created, changed, paused and removed by their owner, and by nobody else."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.events import SubscriptionChanged, SubscriptionRemoved
from schemas.subscription import Subscription, SubscriptionContent
from services.kernel.problems import Conflict, Forbidden, InvalidInput, NotFound, PreconditionFailed
from services.notification import subscriptions
from tests.derivation import Derivation
from tests.intake.people import ADMIN, a_challenge, anything, at, principal
from tests.matching.market import announce, company
from tests.notification.people import endpoint, subscribe


def content(follow: dict[str, Any], **fields: Any) -> SubscriptionContent:
    return SubscriptionContent.model_validate({"follow": follow, **fields})


async def refused(derivation: Derivation, who: Any, wanted: SubscriptionContent) -> dict[str, str]:
    """By the field's pointer: why."""
    with pytest.raises(InvalidInput) as caught:
        await derivation.subscriptions.create(principal(who), wanted)
    return {error.pointer or "": error.detail for error in caught.value.errors}


async def test_it_is_kept_told_to_its_owner_and_listed(derivation: Derivation) -> None:
    world, service = derivation.world, derivation.subscriptions
    one = await subscribe(derivation, world.firm, {"kind": "country", "country": "FR"}, label="home")
    two = await subscribe(derivation, world.firm, {"kind": "bso", "buyer": "cern"})
    await subscribe(derivation, world.cluster, {"kind": "members"})

    assert (one.version, one.owner, one.label, one.paused) == (1, world.firm.id, "home", False)
    assert two.follow.model_dump() == {"kind": "bso", "buyer": world.cern.id}
    firm = principal(world.firm)
    assert await service.list(firm, after=None, limit=10) == [one, two]
    assert await service.list(firm, after=one.id, limit=10) == [two]
    assert await service.list(firm, after=None, limit=1) == [one]
    assert await service.get(firm, two.id) == two
    told = [event for event in await world.events() if event.type == SubscriptionChanged.TYPE]
    assert [SubscriptionChanged.model_validate(event.data).subscription for event in told[:2]] == [one, two]
    assert told[0].audience == {world.firm.id}
    assert not any(event.public for event in told)


async def test_what_may_not_be_followed_is_refused_with_the_field(derivation: Derivation) -> None:
    world = derivation.world
    theirs = await endpoint(derivation, world.cluster)
    mine = await endpoint(derivation, world.firm)
    gone = await endpoint(derivation, world.firm)
    await derivation.endpoints.remove(principal(world.firm), gone)
    hidden = await company(derivation, "Cryosense")
    draft = await world.intake.challenges.announce(principal(world.cern), a_challenge(), draft=True)
    country = {"kind": "country", "country": "FR"}

    for wanted, pointer in (
        (content(country), "/endpoint"),
        (content(country, endpoint=theirs), "/endpoint"),
        (content(country, endpoint=gone), "/endpoint"),
        (content(country, endpoint=mine, channel="sse"), "/endpoint"),
        (content(country, channel="sse", timing="daily"), "/timing"),
        (content(country, channel="sse", weekly_budget=3), "/weekly_budget"),
        (content(country, endpoint=mine, timing="daily", weekly_budget=3), "/weekly_budget"),
        (content({"kind": "members"}, endpoint=mine), "/follow/kind"),
        (content({"kind": "bso", "buyer": "nobody"}, endpoint=mine), "/follow"),
        (content({"kind": "own-profile", "company": hidden.id}, endpoint=mine), "/follow"),
        (content({"kind": "challenge", "challenge": draft.id}, endpoint=mine), "/follow"),
    ):
        assert (await refused(derivation, world.firm, wanted)).keys() == {pointer}
    both = await refused(derivation, world.firm, content({"kind": "members"}))
    assert both.keys() == {"/endpoint", "/follow/kind"}
    assert await derivation.subscriptions.list(principal(world.firm), after=None, limit=10) == []


async def test_a_change_is_a_new_version_of_what_was_read(derivation: Derivation) -> None:
    world, service = derivation.world, derivation.subscriptions
    one = await subscribe(derivation, world.firm, {"kind": "country", "country": "FR"})
    firm = principal(world.firm)
    wanted = content({"kind": "country", "country": "DE"}, endpoint=one.endpoint, paused=True)

    two = await service.change(firm, one.id, wanted, at(1))

    assert (two.id, two.version, two.paused) == (one.id, 2, True)
    assert (two.created_at, two.owner) == (one.created_at, one.owner)
    assert await service.get(firm, one.id) == two
    with pytest.raises(PreconditionFailed):
        await service.change(firm, one.id, wanted, at(1))
    assert (await service.get(firm, one.id)).version == 2
    told = [event for event in await world.events() if event.type == SubscriptionChanged.TYPE]
    assert [event.data["subscription"]["version"] for event in told] == [1, 2]


async def test_another_organisation_finds_nothing(derivation: Derivation) -> None:
    world, service = derivation.world, derivation.subscriptions
    one = await subscribe(derivation, world.firm, {"kind": "country", "country": "FR"})
    stranger = principal(world.cluster)
    wanted = content({"kind": "country", "country": "DE"}, channel="sse")

    with pytest.raises(NotFound):
        await service.get(stranger, one.id)
    with pytest.raises(NotFound):
        await service.change(stranger, one.id, wanted, anything)
    with pytest.raises(NotFound):
        await service.remove(stranger, one.id)
    with pytest.raises(Forbidden):
        await service.create(principal(world.firm, "read"), wanted)
    with pytest.raises(Forbidden):
        await service.change(principal(world.firm, "read"), one.id, wanted, anything)
    with pytest.raises(Forbidden):
        await service.remove(principal(world.firm, "read"), one.id)
    assert await service.get(principal(world.firm, "read"), one.id) == one


async def test_the_operator_may_pause_what_is_not_its_own(derivation: Derivation) -> None:
    world, service = derivation.world, derivation.subscriptions
    one = await subscribe(derivation, world.cluster, {"kind": "members"})
    fields = {**one.model_dump(include=set(SubscriptionContent.model_fields)), "paused": True}

    two = await service.change(ADMIN, one.id, SubscriptionContent.model_validate(fields), anything)

    assert two == Subscription.model_validate({**one.model_dump(), "paused": True, "version": 2})
    await service.remove(ADMIN, one.id)


async def test_what_was_removed_is_gone_and_told(derivation: Derivation) -> None:
    world, service = derivation.world, derivation.subscriptions
    one = await subscribe(derivation, world.firm, {"kind": "country", "country": "FR"})
    firm = principal(world.firm)

    await service.remove(firm, one.id)

    with pytest.raises(NotFound):
        await service.get(firm, one.id)
    with pytest.raises(NotFound):
        await service.remove(firm, one.id)
    last = (await world.events())[-1]
    assert (last.type, last.audience) == (SubscriptionRemoved.TYPE, frozenset({world.firm.id}))
    assert last.data == {"subscription": one.id, "owner": world.firm.id}


async def test_there_are_only_so_many(derivation: Derivation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriptions, "SUBSCRIPTIONS_MAX", 2)
    world = derivation.world
    follow = {"kind": "country", "country": "FR"}
    one = await subscribe(derivation, world.firm, follow, channel="sse")
    await subscribe(derivation, world.firm, follow, channel="sse")
    with pytest.raises(Conflict, match="You have 2 subscriptions"):
        await subscribe(derivation, world.firm, follow, channel="sse")
    await subscribe(derivation, world.cluster, follow, channel="sse")
    await derivation.subscriptions.remove(principal(world.firm), one.id)
    await subscribe(derivation, world.firm, follow, channel="sse")


async def test_what_it_follows_already_it_may_go_on_to_follow(derivation: Derivation) -> None:
    """A company that left the cluster can still be paused, relabelled, removed from the filters."""
    world, service = derivation.world, derivation.subscriptions
    made = await company(derivation, "Cryosense")
    challenge = await announce(derivation)
    assert challenge.id
    one = await subscribe(derivation, world.cluster, {"kind": "own-profile", "company": made.id})
    await world.intake.companies.withdraw(principal(world.cluster), made.id, anything)
    fields = {**one.model_dump(include=set(SubscriptionContent.model_fields)), "paused": True}
    two = await service.change(
        principal(world.cluster), one.id, SubscriptionContent.model_validate(fields), anything
    )
    assert two.paused
