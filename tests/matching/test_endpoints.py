"""Matches over HTTP: pages, versions of a pair, and what a stranger gets."""

from __future__ import annotations

from services.kernel.identifiers import new_id
from services.matching.endpoints import router
from tests.derivation import Derivation
from tests.intake.serving import api
from tests.matching.market import announce, company, withdraw


async def test_matches_are_paged_best_first_and_read_one_by_one(local: Derivation) -> None:
    texts = ("Fits into a flange of 40 mm", "Survives 100 thermal cycles", "Pressure up to 20 bar")
    for number in range(3):
        await company(local, "Cryosense", *texts[:number], legal_id=f"FR{number:09d}")
    challenge = await announce(local)
    await local.settle()
    async with api(local.world, [router(local.matches, local.answering, local.feedback)]) as served:
        buyer = await served.as_(local.world.cern)
        path = f"/v1/challenges/{challenge.id}/matches"

        whole = (await buyer("GET", path)).json()
        assert whole["next"] is None
        scores = [one["score"] for one in whole["items"]]
        assert len(scores) == 3
        assert scores == sorted(scores, reverse=True)

        first = (await buyer("GET", path, params={"limit": 2})).json()
        second = (await buyer("GET", path, params={"limit": 2, "cursor": first["next"]})).json()
        assert first["items"] + second["items"] == whole["items"]
        assert second["next"] is None

        one = await buyer("GET", f"/v1/matches/{whole['items'][0]['id']}")
        assert one.json() == whole["items"][0]


async def test_what_a_stranger_asks_for_is_not_there(local: Derivation) -> None:
    mine = await company(local, "Cryosense")
    challenge = await announce(local)
    await local.settle()
    async with api(local.world, [router(local.matches, local.answering, local.feedback)]) as served:
        stranger, member = await served.as_(local.world.ess), await served.as_(local.world.cluster)
        match = (await member("GET", f"/v1/companies/{mine.id}/matches")).json()["items"][0]
        for path in (f"/v1/companies/{mine.id}/matches", f"/v1/challenges/{challenge.id}/matches"):
            answer = await stranger("GET", path)
            assert (answer.status_code, answer.json()["items"]) == (200, [])
        for path in (f"/v1/matches/{match['id']}", f"/v1/matches/{new_id('mat')}"):
            answer = await stranger("GET", path)
            assert answer.status_code == 404
            assert answer.headers["content-type"] == "application/problem+json"
        assert (await served.client.get(f"/v1/matches/{match['id']}")).status_code == 401
        assert (await member("GET", "/v1/matches/mat_x")).status_code == 422
        forged = await member("GET", f"/v1/companies/{mine.id}/matches", params={"cursor": "x"})
        assert forged.status_code == 404


async def test_retracted_ones_are_shown_on_request(local: Derivation) -> None:
    mine = await company(local, "Cryosense")
    await announce(local)
    await local.settle()
    await withdraw(local, mine)
    await local.settle()
    async with api(local.world, [router(local.matches, local.answering, local.feedback)]) as served:
        member = await served.as_(local.world.cluster)
        path = f"/v1/companies/{mine.id}/matches"
        assert (await member("GET", path)).json()["items"] == []
        gone = (await member("GET", path, params={"retracted": True})).json()["items"]
        assert [one["state"] for one in gone] == ["retracted"]
