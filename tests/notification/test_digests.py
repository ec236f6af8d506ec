"""From events to digests on both databases: collected in the handler's transaction, sent once, never lost."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import func, select, update

from schemas.company import Company
from schemas.events import (
    DeliverySucceeded,
    EventData,
    MatchRetracted,
    MatchSuggested,
    MatchUpdated,
    SubscriptionDigest,
)
from schemas.match import CompanyAnswer, DismissalReason, MatchAnswerContent, MatchState, MatchSuggestion
from schemas.subscription import Subscription, SubscriptionContent
from services.kernel import journal
from services.kernel.journal import Event
from services.matching.feedback_rules import NUDGE_MAX
from services.notification import collecting
from services.notification.digests import Digests
from services.notification.model import AlertRow, CollectedRow, DigestRow
from tests.conftest import MovableClock
from tests.derivation import PUBLIC_URL, Derivation, endpoints_of
from tests.intake.people import ADMIN, anything, principal
from tests.matching.market import MIRROR, announce, company
from tests.matching.suggestions import suggestion
from tests.notification.people import endpoint, kinds, messages, subscribe

MONDAY = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
"""The first after the clock's Saturday, 09:00 UTC."""
DAY_S = 86_400.0
DIGEST = "subscription.digest"
HELIUM = "Measure the pressure of liquid helium at 4 K with cryogenic sensors."
TOO_FAR = MatchAnswerContent(answer=CompanyAnswer.dismissed, reason=DismissalReason.too_far)


class Pair:
    """A suggestion for the firm's company, that is told, changed and retracted by hand."""

    def __init__(
        self, derivation: Derivation, profile: Company, number: int, score: float, of: str | None = None
    ) -> None:
        """`of`: a challenge of CERN's that there is."""
        self.derivation = derivation
        made = suggestion(of or f"chl_{number:026d}", profile.id, score=score)
        changed = {"title": f"Sensor {number}"} | ({"buyer": derivation.world.cern.id} if of else {})
        self.suggestion = made.model_copy(update={"challenge": made.challenge.model_copy(update=changed)})

    def _fields(self, **changed: Any) -> dict[str, Any]:
        self.suggestion = self.suggestion.model_copy(update=changed)
        return {name: getattr(self.suggestion, name) for name in MatchSuggestion.model_fields}

    def suggested(self) -> EventData:
        return MatchSuggested(**self._fields())

    def updated(self, score: float) -> EventData:
        before = self.suggestion.score
        return MatchUpdated(**self._fields(score=score), previous_score=before)

    def retracted(self) -> EventData:
        return MatchRetracted(**self._fields(state=MatchState.retracted), reason="its profile changed")


async def told(derivation: Derivation, *data: Any, handled: bool = True) -> list[Event]:
    """Append what happened, for the firm and CERN to hear, and let notification handle it in one batch."""
    world = derivation.world
    before = await world.head()
    events = [
        journal.NewEvent(
            one.TYPE,
            f"challenge/{one.challenge.id}/company/{one.company.id}",
            one.challenge.id,
            one.model_dump(mode="json"),
            audience=frozenset({world.firm.id, world.cern.id}),
        )
        for one in data
    ]
    async with world.database.write() as tx:
        await journal.append(tx, events, now=world.clock.now())
    found = await world.events(after=before)
    if handled:
        await derivation.handle(derivation.mind.notify, found)
    return found


async def swept(derivation: Derivation) -> int:
    """One look at what is due, and the webhooks that come of it."""
    before = await derivation.world.head()
    sent = await derivation.digests.run()
    found = [
        event
        for event in await derivation.world.events(after=before)
        if event.type == SubscriptionDigest.TYPE
    ]
    if found:
        await derivation.handle(derivation.mind.notify, found)
    return sent


