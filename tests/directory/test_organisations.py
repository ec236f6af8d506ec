"""Registering, changing and seeing organisations, and who announces for whom."""

from __future__ import annotations

import asyncio

import pytest

from schemas.organisation import Organisation, OrganisationContent, OrganisationKind
from services.kernel.problems import Conflict, Forbidden, InvalidInput, NotFound, PreconditionFailed
from tests.directory.people import ADMIN, World, at, principal


def content(organisation: Organisation, **changes: object) -> OrganisationContent:
    fields = {name: getattr(organisation, name) for name in OrganisationContent.model_fields}
    return OrganisationContent.model_validate({**fields, **changes})


async def test_a_registered_organisation_is_found_by_handle_and_by_id(world: World) -> None:
    organisations = world.directory.organisations
    assert await organisations.get(ADMIN, "cern") == world.cern
    assert await organisations.get(ADMIN, world.cern.id) == world.cern
    assert await organisations.many([world.ess.id, "org_unknown"]) == {world.ess.id: world.ess}
    assert (await organisations.get(ADMIN, "ilo-dk")).appointed_to == ("cern",)


async def test_registering_emits_an_event_public_for_what_everybody_may_know(world: World) -> None:
    events = {event.data["organisation"]["handle"]: event for event in await world.events()}
    assert events["cern"].type == "liaison.organisation.registered.v1"
    assert events["cern"].public
    assert events["cern"].audience == {world.cern.id}
    assert not events["cryosense"].public


async def test_only_an_admin_registers(world: World) -> None:
    new = OrganisationContent(handle="eso", name="ESO", kind=OrganisationKind.bso)
    with pytest.raises(Forbidden, match="role"):
        await world.directory.organisations.register(principal(world.cern), new)


async def test_a_handle_is_taken_once_even_at_the_same_moment(world: World) -> None:
    new = OrganisationContent(handle="eso", name="ESO", kind=OrganisationKind.bso)
    register = world.directory.organisations.register
    outcomes = await asyncio.gather(*(register(ADMIN, new) for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(one, Organisation) for one in outcomes) == 1
    assert sum(isinstance(one, Conflict) for one in outcomes) == 3


async def test_an_unknown_bso_is_answered_with_the_nearest(world: World) -> None:
    new = OrganisationContent(
        handle="ilo-fr", name="ILO", kind=OrganisationKind.ilo, appointed_to=("ess", "cren", "minalogic")
    )
    with pytest.raises(InvalidInput) as caught:
        await world.directory.organisations.register(ADMIN, new)
    assert [error.pointer for error in caught.value.errors] == ["/appointed_to/1", "/appointed_to/2"]
    assert "Did you mean 'cern'?" in caught.value.errors[0].detail
    assert await world.directory.organisations.find("ilo-fr") is None


async def test_fields_of_another_kind_are_refused(world: World) -> None:
    new = OrganisationContent(
        handle="x", name="X", kind=OrganisationKind.company, sectors=("optics",), eligible_countries=("FR",)
    )
    with pytest.raises(InvalidInput) as caught:
        await world.directory.organisations.register(ADMIN, new)
    assert {error.pointer for error in caught.value.errors} == {"/sectors", "/eligible_countries"}


async def test_a_company_sees_bsos_ilos_and_clusters_and_itself(world: World) -> None:
    organisations = world.directory.organisations
    firm = principal(world.firm)
    seen = await organisations.page(firm, limit=50)
    assert [one.handle for one in seen] == ["cern", "copenhagen", "cryosense", "ess", "ilo-dk", "minalogic"]
    bsos = await organisations.page(firm, kind=OrganisationKind.bso, limit=50)
    assert [one.handle for one in bsos] == ["cern", "ess"]
    with pytest.raises(NotFound):
        await organisations.get(principal(world.cluster), "cryosense")
    with pytest.raises(NotFound):
        await organisations.get(firm, "no\x00such")


async def test_pages_go_on_behind_the_last_handle(world: World) -> None:
    organisations = world.directory.organisations
    seen: list[str] = []
    while page := await organisations.page(ADMIN, after=seen[-1] if seen else None, limit=4):
        seen += [one.handle for one in page]
    assert seen == ["cern", "copenhagen", "cryosense", "ess", "ilo-dk", "minalogic"]
    danes = await organisations.page(ADMIN, country="DK", limit=50)
    assert [one.handle for one in danes] == ["copenhagen", "ilo-dk"]


async def test_a_bso_changes_its_rule_but_not_its_handle(world: World) -> None:
    change = world.directory.organisations.change
    cern = principal(world.cern)
    wider = content(world.cern, eligible_countries=["CH", "FR", "DK"])
    after = await change(cern, "cern", wider, at(1))
    assert after.version == 2
    assert await change(cern, "cern", wider, at(2)) == after
    event = (await world.events())[-1]
    assert event.type == "liaison.organisation.changed.v1"
    assert event.data["changed"] == ["eligible_countries"]
    with pytest.raises(Forbidden, match="handle"):
        await change(cern, "cern", content(after, handle="cern-2"), at(2))
    with pytest.raises(InvalidInput, match="keeps its kind"):
        await change(ADMIN, "cern", content(after, kind="cluster"), at(2))
    with pytest.raises(Forbidden):
        await change(principal(world.ess), "cern", wider, at(2))
    with pytest.raises(NotFound):
        await change(principal(world.ess), "cryosense", content(world.firm), at(1))
    with pytest.raises(Conflict):
        await change(ADMIN, "cern", content(after, handle="ess"), at(2))


async def test_of_two_changes_on_the_same_version_one_wins(world: World) -> None:
    change = world.directory.organisations.change
    outcomes = await asyncio.gather(
        *(change(ADMIN, "cern", content(world.cern, name=f"CERN {n}"), at(1)) for n in range(3)),
        return_exceptions=True,
    )
    assert sum(isinstance(one, Organisation) for one in outcomes) == 1
    assert sum(isinstance(one, PreconditionFailed) for one in outcomes) == 2


async def test_appointments_decide_who_announces(world: World) -> None:
    directory = world.directory
    ilo = principal(world.ilo)
    assert await directory.may_announce(ADMIN, world.cern)
    assert await directory.may_announce(principal(world.cern), world.cern)
    assert not await directory.may_announce(principal(world.cern), world.ess)
    assert await directory.may_announce(ilo, world.cern)
    assert not await directory.may_announce(ilo, world.ess)
    assert not await directory.may_announce(principal(world.cluster), world.cern)
    assert not await directory.may_announce(ADMIN, world.cluster)
    assert await directory.organisations.buyers_of(ilo) == ["cern"]
    assert await directory.organisations.buyers_of(ADMIN) == ["cern", "ess"]

    both = content(world.ilo, appointed_to=["ess", "cern"])
    await directory.organisations.change(ADMIN, "ilo-dk", both, at(1))
    assert await directory.may_announce(ilo, world.ess)
    assert await directory.organisations.buyers_of(ilo) == ["cern", "ess"]
