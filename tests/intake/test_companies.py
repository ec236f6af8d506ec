"""Profiles: created once, changed by whom it concerns, seen by whom it may concern."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from schemas.company import Company, CompanyState
from schemas.organisation import Mandate, Organisation
from services.intake.company_store import CompanyFilter, content_of
from services.kernel.identifiers import new_id
from services.kernel.problems import Conflict, Forbidden, InvalidInput, NotFound, PreconditionFailed
from tests.conftest import MovableClock
from tests.intake.people import ADMIN, World, a_company, anything, at, principal

EVERYTHING = CompanyFilter()


async def test_a_profile_is_created_and_told_to_its_owner_alone(world: World, clock: MovableClock) -> None:
    before = await world.head()
    firm = principal(world.firm)
    company = await world.intake.companies.create(firm, a_company())
    assert (company.version, company.state) == (1, CompanyState.active)
    assert (company.owner, company.changed_at) == (world.firm.id, clock.now())
    [event] = await world.events(after=before)
    assert event.type == "liaison.company.created.v1"
    assert (event.subject, event.key) == (f"company/{company.id}", company.id)
    assert event.audience == {world.firm.id}
    assert not event.public
    assert Company.model_validate(event.data["company"]) == company
    assert await world.intake.companies.get(firm, company.id) == company


async def test_a_clusters_company_is_its_member(world: World) -> None:
    before = await world.head()
    company = await world.intake.companies.create(principal(world.cluster), a_company())
    created, joined = await world.events(after=before)
    assert (created.type, joined.type) == ("liaison.company.created.v1", "liaison.cluster.member-joined.v1")
    mandate = await world.directory.members.mandate(world.cluster.id, company.id)
    assert mandate == Mandate(receive=True, act=True)


async def test_an_update_tells_owner_and_clusters_what_changed(world: World, clock: MovableClock) -> None:
    companies, firm = world.intake.companies, principal(world.firm)
    company = await companies.create(firm, a_company())
    await world.directory.members.join(firm, "minalogic", company.id, Mandate())
    await world.directory.members.join(firm, "copenhagen", company.id, Mandate(receive=False))
    before = await world.head()
    clock.advance(60)
    after = await companies.update(firm, company.id, a_company(website="https://x.example"), at(1))
    assert (after.version, after.changed_at) == (2, clock.now())
    [event] = await world.events(after=before)
    assert event.type == "liaison.company.updated.v1"
    assert event.data["changed"] == ["website"]
    assert event.audience == {world.firm.id, world.cluster.id}
    assert await companies.update(firm, company.id, a_company(website="https://x.example"), at(2)) == after
    assert len(await world.events(after=before)) == 1


async def test_of_two_updates_on_one_version_one_wins(world: World) -> None:
    companies, firm = world.intake.companies, principal(world.firm)
    company = await companies.create(firm, a_company())
    outcomes = await asyncio.gather(
        *(companies.update(firm, company.id, a_company(name=f"Firm {n}"), at(1)) for n in range(4)),
        return_exceptions=True,
    )
    assert sum(isinstance(one, Company) for one in outcomes) == 1
    assert sum(isinstance(one, PreconditionFailed) for one in outcomes) == 3


async def test_a_withdrawn_profile_is_out_of_sight_until_it_comes_back(world: World) -> None:
    companies, firm, bso = world.intake.companies, principal(world.firm), principal(world.cern)
    company = await companies.create(firm, a_company())
    await companies.get(bso, company.id)
    before = await world.head()
    gone = await companies.withdraw(firm, company.id, at(1))
    assert (gone.version, gone.state) == (2, CompanyState.withdrawn)
    assert await companies.withdraw(firm, company.id, anything) == gone
    [event] = await world.events(after=before)
    assert event.type == "liaison.company.withdrawn.v1"
    assert event.data == {"company": company.id, "version": 2, "owner": world.firm.id}
    with pytest.raises(NotFound):
        await companies.get(bso, company.id)
    assert [page async for page in companies.active_pages()] == []
    back = await companies.update(firm, company.id, content_of(gone), at(2))
    assert (back.version, back.state) == (3, CompanyState.active)
    assert (await world.events(after=before))[-1].data["changed"] == ["state"]
    await companies.get(bso, company.id)


async def test_a_company_is_here_once(world: World) -> None:
    companies, firm = world.intake.companies, principal(world.firm)
    company = await companies.create(firm, a_company(legal_id="FR 123-456"))
    with pytest.raises(Conflict, match=company.id):
        await companies.create(firm, a_company(name="Other name", legal_id="123456"))
    with pytest.raises(Conflict, match=company.id):
        await companies.create(firm, a_company(name="CRYOSENSE S.A.S."))
    with pytest.raises(Conflict, match="another organisation") as caught:
        await companies.create(principal(world.cluster), a_company(name="X", legal_id="FR123456"))
    assert company.id not in caught.value.detail
    # its name is its own: another owner's company of the same name is another company
    await companies.create(principal(world.cluster), a_company())
    await companies.create(firm, a_company(country="DE", legal_id="123456"))


async def test_created_at_the_same_moment_it_is_here_once(world: World) -> None:
    firm = principal(world.firm)
    outcomes = await asyncio.gather(
        *(world.intake.companies.create(firm, a_company()) for _ in range(4)), return_exceptions=True
    )
    assert sum(isinstance(one, Company) for one in outcomes) == 1
    assert sum(isinstance(one, Conflict) for one in outcomes) == 3


async def test_an_update_does_not_make_it_another_company(world: World) -> None:
    companies, firm = world.intake.companies, principal(world.firm)
    one = await companies.create(firm, a_company())
    other = await companies.create(firm, a_company(name="Other", legal_id="FR1"))
    with pytest.raises(Conflict, match=other.id):
        await companies.update(firm, one.id, a_company(name="Third", legal_id="FR1"), anything)
    renamed = await companies.update(firm, one.id, a_company(name="Third", legal_id="FR2"), anything)
    assert renamed.legal_id == "FR2"
    await companies.create(firm, a_company())


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"nuts": "DE212"}, "/nuts"),
        ({"last_confirmed": "2026-11-23"}, "/last_confirmed"),
        ({"references": [{"id": "r", "text": "x", "year": 2027}]}, "/references/0/year"),
    ],
)
async def test_what_contradicts_itself_is_refused(
    local: World, changes: dict[str, Any], pointer: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        await local.intake.companies.create(principal(local.firm), a_company(**changes))
    assert caught.value.errors[0].pointer == pointer


async def test_who_keeps_profiles(local: World) -> None:
    create = local.intake.companies.create
    for organisation in (local.cern, local.ilo):
        with pytest.raises(Forbidden, match="role company or cluster"):
            await create(principal(organisation), a_company())
    with pytest.raises(Forbidden, match="scope"):
        await create(principal(local.firm, "read"), a_company())
    with pytest.raises(InvalidInput, match="whose profile"):
        await create(ADMIN, a_company())
    with pytest.raises(InvalidInput, match="is a bso"):
        await create(ADMIN, a_company(), owner="cern")
    with pytest.raises(Forbidden):
        await create(principal(local.firm), a_company(), owner="minalogic")
    with pytest.raises(NotFound):
        await create(ADMIN, a_company(), owner="nobody")
    assert (await create(ADMIN, a_company(), owner="cryosense")).owner == local.firm.id


async def test_who_sees_what(world: World) -> None:
    companies, directory = world.intake.companies, world.directory
    firm = principal(world.firm)
    joined = (await companies.create(firm, a_company(name="Joined"))).id
    alone = (await companies.create(firm, a_company(name="Alone"))).id
    gone = (await companies.create(firm, a_company(name="Gone"))).id
    members = (await companies.create(principal(world.cluster), a_company(name="Member"))).id
    await directory.members.join(firm, "minalogic", joined, Mandate())
    await directory.members.join(firm, "minalogic", gone, Mandate())
    await companies.withdraw(firm, gone, anything)
    everybody = {joined, alone, gone, members}
    sees: list[tuple[Organisation | None, set[str]]] = [
        (world.firm, {joined, alone, gone}),
        (world.cluster, {joined, members}),
        (world.other_cluster, set()),
        (world.cern, {joined, alone, members}),
        (world.ilo, {joined, alone, members}),
        (None, everybody),
    ]
    for organisation, seen in sees:
        who = principal(organisation) if organisation else ADMIN
        assert {one.id for one in await companies.page(who, EVERYTHING, limit=50)} == seen
        for company in everybody:
            if company in seen:
                assert (await companies.get(who, company)).id == company
            else:
                with pytest.raises(NotFound):
                    await companies.get(who, company)
                with pytest.raises(NotFound):
                    await companies.update(who, company, a_company(), anything)
    with pytest.raises(Forbidden):
        await companies.update(principal(world.cern), alone, a_company(), anything)
    with pytest.raises(Forbidden):
        await companies.withdraw(principal(world.cluster), joined, anything)


async def test_lists_are_narrowed_and_go_on(world: World) -> None:
    companies, firm = world.intake.companies, principal(world.firm)
    made = [
        await companies.create(firm, a_company(name=f"Firm {n}", country="DE" if n % 2 else "FR"))
        for n in range(5)
    ]
    ids = sorted((one.id for one in made), reverse=True)
    seen: list[str] = []
    while page := await companies.page(firm, EVERYTHING, after=seen[-1] if seen else None, limit=2):
        seen += [one.id for one in page]
    assert seen == ids

    async def names(**wanted: Any) -> list[str]:
        return sorted(one.name for one in await companies.page(firm, CompanyFilter(**wanted), limit=50))

    assert await names(country="DE") == ["Firm 1", "Firm 3"]
    assert await names(text="FIRM 4") == ["Firm 4"]
    assert len(await names(text="Pressure SENSORS")) == 5
    assert await names(state=CompanyState.withdrawn) == []


async def test_other_rooms_read_them_all_in_pages(world: World) -> None:
    companies, firm = world.intake.companies, principal(world.firm)
    made = [await companies.create(firm, a_company(name=f"Firm {n}")) for n in range(5)]
    pages = [page async for page in companies.active_pages(2)]
    assert [len(page) for page in pages] == [2, 2, 1]
    assert {one.id for page in pages for one in page} == {one.id for one in made}
    ids = [one.id for one in made]
    assert await companies.many([*ids, new_id("cmp")]) == dict(zip(ids, made, strict=True))
    assert await companies.many([]) == {}


async def test_what_is_no_id_is_not_found(local: World) -> None:
    for nonsense in ("cmp_", "x\x00y", "ü", "\ud800"):
        with pytest.raises(NotFound):
            await local.intake.companies.get(ADMIN, nonsense)
        with pytest.raises(NotFound):
            await local.directory.members.join(ADMIN, "minalogic", nonsense, Mandate())
