"""Who may see which suggestion: a matrix over tenants, in lists, counts and one by one."""

from __future__ import annotations

from datetime import date

import pytest

from schemas.match import Match, MatchState
from schemas.organisation import Mandate
from services.kernel.problems import NotFound
from services.kernel.security import Principal
from tests.conftest import MovableClock
from tests.derivation import Derivation
from tests.intake.people import ADMIN, anything, principal
from tests.matching.market import MIRROR, announce, company

DAY_S = 86_400.0


async def of_challenge(
    derivation: Derivation, who: Principal, challenge: str, **options: bool
) -> list[Match]:
    return await derivation.matches.of_challenge(who, challenge, after=None, limit=50, **options)


async def of_company(derivation: Derivation, who: Principal, company: str, **options: bool) -> list[Match]:
    return await derivation.matches.of_company(who, company, after=None, limit=50, **options)


async def test_a_tenant_sees_its_own_and_nothing_of_a_rival(derivation: Derivation) -> None:
    world = derivation.world
    mine = await company(derivation, "Cryosense", owner=world.firm)
    theirs = await company(
        derivation, "Vakuumtechnik", "Pressure sensors at 4 K in helium", owner=world.other_cluster
    )
    firm = principal(world.firm)
    join = world.directory.members.join
    await join(firm, world.cluster.id, mine.id, Mandate(receive=True, act=False))
    await join(principal(world.other_cluster), world.cluster.id, theirs.id, Mandate(receive=False, act=True))
    challenge = await announce(derivation, by=world.ilo)
    await derivation.settle()

    sees = {
        "admin": (ADMIN, {mine.id, theirs.id}),
        "announcer": (principal(world.ilo), {mine.id, theirs.id}),
        "buyer": (principal(world.cern), {mine.id, theirs.id}),
        "another buyer": (principal(world.ess), set()),
        "the company": (firm, {mine.id}),
        "a cluster that may receive for one of two members": (principal(world.cluster), {mine.id}),
        "a cluster that keeps the other": (principal(world.other_cluster), {theirs.id}),
    }
    everything = {one.company.id: one for one in await of_challenge(derivation, ADMIN, challenge.id)}
    assert everything.keys() == {mine.id, theirs.id}
    for who, companies in sees.values():
        assert {one.company.id for one in await of_challenge(derivation, who, challenge.id)} == companies
        assert await derivation.matches.counts(who, [challenge.id]) == (
            {challenge.id: len(companies)} if companies else {}
        )
        assert (await derivation.matches.depth(who, challenge.id)).suggestions == len(companies)
        seen = await derivation.matches.counts_of_companies(who, [mine.id, theirs.id])
        assert seen == dict.fromkeys(companies, 1)
        for one in everything.values():
            listed = await of_company(derivation, who, one.company.id)
            assert [found.id for found in listed] == ([one.id] if one.company.id in companies else [])
            if one.company.id in companies:
                assert await derivation.matches.get(who, one.id) == one
            else:
                with pytest.raises(NotFound):
                    await derivation.matches.get(who, one.id)


async def test_pages_go_on_where_the_last_one_ended_also_among_equal_scores(derivation: Derivation) -> None:
    world = derivation.world
    for number in range(5):
        await company(derivation, "Cryosense", owner=world.cluster, legal_id=f"FR{number:09d}")
    challenge = await announce(derivation)
    await derivation.settle()
    whole = await of_challenge(derivation, ADMIN, challenge.id)
    assert len({one.score for one in whole}) == 1
    assert len(whole) == 5

    paged: list[Match] = []
    while True:
        after = (paged[-1].score, paged[-1].id) if paged else None
        page = await derivation.matches.of_challenge(ADMIN, challenge.id, after=after, limit=2)
        if not page:
            break
        paged += page

    assert paged == whole


async def test_what_was_retracted_is_shown_to_those_who_ask(derivation: Derivation) -> None:
    sensors = await company(derivation, "Cryosense")
    challenge = await announce(derivation)
    await derivation.settle()
    await derivation.world.intake.challenges.withdraw(
        principal(derivation.world.cern), challenge.id, "bought elsewhere", anything
    )
    await derivation.settle()
    cluster = principal(derivation.world.cluster)

    assert await of_challenge(derivation, ADMIN, challenge.id) == []
    assert await of_company(derivation, cluster, sensors.id) == []
    assert await derivation.matches.counts(ADMIN, [challenge.id]) == {}
    gone = await of_company(derivation, cluster, sensors.id, with_retracted=True)
    assert [one.state for one in gone] == [MatchState.retracted]