async def mine(derivation: Derivation, **fields: Any) -> tuple[Subscription, Company]:
    profile = await company(derivation, "Cryosense", owner=derivation.world.firm)
    follow = {"kind": "own-profile", "company": profile.id}
    return await subscribe(derivation, derivation.world.firm, follow, **fields), profile


async def heard(derivation: Derivation, subscription: Subscription) -> list[str]:
    return kinds(await messages(derivation, subscription.endpoint))


async def rows(derivation: Derivation) -> list[int]:
    async with derivation.world.database.read() as tx:
        return [
            await tx.scalar(select(func.count()).select_from(table)) or 0
            for table in (DigestRow, CollectedRow, AlertRow)
        ]


def pairs(derivation: Derivation, profile: Company, *scores: float) -> list[Pair]:
    return [Pair(derivation, profile, number, score) for number, score in enumerate(scores, start=1)]


def digests(found: Sequence[dict[str, Any]]) -> list[SubscriptionDigest]:
    return [
        SubscriptionDigest.model_validate(one["data"])
        for one in found
        if one["type"] == SubscriptionDigest.TYPE
    ]


async def test_a_daily_digest_says_in_one_webhook_what_has_happened(
    derivation: Derivation, clock: MovableClock
) -> None:
    world = derivation.world
    profile = await company(derivation, "Cryosense", owner=world.firm)
    own = await subscribe(
        derivation, world.firm, {"kind": "own-profile", "company": profile.id}, timing="daily"
    )
    follow = {"kind": "bso", "buyer": "cern"}
    buyer = await subscribe(derivation, world.cern, follow, timing="weekly", label="all of ours")
    challenge = await announce(derivation)
    events = await derivation.settle()
    match = next(event for event in events if event.type == MatchSuggested.TYPE)
    assert await heard(derivation, own) == await heard(derivation, buyer) == []
    firm = principal(world.firm)
    waiting = await derivation.subscriptions.waiting(firm, own.id)
    assert waiting.comes_at == datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
    assert waiting.collected is not None
    assert [item.event for item in waiting.collected.items] == [match.id]
    assert await derivation.subscriptions.counts([own, buyer]) == {
        own.id: (1, waiting.comes_at),
        buyer.id: (3, MONDAY),
    }
    assert await swept(derivation) == 0, "not yet"

    clock.advance(DAY_S)
    assert (await swept(derivation), await swept(derivation)) == (1, 0)

    (sent,) = await messages(derivation, own.endpoint)
    assert (sent["type"], sent["subscription"]) == (SubscriptionDigest.TYPE, own.id)
    (found,) = digests([sent])
    assert found.items == waiting.collected.items
    assert (found.events, found.more, found.lapsed, found.owner) == (1, 0, 0, world.firm.id)
    (item,) = found.items
    assert item.new
    assert item.match is not None
    assert (item.match.id, item.match.score) == (match.data["id"], match.data["score"])
    assert item.page == f"{PUBLIC_URL}/matches/{item.match.id}"
    assert item.match.scoring_page == match.data["scoring_page"] == f"{PUBLIC_URL}/scores"
    assert item.headline.startswith(f"“{challenge.title}”, wanted by CERN until ")
    assert item.headline.endswith(f", for Cryosense (FR): {match.data['headline']}")
    assert found.headline == f"1 match since 21 November 2026. The best: {item.headline}"
    assert await heard(derivation, buyer) == []

    # A digest that was taken has notified the company of what it lists.
    receipt = DeliverySucceeded.model_validate(
        {"delivered": [{"event": sent["id"], "organisation": world.firm.id}]}
    ).model_dump(mode="json")
    event = journal.NewEvent(DeliverySucceeded.TYPE, f"delivery/{sent['id']}", sent["id"], receipt)
    async with world.database.write() as tx:
        await journal.append(tx, [event], now=clock.now())
    await derivation.settle()
    assert (await derivation.matches.get(ADMIN, item.match.id)).state is MatchState.notified

    clock.advance(DAY_S)
    await swept(derivation)
    (weekly,) = digests(await messages(derivation, buyer.endpoint))
    assert (weekly.label, weekly.timing) == ("all of ours", "weekly")
    assert [one.type.split(".")[1] for one in weekly.items] == ["match", "challenge", "challenge"]
    assert [one.headline.split("”")[0] for one in weekly.items[1:]] == [
        f"“{challenge.title}",
        f"New: “{challenge.title}",
    ]
    assert weekly.stream.endswith(f"subscription={buyer.id}&after={weekly_start(events) - 1}")
    assert await rows(derivation) == [0, 0, 0]


