"""Three buyers and more: a group that forms, changes and dissolves is told of, to all of them alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime

import pytest

from schemas.organisation import Organisation, OrganisationContent
from schemas.pairing import Group, GroupState, Lead, PairedNeed
from services.intake.challenge_store import content_of
from services.kernel.journal import Event
from services.kernel.problems import NotFound
from services.pairing.regrouping import GroupChange, Standing, regroup
from tests.intake.people import ADMIN, anything, principal
from tests.pairing.market import POMPES, PUMPS, Market, kinds, revised

AT = datetime(2026, 11, 21, tzinfo=UTC)


async def _buyer(market: Market, handle: str) -> Organisation:
    content = OrganisationContent.model_validate(
        {"handle": handle, "name": handle.upper(), "kind": "bso", "country": "DE"}
    )
    return await market.world.directory.organisations.register(ADMIN, content)


async def test_three_buyers_of_which_every_two_are_paired_are_a_group(market: Market) -> None:
    world, groups = market.world, market.room.groups
    eso, embl = [await _buyer(market, handle) for handle in ("eso", "embl")]
    needs = [
        await market.announce(world.cern, **PUMPS),
        await market.announce(world.ess, **POMPES),
    ]
    assert not _of_groups(await market.settle())
    needs.append(await market.announce(eso, **{**PUMPS, "buyer": "eso", "title": "Pumps for cooling water"}))
    (formed,) = _of_groups(await market.settle())
    assert (kinds([formed]), formed.public) == (["group-formed"], False)
    assert formed.audience == {world.cern.id, world.ess.id, eso.id}
    for buyer in (world.cern, world.ess, eso):
        (group,) = await groups.page(principal(buyer))
        assert [need.id for need in group.needs] == sorted(one.id for one in needs)
        assert (group.starts, group.ends) == (date(2027, 6, 1), date(2027, 12, 31))
        assert group.lead.need == needs[0].id
        assert (await groups.get(principal(buyer), group.id)) == group
    assert await groups.page(principal(world.cluster)) == []
    with pytest.raises(NotFound, match="GET /v1/pairings/groups lists yours"):
        await groups.get(principal(world.cluster), group.id)

    # A fourth that hangs together with all of them comes in; a correction that says nothing new is not told.
    fourth = await market.announce(embl, **{**PUMPS, "buyer": "embl", "title": "Cooling water pumps"})
    joined = _of_groups(await market.settle())[1:]
    assert kinds(joined) == ["group-changed"]
    assert (joined[0].data["id"], joined[0].data["joined"]) == (group.id, [fourth.id])
    content = content_of(fourth)
    excluded = revised(content, {"excluded": ("FR 1",)})
    await world.intake.challenges.amend(principal(embl), fourth.id, excluded, anything)
    assert len(_of_groups(await market.settle())) == 2

    await world.intake.challenges.withdraw(principal(embl), fourth.id, "no money", anything)
    (left,) = _of_groups(await market.settle())[2:]
    assert (kinds([left]), left.data["left"]) == (["group-changed"], [fourth.id])
    assert embl.id in left.audience, "whoever is out is told"
    assert await groups.page(principal(embl)) == []

    theirs = await market.pairings(eso)
    one = next(each for each in theirs if world.cern.id in (each.first.buyer, each.second.buyer))
    await market.step(world.cern, one.id, "dissolved", "Other voltage.")
    (ended,) = _of_groups(await market.settle())[3:]
    assert (kinds([ended]), ended.data["id"]) == (["group-dissolved"], group.id)
    assert await groups.page(principal(world.ess)) == []
    assert (await groups.get(principal(world.ess), group.id)).state is GroupState.dissolved
    assert len(_of_groups(await market.settle())) == 4


def _of_groups(events: Sequence[Event]) -> list[Event]:
    return [one for one in events if ".group-" in one.type]


def test_a_group_goes_on_as_the_one_that_has_most_in_common_with_it() -> None:
    old = _group(_look("abc"))
    kept, new = _look("abd"), _look("cef")
    assert _told(regroup([old], [kept, new], at=AT, public_url="")) == [
        ("changed", "abd", old.id),
        ("formed", "cef", None),
    ]
    wider = _look("abcd")
    both = [old, _group(_look("abd"), old.id[:-1] + "Z")]
    changes = regroup(both, [wider], at=AT, public_url="")
    assert _told(changes) == [("changed", "abcd", old.id), ("dissolved", "abd", both[1].id)]
    assert changes[1].after.reason == "Its needs are in a larger group now."
    assert regroup([old], [_look("abc")], at=AT, public_url="") == []
    newer = _look("abc", version=2)
    assert _told(regroup([old], [newer], at=AT, public_url="")) == [("silent", "abc", old.id)]
    assert _told(regroup([old], [], at=AT, public_url="")) == [("dissolved", "abc", old.id)]


def _told(changes: Sequence[GroupChange]) -> list[tuple[str, str, str | None]]:
    return [
        (one.what, "".join(need.title for need in one.after.needs), one.before.id if one.before else None)
        for one in changes
    ]


def _look(needs: str, version: int = 1) -> Standing:
    found = tuple(_need(name, version) for name in needs)
    lead = Lead(need=found[0].id, buyer=found[0].buyer, reason="It was there first.")
    return Standing(found, 0.5, date(2027, 1, 1), date(2027, 6, 1), lead)


def _group(look: Standing, identifier: str = "grp_01J00000000000000000000000") -> Group:
    (change,) = regroup([], [look], at=AT, public_url="")
    return change.after.model_copy(update={"id": identifier})


def _need(name: str, version: int) -> PairedNeed:
    number = f"{ord(name):026}"
    return PairedNeed(
        id=f"chl_{number}",
        version=version,
        title=name,
        language="en",
        buyer=f"org_{number}",
        buyer_name=name.upper(),
        announced_by=f"org_{number}",
        country=None,
        legal_regime=None,
        cpv=(),
        volume=None,
        unit=None,
        budget=None,
        starts=date(2027, 1, 1),
        ends=date(2027, 6, 1),
        stated=False,
        page="",
    )
