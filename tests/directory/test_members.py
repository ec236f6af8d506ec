"""Membership: given by the company's owner, validated by the cluster, seen by both and nobody else."""

from __future__ import annotations

import asyncio

import pytest

from schemas.organisation import Mandate
from services.kernel.problems import Forbidden, NotFound
from tests.directory.people import ADMIN, World, principal

RECEIVE = Mandate()
ACT = Mandate(receive=True, act=True)


async def test_the_owner_gives_a_mandate_and_may_change_it(world: World) -> None:
    members = world.directory.members
    firm = principal(world.firm)
    company = world.register.company(world.firm)
    joined, new = await members.join(firm, "minalogic", company, RECEIVE)
    assert new
    assert not joined.validated
    again, new = await members.join(firm, "minalogic", company, RECEIVE)
    assert (again, new) == (joined, False)
    changed, new = await members.join(firm, "minalogic", company, ACT)
    assert (changed.mandate, new) == (ACT, False)
    types = [event.type for event in await world.events()][-2:]
    assert types == ["liaison.cluster.member-joined.v1", "liaison.cluster.member-changed.v1"]
    assert (await world.events())[-1].audience == {world.cluster.id, world.firm.id}


async def test_a_cluster_cannot_give_itself_a_mandate(world: World) -> None:
    company = world.register.company(world.firm)
    with pytest.raises(NotFound):
        await world.directory.members.join(principal(world.cluster), "minalogic", company, ACT)
    own = world.register.company(world.cluster)
    await world.directory.members.join(principal(world.cluster), "minalogic", own, ACT)


async def test_only_a_cluster_has_members(world: World) -> None:
    company = world.register.company(world.firm)
    with pytest.raises(NotFound, match="no cluster but a bso"):
        await world.directory.members.join(principal(world.firm), "cern", company, RECEIVE)


async def test_joining_at_the_same_moment_is_joining_once(world: World) -> None:
    company = world.register.company(world.firm)
    join = world.directory.members.join
    outcomes = await asyncio.gather(
        *(join(principal(world.firm), "minalogic", company, RECEIVE) for _ in range(4))
    )
    assert sum(new for _, new in outcomes) == 1
    joined = [event for event in await world.events() if event.type == "liaison.cluster.member-joined.v1"]
    assert len(joined) == 1


async def test_the_cluster_validates(world: World) -> None:
    members = world.directory.members
    company = world.register.company(world.firm)
    await members.join(principal(world.firm), "minalogic", company, RECEIVE)
    cluster = principal(world.cluster)
    assert (await members.validate(cluster, "minalogic", company)).validated
    assert (await members.validate(cluster, "minalogic", company)).validated
    assert len([e for e in await world.events() if e.type == "liaison.cluster.member-changed.v1"]) == 1
    with pytest.raises(Forbidden):
        await members.validate(principal(world.firm), "minalogic", company)
    with pytest.raises(NotFound):
        await members.validate(cluster, "minalogic", world.register.company(world.firm))
    assert [one.company for one in await members.page(cluster, "minalogic", validated=True, limit=9)] == [
        company
    ]
    assert await members.page(cluster, "minalogic", validated=False, limit=9) == []


async def test_either_side_ends_a_membership(world: World) -> None:
    members = world.directory.members
    first, second = world.register.company(world.firm), world.register.company(world.firm)
    for company in (first, second):
        await members.join(principal(world.firm), "minalogic", company, RECEIVE)
    with pytest.raises(NotFound):
        await members.leave(principal(world.other_cluster), "minalogic", first)
    await members.leave(principal(world.firm), "minalogic", first)
    await members.leave(principal(world.cluster), "minalogic", second)
    with pytest.raises(NotFound):
        await members.leave(principal(world.cluster), "minalogic", second)
    assert (await world.events())[-1].type == "liaison.cluster.member-left.v1"
    assert await members.page(ADMIN, "minalogic", limit=9) == []


async def test_the_list_is_the_clusters_own_in_pages(world: World) -> None:
    members = world.directory.members
    companies = sorted(world.register.company(world.firm, f"Firm {n}") for n in range(5))
    for company in companies:
        await members.join(principal(world.firm), "minalogic", company, RECEIVE)
    seen: list[str] = []
    cluster = principal(world.cluster)
    while page := await members.page(cluster, "minalogic", after=seen[-1] if seen else None, limit=2):
        seen += [one.company for one in page]
    assert seen == companies
    assert (await members.get(principal(world.firm), "minalogic", seen[0])).name.startswith("Firm")
    for stranger in (world.other_cluster, world.cern):
        with pytest.raises(NotFound):
            await members.get(principal(stranger), "minalogic", seen[0])
        with pytest.raises(Forbidden):
            await members.page(principal(stranger), "minalogic", limit=9)


async def test_the_audience_follows_the_mandate(world: World) -> None:
    directory, members = world.directory, world.directory.members
    firm = principal(world.firm)
    heard, silent, alone = (world.register.company(world.firm) for _ in range(3))
    await members.join(firm, "minalogic", heard, RECEIVE)
    await members.join(firm, "copenhagen", heard, ACT)
    await members.join(firm, "minalogic", silent, Mandate(receive=False))
    assert await directory.clusters_of([heard, silent, alone]) == {
        heard: {world.cluster.id, world.other_cluster.id},
        silent: set(),
        alone: set(),
    }
    assert await members.companies_of(world.cluster.id) == {heard}
    await members.join(firm, "copenhagen", heard, Mandate(receive=False))
    assert (await directory.clusters_of([heard]))[heard] == {world.cluster.id}


async def test_who_may_edit_a_profile(world: World) -> None:
    directory = world.directory
    company = world.register.company(world.firm)
    await directory.members.join(principal(world.firm), "minalogic", company, ACT)
    await directory.members.join(principal(world.firm), "copenhagen", company, RECEIVE)
    allowed = {
        one.handle: await directory.may_edit_company(principal(one), company, world.firm.id)
        for one in (world.firm, world.cluster, world.other_cluster, world.cern)
    }
    assert allowed == {"cryosense": True, "minalogic": True, "copenhagen": False, "cern": False}
    assert await directory.may_edit_company(ADMIN, company, world.firm.id)


async def test_many_companies_are_asked_about_at_once(world: World) -> None:
    ids = [world.register.company(world.cluster, f"Firm {n}") for n in range(1_100)]
    async with world.database.write() as tx:
        for start in range(0, len(ids), 500):
            owners = dict.fromkeys(ids[start : start + 500], world.cluster.id)
            await world.directory.members.add(tx, world.cluster.id, owners, ACT)
    audience = await world.directory.clusters_of(ids)
    assert all(audience[company] == {world.cluster.id} for company in ids)