def weekly_start(events: Sequence[Event]) -> int:
    return next(event.position for event in events if event.type == "liaison.challenge.announced.v1")


async def test_what_came_and_went_is_not_told_and_what_changed_once_as_it_stands(
    derivation: Derivation, clock: MovableClock
) -> None:
    own, profile = await mine(derivation, timing="weekly")
    gone, stays, better = pairs(derivation, profile, 0.5, 0.6, 0.5)
    await told(derivation, gone.suggested(), stays.suggested(), better.suggested())
    await told(derivation, gone.retracted(), better.updated(0.9))
    clock.advance(2 * DAY_S)
    await swept(derivation)
    (found,) = digests(await messages(derivation, own.endpoint))
    assert [(item.type.split(".")[2], item.match and item.match.score) for item in found.items] == [
        ("updated", 0.9),
        ("suggested", 0.6),
    ]
    assert all(item.new for item in found.items)
    assert (found.events, found.lapsed) == (5, 1)

    await told(derivation, stays.retracted(), gone.suggested(), gone.retracted())
    clock.advance(7 * DAY_S)
    assert await swept(derivation) == 1
    last = digests(await messages(derivation, own.endpoint))[-1]
    assert [item.headline.split(":")[0] for item in last.items] == ["No longer for Cryosense (FR)"]
    await told(derivation, gone.suggested(), gone.retracted())
    clock.advance(7 * DAY_S)
    assert await swept(derivation) == 0, "all of it is over again"
    assert await rows(derivation) == [0, 0, 0]


async def test_a_budget_lets_the_best_through_and_the_rest_comes_on_monday(
    derivation: Derivation, clock: MovableClock
) -> None:
    own, profile = await mine(derivation, weekly_budget=1)
    one, two, three = pairs(derivation, profile, 0.5, 0.8, 0.6)
    events = await told(derivation, one.suggested(), two.suggested(), three.suggested())
    assert [sent["data"]["score"] for sent in await messages(derivation, own.endpoint)] == [0.8]
    assert await rows(derivation) == [1, 2, 1]
    await derivation.handle(derivation.mind.notify, events)
    assert (len(await heard(derivation, own)), await rows(derivation)) == (1, [1, 2, 1]), "handled again"

    await told(derivation, three.retracted())
    assert await heard(derivation, own) == ["match.suggested"], "nobody has heard of it"
    await told(derivation, two.retracted())
    assert await heard(derivation, own) == ["match.suggested", "match.retracted"], (
        "what was told is taken back"
    )

    clock.advance(2 * DAY_S)
    await swept(derivation)
    (found,) = digests(await messages(derivation, own.endpoint))
    assert [item.match and item.match.id for item in found.items] == [one.suggestion.id]
    assert (found.events, found.lapsed, found.timing) == (3, 1, "instant")
    await told(derivation, one.updated(0.7))
    assert (await rows(derivation))[1] == 1, "the budget is spent for seven days"
    clock.advance(5 * DAY_S)
    await told(derivation, one.updated(0.9))
    assert (await heard(derivation, own))[-1] == "match.updated"
    assert await rows(derivation) == [1, 0, 1], "what went out takes the place of what waited"
    clock.advance(7 * DAY_S)
    assert await swept(derivation) == 0


