"""A live stream of one subscription shows what its webhook would send."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from schemas.events import SubscriptionDigest
from schemas.subscription import SubscriptionContent
from services.kernel import journal
from services.kernel.journal import Event
from services.kernel.problems import NotFound
from services.notification.selection import Select, Selections
from tests.derivation import Derivation
from tests.intake.people import ADMIN, anything, principal
from tests.matching.market import MIRROR, announce, company
from tests.notification.people import messages, subscribe


def selections(derivation: Derivation) -> Selections:
    return Selections(derivation.subscriptions, derivation.mind.router)


async def picked(select: Select, events: Sequence[Event], at_once: int) -> list[str]:
    """Ids, the events being handed over in batches."""
    found: list[Event] = []
    for start in range(0, len(events), at_once):
        found += await select(events[start : start + at_once])
    return [event.id for event in found]


@pytest.mark.parametrize("at_once", [1, 3, 100])
async def test_it_picks_what_the_webhook_would_send(derivation: Derivation, at_once: int) -> None:
    world = derivation.world
    mine = await company(derivation, "Cryosense", owner=world.firm)
    follows = [
        (world.firm, {"kind": "own-profile", "company": mine.id}),
        (world.firm, {"kind": "query", "query": "adaptive optics of telescopes"}),
        (world.firm, {"kind": "country", "country": "FR"}),
        (world.cern, {"kind": "bso", "buyer": "cern"}),
        (world.ess, {"kind": "bso", "buyer": "cern"}),
    ]
    made = [(owner, await subscribe(derivation, owner, follow)) for owner, follow in follows]
    await announce(derivation)
    await announce(derivation, **MIRROR)
    events = await derivation.settle()

    for owner, one in made:
        select = await selections(derivation).select(principal(owner), one.id)
        sent = [message["id"] for message in await messages(derivation, one.endpoint)]
        assert sent
        assert await picked(select, events, at_once) == sent


async def test_it_follows_the_changes_of_the_subscription(local: Derivation) -> None:
    world = local.world
    one = await subscribe(local, world.ess, {"kind": "bso", "buyer": "cern"}, channel="sse")
    select = await selections(local).select(principal(world.ess), one.id)
    fields = one.model_dump(include=set(SubscriptionContent.model_fields))

    async def change(**changes: object) -> None:
        wanted = SubscriptionContent.model_validate({**fields, **changes})
        await local.subscriptions.change(principal(world.ess), one.id, wanted, anything)

    first = await announce(local)
    await change(paused=True)
    await announce(local, title="Announced while it was paused")
    await change()
    third = await announce(local, title="Announced after it was resumed")
    async with world.database.write() as tx:  # a digest is filed under its subscription, too
        digest = journal.NewEvent(SubscriptionDigest.TYPE, f"subscription/{one.id}", one.id, {})
        await journal.append(tx, [digest], now=world.clock.now())
    fourth = await announce(local, title="Announced after a digest")
    await local.subscriptions.remove(principal(world.ess), one.id)
    await announce(local, title="Announced after it was removed")

    events = await world.events()
    shown = [event for event in events if event.id in await picked(select, events, 100)]
    announced = [event.data["challenge"]["id"] for event in shown]
    assert announced == [first.id, third.id, fourth.id]


async def test_only_an_own_subscription_is_selected(local: Derivation) -> None:
    one = await subscribe(local, local.world.ess, {"kind": "bso", "buyer": "cern"}, channel="sse")
    with pytest.raises(NotFound):
        await selections(local).select(principal(local.world.cern), one.id)
    await selections(local).select(ADMIN, one.id)
