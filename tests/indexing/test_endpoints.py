"""The state of the index over HTTP, and writing it anew."""

from __future__ import annotations

import pytest

from services.indexing.collections import COMPANIES, every_point
from services.indexing.endpoints import router
from services.indexing.state import OwnIndex
from services.kernel.vectors.errors import VectorStoreUnavailable
from tests.conftest import MovableClock
from tests.derivation import Derivation
from tests.eventually import eventually
from tests.intake.serving import Api, Caller, api
from tests.matching.market import announce, company


async def _done(admin: Caller) -> dict[str, object]:
    async def look() -> dict[str, object] | None:
        state: dict[str, object] = (await admin("GET", "/v1/index")).json()
        return state if state["rebuilt"] is None else None

    state = await eventually(look)
    assert state is not None
    return state


async def test_the_operator_sees_what_the_index_has_and_lacks_and_writes_it_anew(
    local: Derivation, clock: MovableClock
) -> None:
    mind = local.mind
    made = await company(local, "Cryosense")
    await announce(local)
    await local.settle()
    await company(local, "Boulangerie")
    clock.advance(120)
    await mind.generations.serving.vectors.delete(COMPANIES, every_point(made.id))
    async with api(local.world, [router(OwnIndex(mind.generations, mind.upkeep))]) as served:
        admin = await served.as_(None)

        state = (await admin("GET", "/v1/index")).json()
        assert state["model"] == "all-MiniLM-L6-v2"
        assert (state["building"], state["rebuilt"]) == (None, None)
        assert [one["points"] for one in state["collections"]] == [0, 4]
        assert (state["lacking"], state["lost"]) == (1, 2)

        started = await admin("POST", "/v1/index/rebuild")
        assert started.status_code == 202
        state = await _done(admin)
        assert (state["lacking"], state["lost"]) == (0, 0)


async def test_one_rebuild_at_a_time_and_one_that_fails_says_so(
    local: Derivation, monkeypatch: pytest.MonkeyPatch
) -> None:
    mind = local.mind
    await company(local, "Cryosense")
    async with api(local.world, [router(OwnIndex(mind.generations, mind.upkeep))]) as served:
        admin = await served.as_(None)
        async with mind.generations.writing:  # it waits for the lock, so it is under way
            assert (await admin("POST", "/v1/index/rebuild")).status_code == 202
            second = await admin("POST", "/v1/index/rebuild")
            assert second.status_code == 409
            assert (await admin("GET", "/v1/index")).json()["rebuilt"] == 0
        await _done(admin)
        assert await mind.upkeep.lost() == 0

        async def upsert(*_: object) -> None:
            raise VectorStoreUnavailable("the disk is full")

        monkeypatch.setattr(local.index, "upsert", upsert)
        assert (await admin("POST", "/v1/index/rebuild")).status_code == 202
        state = await _done(admin)
        assert state["failed"] == "the disk is full"
        monkeypatch.undo()
        await admin("POST", "/v1/index/rebuild")
        assert (await _done(admin))["failed"] is None


async def test_it_is_for_the_operator(local: Derivation) -> None:
    async with api(local.world, [router(OwnIndex(local.mind.generations, local.mind.upkeep))]) as served:
        await _refused(served)


async def _refused(served: Api) -> None:
    for organisation in (served.world.cern, served.world.cluster, served.world.firm, served.world.ilo):
        caller = await served.as_(organisation)
        assert (await caller("GET", "/v1/index")).status_code == 403
        assert (await caller("POST", "/v1/index/rebuild")).status_code == 403