async def test_its_own_answers_order_a_companys_digest_and_budget_and_nobody_elses(
    local: Derivation, clock: MovableClock
) -> None:
    world, firm = local.world, principal(local.world.firm)
    profile = await company(local, "Cryosense", owner=world.firm)
    answered = await announce(local, title="Pressure sensors for helium", need=HELIUM)
    other = await announce(local, **MIRROR)
    await local.settle()
    (match,) = [
        one
        for one in await local.matches.of_company(firm, profile.id, after=None, limit=5)
        if one.challenge.id == answered.id
    ]
    await local.answering.answer(firm, match.id, TOO_FAR)
    follow = {"kind": "own-profile", "company": profile.id}
    subscriptions = [
        await subscribe(local, who, follow, **when)
        for who in (world.firm, world.cern)
        for when in ({"timing": "weekly"}, {"weekly_budget": 1})
    ]
    # What is like the dismissed one is a little better by its score.
    alike = Pair(local, profile, 1, 0.65, of=answered.id)
    unlike = Pair(local, profile, 2, 0.6, of=other.id)
    await told(local, alike.suggested(), unlike.suggested())
    clock.advance(2 * DAY_S)
    await swept(local)

    own, own_budget, buyers, buyers_budget = [await messages(local, one.endpoint) for one in subscriptions]
    for found, best, second in ((own, unlike, alike), (buyers, alike, unlike)):
        (one,) = digests(found)
        assert [item.match and (item.match.id, item.match.score) for item in one.items] == [
            (best.suggestion.id, best.suggestion.score),
            (second.suggestion.id, second.suggestion.score),
        ]
    (ours,) = digests(own)
    (theirs,) = digests(buyers)
    assert {item.match.moved for item in theirs.items if item.match} == {None}
    moved = {item.match.id: item.match.moved for item in ours.items if item.match}
    assert -NUDGE_MAX <= (moved[alike.suggestion.id] or 0.0) < -0.05
    assert abs(moved[unlike.suggestion.id] or 0.0) < abs(moved[alike.suggestion.id] or 0.0)
    assert [own_budget[0]["data"]["id"], buyers_budget[0]["data"]["id"]] == [
        unlike.suggestion.id,
        alike.suggestion.id,
    ]
    assert [len(digests(found)) for found in (own_budget, buyers_budget)] == [1, 1], "the rest on Monday"


async def test_two_workers_do_not_spend_the_same_budget(derivation: Derivation) -> None:
    own, profile = await mine(derivation, weekly_budget=2)
    found = pairs(derivation, profile, 0.5, 0.6, 0.7, 0.8, 0.9)
    events = await told(derivation, *(one.suggested() for one in found), handled=False)
    await asyncio.gather(*(derivation.handle(derivation.mind.notify, [event]) for event in events))
    assert await rows(derivation) == [1, 3, 2]
    assert await heard(derivation, own) == ["match.suggested"] * 2


