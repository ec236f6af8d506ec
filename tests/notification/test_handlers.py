"""From events to the messages that wait for endpoints."""

from __future__ import annotations

from sqlalchemy import update

from schemas.challenge import (
    ChallengeState,
    ChallengeStep,
    Decision,
    DecisionOutcome,
)
from schemas.events import ChallengeAnnounced, ChallengeStepped
from schemas.match import CompanyAnswer, DismissalReason, MatchAnswerContent
from schemas.organisation import Mandate
from services.courier.model import OFF, EndpointRow
from tests.derivation import Derivation
from tests.intake.people import anything, principal
from tests.matching.market import MIRROR, announce, company, withdraw
from tests.notification.people import endpoint, kinds, messages, subscribe


async def test_a_suggestion_reaches_everybody_who_follows_it_and_may_read_it(derivation: Derivation) -> None:
    world = derivation.world
    mine = await company(derivation, "Cryosense", owner=world.firm)
    join = world.directory.members.join
    await join(principal(world.firm), world.cluster.id, mine.id, Mandate(receive=True, act=False))
    await join(principal(world.firm), world.other_cluster.id, mine.id, Mandate(receive=False, act=True))
    own = await subscribe(derivation, world.firm, {"kind": "own-profile", "company": mine.id})
    members = await subscribe(derivation, world.cluster, {"kind": "members"})
    others = await subscribe(derivation, world.other_cluster, {"kind": "members"})
    buyer = await subscribe(derivation, world.cern, {"kind": "bso", "buyer": "cern"})
    rival = await subscribe(derivation, world.ess, {"kind": "bso", "buyer": "cern"})
    country = await subscribe(derivation, world.other_cluster, {"kind": "country", "country": "FR"})
    challenge = await announce(derivation)

    events = await derivation.settle()

    assert kinds(await messages(derivation, own.endpoint)) == ["match.suggested"]
    assert kinds(await messages(derivation, members.endpoint)) == ["match.suggested"]
    assert kinds(await messages(derivation, others.endpoint)) == []
    everything = ["challenge.announced", "match.suggested", "challenge.matched"]
    assert kinds(await messages(derivation, buyer.endpoint)) == everything
    public = ["challenge.announced", "challenge.matched"]
    assert kinds(await messages(derivation, rival.endpoint)) == public
    assert kinds(await messages(derivation, country.endpoint)) == ["challenge.announced"]

    sent = (await messages(derivation, own.endpoint))[0]
    suggested = next(event for event in events if event.id == sent["id"])
    assert {name: value for name, value in sent.items() if name not in ("state", "subscription")} == (
        suggested.cloud_event()
    )
    assert (sent["state"], sent["subscription"]) == ("pending", own.id)
    assert sent["data"]["challenge"]["id"] == challenge.id


async def test_whoever_was_told_of_a_challenge_is_told_what_becomes_of_it(derivation: Derivation) -> None:
    world = derivation.world
    mine = await company(derivation, "Cryosense", owner=world.firm)
    await company(derivation, "Cryosense", owner=world.other_cluster, country="DE")
    await world.directory.members.join(
        principal(world.firm), world.cluster.id, mine.id, Mandate(receive=True, act=False)
    )
    own = await subscribe(derivation, world.firm, {"kind": "own-profile", "company": mine.id})
    members = await subscribe(derivation, world.cluster, {"kind": "members"})
    challenge = await announce(derivation)
    follower = await subscribe(derivation, world.ess, {"kind": "challenge", "challenge": challenge.id})
    onlooker = await subscribe(derivation, world.ess, {"kind": "own-profile", "company": mine.id})
    other = await announce(derivation)
    await derivation.settle()
    cern, firm = principal(world.cern), principal(world.firm)
    found = await derivation.matches.of_company(firm, mine.id, after=None, limit=5)
    match = next(one.id for one in found if one.challenge.id == other.id)
    not_for_us = MatchAnswerContent(answer=CompanyAnswer.dismissed, reason=DismissalReason.no_capacity)
    await derivation.answering.answer(firm, match, not_for_us)
    await derivation.settle()

    for one in (challenge, other):
        closed = ChallengeStep(to=ChallengeState.consultation_closed)
        await world.intake.challenges.step(cern, one.id, closed, anything)
    decision = Decision(outcome=DecisionOutcome.tender, notice="https://ted.europa.eu/1")
    decided = ChallengeStep(to=ChallengeState.decided, decision=decision)
    await world.intake.challenges.step(cern, challenge.id, decided, anything)
    await derivation.settle()

    for hearing in (own, members, follower):
        heard = await messages(derivation, hearing.endpoint)
        steps = [one["data"] for one in heard if one["type"] == ChallengeStepped.TYPE]
        assert [one["challenge"]["id"] for one in steps] == [challenge.id] * 2
        assert steps[1]["challenge"]["decision"]["notice"] == decision.notice
    assert await messages(derivation, onlooker.endpoint) == []


