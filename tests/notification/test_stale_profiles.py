"""A profile goes stale: those whose it is hear of it, and nothing is embedded or matched anew."""

from __future__ import annotations

from schemas.company import CompanyState
from schemas.organisation import Mandate
from services.indexing.handlers import CONSUMES
from services.intake.freshness import CONFIRMED_FOR
from services.intake.staleness import Staleness
from services.matching.handlers import Match
from tests.conftest import MovableClock
from tests.derivation import PUBLIC_URL, Derivation
from tests.intake.people import anything, principal
from tests.matching.market import announce, company, profile
from tests.notification.people import kinds, messages, subscribe

STALE = "company.stale"


async def test_staleness_is_told_and_moves_no_match(derivation: Derivation, clock: MovableClock) -> None:
    world, firm = derivation.world, principal(derivation.world.firm)
    mine = await company(derivation, "Cryosense", owner=world.firm)
    for cluster, mandate in (
        (world.cluster, Mandate(receive=True, act=False)),
        (world.other_cluster, Mandate(receive=False, act=True)),
    ):
        await world.directory.members.join(firm, cluster.id, mine.id, mandate)
    own = await subscribe(derivation, world.firm, {"kind": "own-profile", "company": mine.id})
    members = await subscribe(derivation, world.cluster, {"kind": "members"})
    abroad = await subscribe(derivation, world.cluster, {"kind": "members"}, filters={"countries": ["DE"]})
    without_mandate = await subscribe(derivation, world.other_cluster, {"kind": "members"})
    buyer = await subscribe(derivation, world.cern, {"kind": "own-profile", "company": mine.id})
    everybody = (own, members, abroad, without_mandate, buyer)
    await derivation.settle()
    clock.advance(CONFIRMED_FOR.total_seconds() + 86_400)
    before = await world.head()

    sweep = Staleness(world.database, clock, world.intake.writer, public_url=PUBLIC_URL)
    assert await sweep.run() == 1
    events = await derivation.settle()

    assert [event.type for event in events[before:]] == ["liaison.company.stale.v1"]
    heard = [kinds(await messages(derivation, one.endpoint)) for one in everybody]
    assert heard == [[STALE], [STALE], [], [], []]
    assert not {"liaison.company.stale.v1", "liaison.company.confirmed.v1"} & (
        CONSUMES["indexing.companies"] | Match.consumes
    )
    upkeep = derivation.mind.upkeep
    assert await upkeep.lacking() == 0

    # It is matched as before, and whoever thinks of calling is told since when nobody has spoken of it.
    challenge = await announce(derivation, deadline=clock.now().date().replace(month=12, day=31))
    await derivation.settle()
    [found] = await derivation.matches.of_challenge(principal(world.cern), challenge.id, after=None, limit=9)
    assert found.profile is not None
    assert (found.company.version, found.profile.state) == (1, CompanyState.stale)
    assert found.profile.last_confirmed == mine.changed_at.date()
    heard_before = [await messages(derivation, one.endpoint) for one in everybody]
    before = await world.head()

    await world.intake.companies.confirm(firm, mine.id, anything)
    events = await derivation.settle()

    assert [event.type for event in events[before:]] == ["liaison.company.confirmed.v1"]
    assert [await messages(derivation, one.endpoint) for one in everybody] == heard_before
    assert await upkeep.lacking() == 0
    again = await derivation.matches.get(principal(world.cern), found.id)
    assert again.profile is not None
    assert again.profile.state is CompanyState.active
    assert again.model_copy(update={"profile": found.profile}) == found

    # An index that is built anew holds the same, under the same version.
    assert await upkeep.rebuild() == 2
    assert await upkeep.lacking() == 0
    await derivation.settle()
    assert (await derivation.matches.get(principal(world.cern), found.id)).score == found.score


async def test_a_draft_is_neither_indexed_nor_matched_until_it_is_published(local: Derivation) -> None:
    world, firm = local.world, principal(local.world.firm)
    draft = await world.intake.companies.create(firm, profile("Cryosense"), draft=True)
    challenge = await announce(local)
    await local.settle()
    buyer = principal(world.cern)
    assert await local.matches.of_challenge(buyer, challenge.id, after=None, limit=9) == []
    assert await local.mind.upkeep.lacking() == 0

    await world.intake.companies.publish(firm, draft.id, anything)
    await local.settle()
    [found] = await local.matches.of_challenge(buyer, challenge.id, after=None, limit=9)
    assert found.company.id == draft.id