async def test_a_crash_loses_nothing_and_repeats_nothing(
    derivation: Derivation, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, profile = await mine(derivation, weekly_budget=1)
    one, two = pairs(derivation, profile, 0.9, 0.5)
    events = await told(derivation, one.suggested(), two.suggested(), handled=False)
    plan = await derivation.mind.notify.prepare(events)

    async def cut_off() -> None:
        async with derivation.world.database.write() as tx:
            await plan(tx)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await cut_off()
    assert (await heard(derivation, own), await rows(derivation)) == ([], [0, 0, 0])
    await derivation.handle(derivation.mind.notify, events)
    assert await rows(derivation) == [1, 1, 1]

    clock.advance(2 * DAY_S)
    with monkeypatch.context() as patched:

        async def dies(*_: object) -> None:
            raise KeyboardInterrupt

        patched.setattr(collecting, "empty", dies)
        with pytest.raises(KeyboardInterrupt):
            await derivation.digests.run()
    assert await rows(derivation) == [1, 1, 1]
    # Another process, while the lease of the one that died may still stand: it was rolled back with the rest.
    world = derivation.world
    another = Digests(world.database, clock, endpoints_of(world), public_url=PUBLIC_URL)
    before = await world.head()
    assert sum(await asyncio.gather(another.run(), derivation.digests.run())) == 1
    found = await world.events(after=before)
    assert [event.type for event in found] == [SubscriptionDigest.TYPE]
    for _ in range(2):
        await derivation.handle(derivation.mind.notify, found)
    assert await heard(derivation, own) == ["match.suggested", DIGEST]


async def test_one_that_cannot_be_put_together_keeps_nobody_else_from_theirs(
    local: Derivation, clock: MovableClock
) -> None:
    broken, profile = await mine(local, timing="weekly")
    follow = broken.follow.model_dump()
    whole = await subscribe(local, local.world.firm, follow, timing="weekly")
    (one,) = pairs(local, profile, 0.5)
    await told(local, one.suggested())
    damage = update(CollectedRow).where(CollectedRow.subscription == broken.id).values(item={})
    async with local.world.database.write() as tx:
        await tx.execute(damage)
    clock.advance(2 * DAY_S)
    assert await swept(local) == 1
    assert (await heard(local, broken), await heard(local, whole)) == ([], [DIGEST])
    assert await rows(local) == [1, 1, 0], "it stays due"


async def change(derivation: Derivation, subscription: Subscription, **fields: Any) -> Subscription:
    content = {**subscription.model_dump(include=set(SubscriptionContent.model_fields)), **fields}
    firm = principal(derivation.world.firm)
    before = await derivation.world.head()
    changed = await derivation.subscriptions.change(
        firm, subscription.id, SubscriptionContent.model_validate(content), anything
    )
    found = await derivation.world.events(after=before)
    for event in found:
        if event.type == SubscriptionDigest.TYPE:
            await derivation.handle(derivation.mind.notify, [event])
    return changed


async def test_what_waits_follows_its_subscription(derivation: Derivation, clock: MovableClock) -> None:
    world = derivation.world
    own, profile = await mine(derivation, timing="weekly")
    one, two, three, four = pairs(derivation, profile, 0.9, 0.5, 0.6, 0.7)

    await told(derivation, one.suggested())
    daily = await change(derivation, own, timing="daily")
    waiting = await derivation.subscriptions.waiting(principal(world.firm), own.id)
    assert waiting.comes_at == datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
    paused = await change(derivation, daily, paused=True)
    await told(derivation, two.suggested())
    clock.advance(DAY_S)
    assert await swept(derivation) == 0, "a pause is a pause"
    waiting = await derivation.subscriptions.waiting(principal(world.firm), own.id)
    assert waiting.collected is not None
    assert (waiting.comes_at, waiting.collected.events) == (None, 1)
    instant = await change(derivation, paused, paused=False, timing="instant")
    assert await heard(derivation, own) == [DIGEST], "the last one comes at once"
    assert await rows(derivation) == [0, 0, 0]
    await told(derivation, three.suggested())
    assert await heard(derivation, own) == [DIGEST, "match.suggested"]

    again = await change(derivation, instant, timing="daily")
    await told(derivation, four.suggested())
    assert own.endpoint is not None
    await derivation.endpoints.remove(principal(world.firm), own.endpoint)
    clock.advance(DAY_S)
    assert await swept(derivation) == 0
    other = await endpoint(derivation, world.firm)
    moved = await change(derivation, again, endpoint=other)
    clock.advance(DAY_S)
    assert await swept(derivation) == 1
    (found,) = digests(await messages(derivation, other))
    assert [item.match and item.match.id for item in found.items] == [four.suggestion.id]

    await told(derivation, four.updated(0.8))
    await derivation.subscriptions.remove(principal(world.firm), moved.id)
    assert await rows(derivation) == [0, 0, 0]
    clock.advance(DAY_S)
    assert await swept(derivation) == 0