async def test_one_endpoint_hears_once_however_many_subscriptions_ask(derivation: Derivation) -> None:
    world = derivation.world
    shared = await endpoint(derivation, world.cern)
    first = await subscribe(derivation, world.cern, {"kind": "bso", "buyer": "cern"}, endpoint=shared)
    await subscribe(derivation, world.cern, {"kind": "country", "country": "FR"}, endpoint=shared)
    await subscribe(derivation, world.cern, {"kind": "query", "query": "pressure sensor"}, endpoint=shared)
    second = await subscribe(derivation, world.cern, {"kind": "bso", "buyer": "cern"})
    await announce(derivation)

    events = await derivation.settle()

    found = await messages(derivation, shared)
    assert kinds(found) == ["challenge.announced", "challenge.matched"]
    assert {one["subscription"] for one in found} == {first.id}
    assert kinds(await messages(derivation, second.endpoint)) == kinds(found)

    again = [event for event in events if event.type == ChallengeAnnounced.TYPE]
    await derivation.handle(derivation.mind.notify, again)
    assert await messages(derivation, shared) == found


async def test_who_is_paused_or_listens_to_the_stream_gets_no_webhook(derivation: Derivation) -> None:
    world = derivation.world
    paused = await subscribe(derivation, world.ess, {"kind": "bso", "buyer": "cern"}, paused=True)
    await subscribe(derivation, world.ess, {"kind": "bso", "buyer": "cern"}, channel="sse")
    await announce(derivation)
    await derivation.settle()
    assert await messages(derivation, paused.endpoint) == []
    assert await messages(derivation, None) == []


async def test_an_endpoint_that_is_off_keeps_its_messages_and_a_removed_one_gets_none(
    derivation: Derivation,
) -> None:
    world = derivation.world
    off = await subscribe(derivation, world.ess, {"kind": "bso", "buyer": "cern"})
    gone = await subscribe(derivation, world.ess, {"kind": "bso", "buyer": "cern"})
    async with world.database.write() as tx:
        await tx.execute(update(EndpointRow).where(EndpointRow.id == off.endpoint).values(state=OFF))
    assert gone.endpoint is not None
    await derivation.endpoints.remove(principal(world.ess), gone.endpoint)
    await announce(derivation)

    await derivation.settle()

    assert kinds(await messages(derivation, off.endpoint)) == ["challenge.announced", "challenge.matched"]
    assert await messages(derivation, gone.endpoint) == []


async def test_a_saved_query_hears_of_what_is_near_it(derivation: Derivation) -> None:
    world = derivation.world
    pressure = await subscribe(
        derivation, world.firm, {"kind": "query", "query": "cryogenic pressure sensors"}
    )
    optics = await subscribe(
        derivation, world.firm, {"kind": "query", "query": "adaptive optics of telescopes"}
    )
    strict = await subscribe(
        derivation, world.firm, {"kind": "query", "query": "adaptive optics"}, threshold=0.99
    )
    one, two = await announce(derivation), await announce(derivation, **MIRROR)
    await world.intake.challenges.withdraw(principal(world.cern), two.id, "a mistake", anything)

    await derivation.settle()

    found = await messages(derivation, pressure.endpoint)
    assert [
        (kind, each["data"]["challenge"]["id"]) for kind, each in zip(kinds(found), found, strict=True)
    ] == [("challenge.announced", one.id)]
    assert kinds(await messages(derivation, optics.endpoint)) == [
        "challenge.announced",
        "challenge.withdrawn",
    ]
    assert await messages(derivation, strict.endpoint) == []


async def test_suggestions_below_the_threshold_are_kept_back(derivation: Derivation) -> None:
    world = derivation.world
    mine = await company(derivation, "Cryosense", owner=world.firm)
    follow = {"kind": "own-profile", "company": mine.id}
    usual = await subscribe(derivation, world.firm, follow)
    strict = await subscribe(derivation, world.firm, follow, threshold=0.8)
    await announce(derivation)
    await derivation.settle()

    found = await messages(derivation, usual.endpoint)
    assert kinds(found) == ["match.suggested"]
    assert 0.4 <= found[0]["data"]["score"] < 0.8
    assert await messages(derivation, strict.endpoint) == []


async def test_what_no_longer_stands_is_taken_back_from_those_who_were_told(derivation: Derivation) -> None:
    world = derivation.world
    mine = await company(derivation, "Cryosense", owner=world.firm)
    own = await subscribe(derivation, world.firm, {"kind": "own-profile", "company": mine.id})
    await announce(derivation)
    await derivation.settle()
    await withdraw(derivation, mine)
    await derivation.settle()

    found = await messages(derivation, own.endpoint)
    assert kinds(found) == ["match.suggested", "match.retracted"]
    assert found[0]["data"]["id"] == found[1]["data"]["id"]
    assert found[1]["data"]["reason"] == "the company withdrew its profile"


async def test_events_that_nobody_follows_leave_nothing(derivation: Derivation) -> None:
    await company(derivation, "Cryosense")
    await announce(derivation)
    await derivation.settle()
    assert await messages(derivation, None) == []
