"""What is read from a subscription's address is what its stream and its webhooks tell, newest first; a
calendar keeps of it what still stands."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given

from schemas.challenge import Challenge
from schemas.match import MatchAnswerContent
from schemas.subscription import Subscription
from services.notification import history
from services.notification.history import History
from services.notification.routing import PAIRINGS, Concern, wants
from services.notification.selection import Selections
from services.notification.sources import sources
from tests.conftest import MovableClock
from tests.derivation import THRESHOLD, Derivation
from tests.intake.people import anything, principal
from tests.matching.market import MIRROR, announce, company, profile
from tests.notification.people import subscribe
from tests.notification.routes import BUYERS, concerns, grouped, reminder, subscription, subscriptions

LATER = date(2027, 3, 1)


def past(derivation: Derivation) -> History:
    world = derivation.world
    return History(world.database, derivation.mind.router, world.intake.publication)


@given(subscriptions, concerns)
def test_every_event_that_can_be_asked_for_lies_in_one_source(one: Subscription, about: Concern) -> None:
    asked = wants(one.model_copy(update={"paused": False}), about, default_threshold=THRESHOLD, query_fit=1.0)
    found = [
        source
        for source in sources(one.follow)
        if about.event.type in source.types
        and source.key in (None, about.challenge_id)
        and source.concerning <= {about.company}
    ]
    assert len(found) == 1 if asked else len(found) <= 1


@pytest.mark.parametrize("about", [reminder(), grouped()])
def test_pairings_lie_in_one_source_of_all_who_may_follow_them(about: Concern) -> None:
    needs = [side.challenge_id for side in about.sides]
    follows: list[dict[str, Any]] = [
        {"kind": "pairings"},
        {"kind": "challenge", "challenge": needs[1]},
        {"kind": "bso", "buyer": BUYERS[0]},
    ]
    for follow in follows:
        one = subscription(follow, owner=BUYERS[0])
        assert wants(one, about, default_threshold=THRESHOLD)
        found = [each for each in sources(one.follow) if about.event.type in each.types]
        assert [(each.key, bool(each.types & PAIRINGS)) for each in found] == [(None, True)]


async def test_it_is_what_the_stream_tells_newest_first(
    derivation: Derivation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "PAGE", 2)  # so that what is found lies on several pages
    world = derivation.world
    mine = await company(derivation, "Cryosense", owner=world.firm)
    first = await announce(derivation)
    await announce(derivation, **MIRROR)
    follows: list[tuple[Any, dict[str, Any], dict[str, Any]]] = [
        (world.firm, {"kind": "own-profile", "company": mine.id}, {}),
        (world.firm, {"kind": "query", "query": "adaptive optics of telescopes"}, {}),
        (world.firm, {"kind": "country", "country": "FR"}, {}),
        (world.cern, {"kind": "bso", "buyer": "cern"}, {"threshold": 0.6}),
        (world.ess, {"kind": "bso", "buyer": "cern"}, {"filters": {"languages": ["fr"]}}),
        (world.cern, {"kind": "challenge", "challenge": first.id}, {}),
    ]
    made = [
        (owner, await subscribe(derivation, owner, follow, channel="feed", **fields))
        for owner, follow, fields in follows
    ]
    await announce(derivation, title="Another pressure sensor", language="fr")
    events = await derivation.settle()

    selections = Selections(derivation.subscriptions, derivation.mind.router)
    for owner, one in made:
        select = await selections.select(principal(owner), one.id)
        streamed = [event.id for event in await select(events)]
        assert streamed
        found = await past(derivation).newest(one, limit=100)
        assert [each.event.id for each in found] == streamed[::-1]
        newest = await past(derivation).newest(one, limit=1)
        assert [each.event.id for each in newest] == streamed[:-2:-1]


async def test_a_calendar_keeps_what_stands(derivation: Derivation, clock: MovableClock) -> None:
    world = derivation.world
    mine = await company(derivation, "Cryosense", owner=world.firm)
    sensor = await announce(derivation, deadline=LATER)
    soon = await announce(derivation, title="Cryogenic pressure sensor, soon", deadline=date(2026, 12, 1))
    withdrawn = await announce(derivation, title="Pressure sensor for helium, given up")
    mirror = await announce(derivation, **MIRROR)
    await derivation.settle()
    await world.intake.challenges.withdraw(principal(world.cern), withdrawn.id, "No money.", anything)
    own = await subscribe(
        derivation, world.firm, {"kind": "own-profile", "company": mine.id}, channel="calendar", threshold=0.3
    )
    buyer = await subscribe(derivation, world.cern, {"kind": "bso", "buyer": "cern"}, channel="calendar")

    async def days(one: Subscription) -> list[tuple[str, str]]:
        await derivation.settle()
        return [(dated.challenge.id, dated.challenge.state) for dated in await past(derivation).dated(one)]

    def told(*challenges: Challenge) -> list[tuple[str, str]]:
        gone = {withdrawn.id}
        return [(one.id, "withdrawn" if one.id in gone else "announced") for one in challenges]

    assert await days(own) == told(soon, withdrawn, sensor)
    assert await days(buyer) == told(soon, withdrawn, mirror, sensor)

    matches = await derivation.matches.of_company(principal(world.firm), mine.id, after=None, limit=9)
    of_sensor = next(one.id for one in matches if one.challenge.id == sensor.id)
    dismissed = MatchAnswerContent.model_validate({"answer": "dismissed", "reason": "too_far"})
    await derivation.answering.answer(principal(world.firm), of_sensor, dismissed)
    assert await days(own) == told(soon, withdrawn)
    assert await days(buyer) == told(soon, withdrawn, mirror, sensor), "it is the buyer's own deadline"
    interested = MatchAnswerContent.model_validate({"answer": "interested"})
    await derivation.answering.answer(principal(world.firm), of_sensor, interested)
    assert await days(own) == told(soon, withdrawn, sensor)

    clock.advance(14 * 86_400)  # the first of December has passed
    assert await days(own) == told(withdrawn, sensor)
    content = profile("Boulangerie").model_copy(update={"name": "Cryosense"})
    await world.intake.companies.update(principal(world.firm), mine.id, content, anything)
    assert await days(own) == told(withdrawn), "the suggestions were retracted"
