"""Needs that are open to other buyers meet each other, across languages; only changes are told."""

from __future__ import annotations

from datetime import date

from schemas.challenge import ChallengeStep
from schemas.pairing import PairingState
from services.demo import dataset
from services.intake.challenge_store import content_of
from tests.intake.people import anything, principal
from tests.pairing.market import LEGAL, POMPES, PUMPS, Market, kinds, revised


async def test_two_needs_in_two_languages_become_a_candidate(market: Market) -> None:
    world = market.world
    pumps = await market.announce(world.cern, **PUMPS)
    await market.announce(world.ess, **LEGAL)
    assert not await market.settle()
    pompes = await market.announce(world.ess, **POMPES)
    (event,) = await market.settle()

    assert kinds([event]) == ["suggested"]
    assert event.audience == {world.cern.id, world.ess.id}
    assert not event.public
    (found,) = await market.pairings(world.cern)
    assert {found.first.id, found.second.id} == {pumps.id, pompes.id}
    assert found.comparison.shared
    assert found.comparison.timing is not None
    assert found.comparison.timing.starts == date(2027, 6, 1)
    assert found.comparison.volume is not None
    assert found.comparison.volume.together == 32.0
    assert found.comparison.lead.need == pumps.id
    assert "language" in [one.rule for one in found.comparison.pitfalls]
    assert await market.pairings(world.ess) == [found]
    assert await market.pairings(world.cluster) == []

    # Looked at again, nothing has changed; nor by a correction that nobody reads a difference from.
    market.done.clear()
    assert len(await market.settle()) == 1
    challenges = world.intake.challenges
    by = principal(world.cern)
    content = revised(content_of(pumps), {"route": "ppi"})
    await challenges.amend(by, pumps.id, content, anything)
    events = await market.settle()
    assert kinds(events) == ["suggested", "updated"], "the route is a reason for innovation"
    await challenges.amend(by, pumps.id, revised(content, {"excluded": ("FR 1",)}), anything)
    assert len(await market.settle()) == 2
    (now,) = await market.pairings(world.cern)
    assert max(now.first.version, now.second.version) == 3

    await challenges.amend(
        by, pumps.id, revised(content, {"purchase": {"ends": date(2027, 1, 31)}}), anything
    )
    assert kinds(await market.settle())[2:] == ["dissolved"]
    await challenges.amend(by, pumps.id, content, anything)
    assert kinds(await market.settle())[3:] == ["suggested"]
    (again,) = await market.pairings(world.cern)
    assert again.id == found.id


async def test_a_draft_is_paired_as_its_owner_says(local: Market) -> None:
    world = local.world
    challenges, by = world.intake.challenges, principal(world.cern)
    await local.announce(world.ess, **POMPES)
    draft = await local.announce(world.cern, draft=True, **PUMPS)
    assert not await local.settle(), "its owner alone reads it"
    content = content_of(draft)
    await challenges.amend(by, draft.id, revised(content, {"draft_readers": "buyers"}), anything)
    assert kinds(await local.settle()) == ["suggested"]
    await challenges.amend(by, draft.id, content, anything)
    assert kinds(await local.settle()) == ["suggested", "dissolved"]

    await challenges.publish(by, draft.id, anything)
    assert kinds(await local.settle())[2:] == ["suggested"]
    pairing = (await local.pairings(world.ess))[0].id
    for side in (world.cern, world.ess):
        await local.step(side, pairing, "confirmed")
    await challenges.withdraw(by, draft.id, "no money", anything)
    events = await local.settle()
    assert kinds(events)[5:] == ["dissolved"]
    assert events[-1].data["reason"] == "CERN has withdrawn its need."


async def test_what_the_buyers_dissolved_stays_so_and_a_lost_index_is_mended(local: Market) -> None:
    world = local.world
    pumps = await local.announce(world.cern, **PUMPS)
    await local.announce(world.ess, **POMPES)
    await local.settle()
    (found,) = await local.pairings(world.cern)
    await local.step(world.ess, found.id, "dissolved", "We buy alone.")
    content = content_of(pumps)
    amended = revised(content, {"need": content.need + " They must be quiet."})
    await world.intake.challenges.amend(principal(world.cern), pumps.id, amended, anything)
    assert kinds(await local.settle()) == ["suggested", "dissolved"]
    dissolved = await local.room.pairings.get(principal(world.cern), found.id)
    assert (dissolved.state, dissolved.reason) == (PairingState.dissolved, "We buy alone.")

    for collection in await local.index.collections():
        await local.index.drop(collection)
    local.handler, local.upkeep = local.room.handler(local.index)
    assert await local.upkeep.repair() == 2
    assert await local.upkeep.repair() == 0
    third = await local.announce(world.ess, **{**PUMPS, "buyer": "ess", "title": "More pumps"})
    await local.settle()
    (new,) = await local.pairings(world.ess)
    assert {new.first.id, new.second.id} == {pumps.id, third.id}


async def test_notices_of_a_spanish_and_a_german_buyer_are_paired_and_others_are_not(local: Market) -> None:
    """Two of the Tenders Electronic Daily: Madrid's library and the Goethe-Institut have books catalogued."""
    world = local.world
    notices = dataset.load()
    today = world.clock.now().date()
    for by, need in ((world.cern, notices.planned), (world.ess, notices.joint)):
        content = need.content(today).model_copy(update={"buyer": by.handle})
        await world.intake.challenges.announce(principal(by), content)
    await local.announce(world.ess, **LEGAL)
    assert kinds(await local.settle()) == ["suggested"]
    (found,) = await local.pairings(world.cern)
    titles = {found.first.title.split()[0], found.second.title.split()[0]}
    assert titles == {"Catalogación,", "Katalogisierung"}
    assert {found.first.language, found.second.language} == {"es", "de"}
    assert "language" in [one.rule for one in found.comparison.pitfalls]


async def test_a_need_that_is_decided_leaves_its_candidates_and_not_what_buyers_have_confirmed(
    local: Market,
) -> None:
    world = local.world
    challenges, by = world.intake.challenges, principal(world.cern)
    pumps = await local.announce(world.cern, **PUMPS)
    confirmed = await local.announce(world.ess, **POMPES)
    await local.settle()
    (pairing,) = await local.pairings(world.cern)
    for side in (world.cern, world.ess):
        await local.step(side, pairing.id, "confirmed")
    candidate = await local.announce(world.ess, **{**PUMPS, "buyer": "ess", "title": "More pumps"})
    told = len(await local.settle())
    for to in ("consulting", "consultation-closed"):
        await challenges.step(by, pumps.id, ChallengeStep.model_validate({"to": to}), anything)
    assert len(await local.settle()) == told, "it is to be bought still"

    decided = ChallengeStep.model_validate({"to": "decided", "decision": {"outcome": "tender"}})
    await challenges.step(by, pumps.id, decided, anything)
    (gone,) = (await local.settle())[told:]
    assert gone.data["reason"] == "The need of CERN is decided."
    assert candidate.id in (gone.data["first"]["need"], gone.data["second"]["need"])
    (stands,) = await local.pairings(world.cern)
    assert confirmed.id in (stands.first.id, stands.second.id)
