"""The way of a pairing: both sides lead it, observers join, deadlines remind, the trail says who did what."""

from __future__ import annotations

from datetime import timedelta

import pytest

from schemas.pairing import DeadlineContent, Joining, PersonContent
from services.kernel.problems import Conflict, Forbidden, InvalidInput, NotFound, PreconditionFailed
from services.pairing.toolbox import Toolbox
from tests.conftest import MovableClock
from tests.intake.people import at, principal
from tests.pairing.market import LEGAL, POMPES, PUMPS, Market, kinds


async def _paired(market: Market) -> str:
    await market.announce(market.world.cern, **PUMPS)
    await market.announce(market.world.ess, **POMPES)
    await market.settle()
    return (await market.pairings(market.world.cern))[0].id


async def test_a_step_takes_both_and_every_one_stands_in_the_trail(market: Market) -> None:
    world = market.world
    pairing = await _paired(market)
    asked = await market.step(world.cern, pairing, "confirmed")
    assert asked.asked == {world.cern.id: "confirmed"}
    assert asked.may == ("candidate", "dissolved")
    await market.step(world.cern, pairing, "candidate")
    await market.step(world.ess, pairing, "confirmed")
    confirmed = await market.step(world.cern, pairing, "confirmed")
    assert (confirmed.state, dict(confirmed.asked), confirmed.may) == (
        "confirmed",
        {},
        ("financing", "dissolved"),
    )
    with pytest.raises(Conflict, match="comes 'financing'"):
        await market.step(world.cern, pairing, "agreement")
    with pytest.raises(NotFound):
        await market.step(world.cluster, pairing, "financing")
    with pytest.raises(InvalidInput, match="Say why"):
        await market.step(world.cern, pairing, "dissolved")
    ended = await market.step(world.ess, pairing, "dissolved", "No budget this year.")

    assert [(one.action, one.by) for one in ended.log] == [
        ("suggested", None),
        ("asked", world.cern.id),
        ("took-back", world.cern.id),
        ("asked", world.ess.id),
        ("stepped", world.cern.id),
        ("dissolved", world.ess.id),
    ]
    events = await market.settle()
    assert kinds(events) == [
        "suggested",
        "step-asked",
        "step-asked",
        "step-asked",
        "stepped",
        "dissolved",
    ]
    assert events[-1].data["reason"] == "No budget this year."


async def test_deadlines_remind_once_and_persons_are_in_no_event(market: Market, clock: MovableClock) -> None:
    pairing = await _paired(market)
    toolbox, by = market.room.toolbox, principal(market.world.ess)
    person = await _add(market, toolbox, pairing, PersonContent(role="Legal", mailbox="legal@ess.example"))
    due = clock.now().date() + timedelta(days=20)
    content = DeadlineContent(title="Send the draft agreement", due=due, responsible=person)
    deadline = await _add(market, toolbox, pairing, content)
    with pytest.raises(InvalidInput, match="no such person"):
        await _add(market, toolbox, pairing, content.model_copy(update={"responsible": deadline}))

    reminders = market.room.reminders
    assert await reminders.run() == 0
    clock.advance(14 * 86_400)
    assert [await reminders.run(), await reminders.run()] == [1, 0]
    later = content.model_copy(update={"due": due + timedelta(days=1)})
    await toolbox.change(by, pairing, deadline, later, at(1))
    clock.advance(86_400)
    assert await reminders.run() == 1, "what is put off is reminded of anew"
    with pytest.raises(PreconditionFailed):
        await toolbox.change(by, pairing, deadline, later.model_copy(update={"done": True}), at(1))
    done = await toolbox.change(by, pairing, deadline, later.model_copy(update={"done": True}), at(2))
    assert done.version == 3
    await toolbox.remove(by, pairing, "person", person)

    events = await market.settle()
    assert kinds(events) == [
        "suggested",
        *["noted"] * 2,
        "reminder",
        "noted",
        "reminder",
        *["noted"] * 2,
    ]
    assert events[3].data["title"] == "Send the draft agreement"
    assert not any("legal@ess" in str(event.data) for event in events)
    found = await market.room.pairings.get(by, pairing)
    assert not found.people
    assert not any("legal@ess" in str(line) for line in found.log)


async def test_a_candidate_whose_time_is_over_is_dissolved_and_a_confirmed_one_is_not(
    market: Market, clock: MovableClock
) -> None:
    world, expiry = market.world, market.room.expiry
    confirmed = await _paired(market)
    for buyer in (world.cern, world.ess):
        await market.step(buyer, confirmed, "confirmed")
    twin = await market.announce(world.ess, **{**POMPES, "title": "Pompes de secours"})
    told = len(await market.settle())
    clock.advance(380 * 86_400)  # from November 2026 into December 2027, the last month of the second
    assert await expiry.run() == 0
    clock.advance(30 * 86_400)
    assert [await expiry.run(), await expiry.run()] == [1, 0]
    (event,) = (await market.settle())[told:]
    assert (kinds([event]), twin.id in str(event.data)) == (["dissolved"], True)
    assert "no longer open" in event.data["reason"]
    assert (await market.room.pairings.get(principal(world.cern), confirmed)).state == "confirmed"


async def _add(market: Market, toolbox: Toolbox, pairing: str, content: object) -> str:
    write = await toolbox.adding(principal(market.world.ess), pairing, content)  # type: ignore[arg-type]
    async with market.world.database.write() as tx:
        made: str = (await write(tx)).id
        return made


async def test_an_observer_joins_with_one_click(local: Market) -> None:
    world = local.world
    legal = await local.announce(world.ess, **LEGAL)
    observers = local.room.observers
    with pytest.raises(Forbidden, match="bso or ilo"):
        await observers.joining(principal(world.cluster), legal.id, Joining())
    with pytest.raises(InvalidInput, match="two buyers"):
        await _join(local, world.ess, legal.id, Joining())
    made = await _join(local, world.cern, legal.id, Joining())
    assert (made.state, made.origin) == ("candidate", "joined")
    assert await _join(local, world.cern, legal.id, Joining(need=_own(made, world.cern.id))) == made
    assert await _join(local, world.cern, legal.id, Joining()) == made, "nor is there another draft"

    own = await world.intake.challenges.get(principal(world.ess), _own(made, world.cern.id))
    assert (own.state, own.title, own.buyer) == ("draft", legal.title, world.cern.id)
    assert kinds(await local.settle()) == ["suggested"], "the handler finds what is there already"
    await local.step(world.ess, made.id, "dissolved", "Not now.")
    again = await _join(local, world.cern, legal.id, Joining(need=own.id))
    assert (again.id, again.state) == (made.id, "candidate")
    await local.step(world.ess, made.id, "dissolved", "Not now.")
    anew = await _join(local, world.cern, legal.id, Joining())
    assert (anew.id, anew.state) == (made.id, "candidate")


def _own(pairing: object, buyer: str) -> str:
    sides = (pairing.first, pairing.second)  # type: ignore[attr-defined]
    found: str = next(side.id for side in sides if side.buyer == buyer)
    return found


async def _join(market: Market, by: object, challenge: str, wanted: Joining):  # type: ignore[no-untyped-def]
    write = await market.room.observers.joining(principal(by), challenge, wanted)  # type: ignore[arg-type]
    async with market.world.database.write() as tx:
        return await write(tx)
