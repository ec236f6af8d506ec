"""What was delivered to the company's side moves a suggestion to `notified`, once; nothing else does."""

from __future__ import annotations

import pytest

from schemas.events import DeliverySucceeded, MatchSuggested
from schemas.match import MatchState
from schemas.organisation import Mandate, Organisation
from services.kernel import journal
from services.kernel.identifiers import new_id
from services.kernel.journal import Event
from tests.conftest import MovableClock
from tests.derivation import Derivation
from tests.intake.people import ADMIN, anything, principal
from tests.matching.market import announce, company, profile


async def delivered(derivation: Derivation, *takings: tuple[str, Organisation]) -> None:
    """As the courier tells of it: event ids, and who took each."""
    taken = [{"event": event, "organisation": taker.id} for event, taker in takings]
    data = DeliverySucceeded.model_validate({"delivered": taken}).model_dump(mode="json")
    first = takings[0][0]
    event = journal.NewEvent(DeliverySucceeded.TYPE, f"delivery/{first}", first, data)
    async with derivation.world.database.write() as tx:
        await journal.append(tx, [event], now=derivation.world.clock.now())
    await derivation.settle()


async def suggested(derivation: Derivation) -> tuple[str, Event]:
    """Id of the match, and the event that told of it."""
    world = derivation.world
    mine = await company(derivation, "Cryosense", owner=world.firm)
    join = world.directory.members.join
    await join(principal(world.firm), world.cluster.id, mine.id, Mandate(receive=True))
    await join(principal(world.firm), world.other_cluster.id, mine.id, Mandate(receive=False, act=True))
    await announce(derivation, by=world.ilo)
    events = await derivation.settle()
    (event,) = [event for event in events if event.type == MatchSuggested.TYPE]
    return event.data["id"], event


async def state(derivation: Derivation, match: str) -> MatchState:
    return (await derivation.matches.get(ADMIN, match)).state


@pytest.mark.parametrize("who", ["firm", "cluster"])
async def test_a_suggestion_taken_on_the_company_s_side_is_notified(
    derivation: Derivation, clock: MovableClock, who: str
) -> None:
    match, event = await suggested(derivation)
    taker = getattr(derivation.world, who)
    await delivered(derivation, (event.id, taker))
    assert await state(derivation, match) is MatchState.notified
    found = await derivation.matches.outreach(ADMIN, event.data["challenge"]["id"])
    assert (found.suggested, found.notified, found.seen) == (1, 1, 0)


async def test_others_webhooks_tests_and_unknown_events_move_nothing(derivation: Derivation) -> None:
    world = derivation.world
    match, event = await suggested(derivation)
    (announced,) = [one for one in await world.events() if one.type == "liaison.challenge.announced.v1"]
    await delivered(
        derivation,
        (event.id, world.cern),
        (event.id, world.ilo),
        (event.id, world.other_cluster),
        (announced.id, world.firm),
        (new_id("evt"), world.firm),
    )
    assert await state(derivation, match) is MatchState.suggested


async def test_it_counts_once_and_never_goes_back(derivation: Derivation, clock: MovableClock) -> None:
    world = derivation.world
    match, event = await suggested(derivation)
    await derivation.answering.open(principal(world.firm), match)
    await delivered(derivation, (event.id, world.firm), (event.id, world.cluster))
    assert await state(derivation, match) is MatchState.seen
    found = await derivation.matches.outreach(ADMIN, event.data["challenge"]["id"])
    assert (found.notified, found.seen) == (1, 1)
    head = await world.head()
    clock.advance(3_600)
    await delivered(derivation, (event.id, world.firm))
    assert await state(derivation, match) is MatchState.seen
    assert await world.head() == head + 1, "receipts tell nobody anything"


async def test_a_webhook_of_a_former_life_sent_again_does_not_count(
    derivation: Derivation, clock: MovableClock
) -> None:
    world = derivation.world
    match, event = await suggested(derivation)
    await delivered(derivation, (event.id, world.firm))
    company_id = event.data["company"]["id"]
    bakery = profile("Boulangerie", country="FR")
    clock.advance(60)
    await world.intake.companies.update(principal(world.firm), company_id, bakery, anything)
    await derivation.settle()
    await delivered(derivation, (event.id, world.firm))
    assert await state(derivation, match) is MatchState.retracted
    clock.advance(60)
    back = profile("Cryosense", country="FR")
    await world.intake.companies.update(principal(world.firm), company_id, back, anything)
    events = await derivation.settle()
    assert await state(derivation, match) is MatchState.suggested

    await delivered(derivation, (event.id, world.firm))
    assert await state(derivation, match) is MatchState.suggested
    again = [one for one in events if one.type == MatchSuggested.TYPE][-1]
    assert again.id != event.id
    await delivered(derivation, (again.id, world.firm))
    assert await state(derivation, match) is MatchState.notified