async def test_a_suggestion_expires_with_its_challenge_and_nobody_is_told(
    derivation: Derivation, clock: MovableClock
) -> None:
    world, cluster = derivation.world, principal(derivation.world.cluster)
    sensors = await company(derivation, "Cryosense")
    challenge = await announce(derivation, deadline=date(2026, 12, 1))
    later = await announce(derivation, title="A pressure sensor for next year")
    head = len(await derivation.settle())

    clock.advance(9 * DAY_S)  # 30 November
    assert {one.state for one in await of_company(derivation, cluster, sensors.id)} == {MatchState.suggested}
    clock.advance(2.4 * DAY_S)  # 2 December, 18:36 UTC: the day before is over everywhere
    assert [one.challenge.id for one in await of_company(derivation, cluster, sensors.id)] == [later.id]
    assert await derivation.matches.counts_of_companies(cluster, [sensors.id]) == {sensors.id: 1}
    asked = await of_company(derivation, cluster, sensors.id, with_retracted=True)
    assert {one.challenge.id: one.state for one in asked} == {
        challenge.id: MatchState.expired,
        later.id: MatchState.suggested,
    }
    kept = await of_challenge(derivation, principal(world.cern), challenge.id)
    assert [one.state for one in kept] == [MatchState.expired]
    assert (await derivation.matches.get(cluster, kept[0].id)).state is MatchState.expired
    assert await derivation.matches.counts(ADMIN, [challenge.id]) == {challenge.id: 1}

    await company(derivation, "Vakuumtechnik", "Pressure sensors at 4 K in helium")
    events = await derivation.settle()
    assert not [event for event in events[head:] if event.data.get("challenge", {}) == challenge.id]
    assert challenge.id not in {
        event.data["challenge"]["id"] for event in events[head:] if event.type.startswith("liaison.match.")
    }


async def test_a_deadline_that_is_moved_brings_the_suggestions_back(
    derivation: Derivation, clock: MovableClock
) -> None:
    sensors = await company(derivation, "Cryosense")
    challenge = await announce(derivation, deadline=date(2026, 12, 1))
    await derivation.settle()
    clock.advance(20 * DAY_S)
    cluster = principal(derivation.world.cluster)
    assert await of_company(derivation, cluster, sensors.id) == []

    await derivation.world.intake.challenges.amend(
        principal(derivation.world.cern),
        challenge.id,
        lambda old: old.model_copy(update={"deadline": date(2027, 3, 1)}),
        anything,
    )
    await derivation.settle()

    found = await of_company(derivation, cluster, sensors.id)
    assert [(one.state, one.challenge.version) for one in found] == [(MatchState.suggested, 2)]


async def test_depth_counts_answers_and_countries(derivation: Derivation) -> None:
    await company(derivation, "Optique Grenoble", country="FR")
    await company(derivation, "Optique Grenoble", legal_id="CH1", country="CH")
    challenge = await announce(derivation, **MIRROR)
    await derivation.settle()

    found = await derivation.matches.depth(ADMIN, challenge.id)

    assert (found.suggestions, found.countries) == (2, 2)
    assert found.answers("r1").companies == 2
    assert found.answers("r1").best > 0.5
    assert found.answers("nothing of that name").companies == 0


async def test_states_that_people_gave_survive_an_update(derivation: Derivation) -> None:
    await company(derivation, "Cryosense")
    challenge = await announce(derivation)
    await derivation.settle()
    before = (await of_challenge(derivation, ADMIN, challenge.id))[0]
    await derivation.answering.open(principal(derivation.world.cluster), before.id)

    await derivation.world.intake.challenges.amend(
        principal(derivation.world.cern),
        challenge.id,
        lambda old: old.model_copy(update={"trl_start": 5}),
        anything,
    )
    await derivation.settle()

    after = (await of_challenge(derivation, ADMIN, challenge.id))[0]
    assert (after.state, after.challenge.version) == (MatchState.seen, 2)
