"""The life of a profile: a draft is nobody's business, a year of silence makes it stale, a word active."""

from __future__ import annotations

from datetime import timedelta

import pytest

from schemas.company import Company, CompanyState
from schemas.organisation import Mandate
from services.intake import staleness
from services.intake.company_store import CompanyFilter, content_of
from services.intake.freshness import CONFIRMED_FOR
from services.intake.staleness import Staleness
from services.kernel.leases import acquire
from services.kernel.problems import Conflict, Forbidden, NotFound, PreconditionFailed
from tests.conftest import MovableClock
from tests.intake.people import ADMIN, World, a_company, anything, at, principal

YEAR_S = CONFIRMED_FOR.total_seconds()
DAY_S = timedelta(days=1).total_seconds()


def sweep(world: World) -> Staleness:
    return Staleness(world.database, world.clock, world.intake.writer, public_url="https://liaison.example")


async def gone_stale(world: World, clock: MovableClock, **changes: object) -> Company:
    firm = principal(world.firm)
    made = await world.intake.companies.create(firm, a_company(**changes))
    clock.advance(YEAR_S + DAY_S)
    assert await sweep(world).run() == 1
    return await world.intake.companies.get(firm, made.id)


async def test_a_draft_is_its_owners_until_it_is_published(world: World, clock: MovableClock) -> None:
    companies, firm, bso = world.intake.companies, principal(world.firm), principal(world.cern)
    acting, receiving = principal(world.cluster), principal(world.other_cluster)
    before = await world.head()
    draft = await companies.create(firm, a_company(), draft=True)
    assert (draft.version, draft.state) == (1, CompanyState.draft)
    changed = await companies.update(firm, draft.id, a_company(website="https://x.example"), at(1))
    assert (changed.version, changed.state) == (2, CompanyState.draft)
    assert await world.events(after=before) == []

    await world.directory.members.join(firm, "minalogic", draft.id, Mandate(receive=False, act=True))
    await world.directory.members.join(firm, "copenhagen", draft.id, Mandate(receive=True, act=False))
    before = await world.head()
    for who, sees in ((firm, 1), (acting, 1), (ADMIN, 1), (receiving, 0), (bso, 0)):
        assert len(await companies.page(who, CompanyFilter(), limit=9)) == sees
        assert len(await companies.page(who, CompanyFilter(state=CompanyState.draft), limit=9)) == sees
        if not sees:
            with pytest.raises(NotFound):
                await companies.get(who, draft.id)
    assert await companies.among(firm, [draft.id]) == frozenset()
    assert [page async for page in companies.active_pages()] == []
    assert await world.intake.reading.active_count() == 0
    clock.advance(2 * YEAR_S)
    assert await sweep(world).run() == 0
    with pytest.raises(Conflict, match="draft"):
        await companies.confirm(firm, draft.id, anything)
    with pytest.raises(PreconditionFailed):
        await companies.publish(firm, draft.id, at(1))
    with pytest.raises(NotFound):
        await companies.publish(receiving, draft.id, anything)

    there = await companies.publish(acting, draft.id, at(2))
    assert (there.version, there.state, there.changed_at) == (3, CompanyState.active, clock.now())
    [event] = await world.events(after=before)
    assert event.type == "liaison.company.created.v1"
    assert event.audience == {world.firm.id, world.other_cluster.id}
    assert Company.model_validate(event.data["company"]) == there
    assert await companies.get(bso, draft.id) == there
    with pytest.raises(Conflict, match="already"):
        await companies.publish(firm, draft.id, anything)


async def test_a_draft_is_published_by_an_update_that_says_so_or_thrown_away_in_silence(
    local: World,
) -> None:
    companies, firm = local.intake.companies, principal(local.firm)
    one = await companies.create(firm, a_company(name="One"), draft=True)
    other = await companies.create(firm, a_company(name="Other"), draft=True)
    before = await local.head()
    assert (await companies.withdraw(firm, other.id, at(1))).state is CompanyState.withdrawn
    with pytest.raises(Conflict, match="withdrawn"):
        await companies.publish(firm, other.id, anything)
    there = await companies.update(firm, one.id, content_of(one), at(1), publish=True)
    assert (there.version, there.state) == (2, CompanyState.active)
    assert [event.type for event in await local.events(after=before)] == ["liaison.company.created.v1"]


async def test_profiles_of_which_nobody_has_spoken_for_a_year_go_stale(
    world: World, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staleness, "AT_ONCE", 2)
    companies, firm = world.intake.companies, principal(world.firm)
    began = clock.now().date()
    made = [await companies.create(firm, a_company(name=f"Firm {n}")) for n in range(5)]
    await world.directory.members.join(firm, "minalogic", made[0].id, Mandate())
    clock.advance(YEAR_S / 2)
    await companies.confirm(firm, made[3].id, anything)
    await companies.update(firm, made[4].id, a_company(name="Firm 4", website="https://x.example"), at(1))
    before = await world.head()
    clock.advance(YEAR_S / 2)
    assert await sweep(world).run() == 0
    clock.advance(DAY_S)
    async with world.database.write() as tx:
        await acquire(tx, staleness.LEASE, "another process", now=clock.now())
    assert await sweep(world).run() == 0
    clock.advance(DAY_S)

    assert await sweep(world).run() == 3
    assert await sweep(world).run() == 0
    events = await world.events(after=before)
    assert {event.type for event in events} == {"liaison.company.stale.v1"}
    told = {event.data["name"]: event for event in events}
    assert sorted(told) == ["Firm 0", "Firm 1", "Firm 2"]
    assert told["Firm 0"].audience == {world.firm.id, world.cluster.id}
    assert told["Firm 1"].audience == {world.firm.id}
    assert told["Firm 1"].data["last_confirmed"] == began.isoformat()
    assert told["Firm 1"].data["page"] == f"https://liaison.example/companies/{made[1].id}"
    assert f"since {began.day} {began:%B %Y}" in told["Firm 1"].data["headline"]
    stale = await companies.get(principal(world.cern), made[1].id)
    assert (stale.version, stale.content_version, stale.state) == (2, 1, CompanyState.stale)
    assert stale.changed_at == made[1].changed_at
    assert {one.name for page in [p async for p in companies.active_pages()] for one in page} == {
        f"Firm {n}" for n in range(5)
    }


async def test_a_word_makes_it_active_and_nothing_else_is_touched(world: World, clock: MovableClock) -> None:
    companies, firm, reading = world.intake.companies, principal(world.firm), world.intake.reading
    stale = await gone_stale(world, clock)
    before = await world.head()
    with pytest.raises(Forbidden):
        await companies.confirm(principal(world.cern), stale.id, anything)
    with pytest.raises(PreconditionFailed):
        await companies.confirm(firm, stale.id, at(1))
    active = await companies.confirm(firm, stale.id, at(2))
    today = clock.now().date()
    assert (active.version, active.state, active.last_confirmed) == (3, CompanyState.active, today)
    assert await companies.confirm(firm, stale.id, at(3)) == active
    [event] = await world.events(after=before)
    assert event.type == "liaison.company.confirmed.v1"
    assert event.audience == {world.firm.id}
    # What index and matches are of has not moved, so that they find nothing to do.
    assert await reading.present_versions([active.id]) == {active.id: 1}
    assert await reading.company_versions(clock.now()) == {active.id: 1}
    assert (await reading.standings([active.id]))[active.id].last_confirmed == today

    gone = await companies.withdraw(firm, active.id, at(3))
    assert await reading.present_versions([active.id]) == {active.id: gone.version}
    with pytest.raises(Conflict, match="withdrawn"):
        await companies.confirm(firm, active.id, anything)


async def test_only_a_new_word_counts_not_the_same_content_again(local: World, clock: MovableClock) -> None:
    companies, firm = local.intake.companies, principal(local.firm)
    stale = await gone_stale(local, clock)
    before = await local.head()
    same = a_company()
    assert await companies.update(firm, stale.id, same, at(2)) == stale
    told = await companies.update(firm, stale.id, a_company(last_confirmed=clock.now().date()), at(2))
    assert (told.version, told.state) == (3, CompanyState.active)
    # neither a file without the day nor one with an earlier day takes the word back
    assert await companies.update(firm, stale.id, same, at(3)) == told
    assert await companies.update(firm, stale.id, a_company(last_confirmed="2020-01-01"), at(3)) == told
    changed = await companies.update(firm, stale.id, a_company(website="https://x.example"), at(3))
    assert (changed.version, changed.content_version) == (4, None)
    assert changed.last_confirmed == told.last_confirmed
    types = [event.type for event in await local.events(after=before)]
    assert types == ["liaison.company.confirmed.v1", "liaison.company.updated.v1"]


async def test_a_change_makes_a_stale_profile_active(local: World, clock: MovableClock) -> None:
    stale = await gone_stale(local, clock)
    before = await local.head()
    firm = principal(local.firm)
    changed = await local.intake.companies.update(
        firm, stale.id, a_company(website="https://x.example"), at(2)
    )
    assert changed.state is CompanyState.active
    [event] = await local.events(after=before)
    assert event.data["changed"] == ["website", "state"]


async def test_a_file_comes_in_as_drafts_and_the_same_file_again_publishes_them(local: World) -> None:
    cluster = principal(local.cluster)
    table = b"name;country;capability\nNova Kryo;SE;Cryogenic valves\n"
    before = await local.head()
    assert (await local.intake.imports.run(cluster, table, draft=True)).created == 1
    assert (await local.intake.imports.run(cluster, table, draft=True)).unchanged == 1
    assert [event.type for event in await local.events(after=before)] == ["liaison.cluster.member-joined.v1"]
    assert (await local.intake.imports.run(cluster, table)).updated == 1
    assert (await local.intake.imports.run(cluster, table, draft=True)).unchanged == 1
    [there] = await local.intake.companies.page(principal(local.cern), CompanyFilter(), limit=9)
    assert (there.name, there.state) == ("Nova Kryo", CompanyState.active)
