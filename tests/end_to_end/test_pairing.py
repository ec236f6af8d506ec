"""A planned need meets an announced one in another language: by webhook, led by both, heard by nobody
else."""

from __future__ import annotations

from typing import Any

import pytest

from tests.end_to_end.market import Market, subscribe
from tests.end_to_end.process import Liaison
from tests.end_to_end.receiver import Receiver, receiving
from tests.eventually import eventually

pytestmark = pytest.mark.slow

PLAN = (
    "reference;titre;description;langue;année;quantité;budget\n"
    "2027-1;Pompes centrifuges;Il nous faut des pompes centrifuges pour l'eau de refroidissement;"
    "fr;2027;8 pumps;1 Mio EUR\n"
    "2027-2;Sans année;;fr;;;\n"
)
PUMPS: dict[str, Any] = {
    "title": "Centrifugal pumps for cooling water",
    "need": "We need centrifugal pumps for cooling water, 400 m3/h at 8 bar.",
    "buyer": "cern",
    "deadline": "2027-02-01",
    "purchase": {"starts": "2027-03-01", "ends": "2027-10-31", "volume": 24.0, "unit": "pumps"},
}
SUGGESTED, STEPPED = "liaison.pairing.suggested.v1", "liaison.pairing.stepped.v1"


async def test_a_pairing_arrives_by_webhook_and_both_buyers_lead_it(
    liaison: Liaison, market: Market, receiver: Receiver
) -> None:
    async with liaison.client() as admin:
        content = {"handle": "ess", "name": "ESS", "kind": "bso", "country": "SE"}
        assert (await admin.post("/v1/organisations", json=content)).status_code == 201
        key = await admin.post("/v1/keys?organisation=ess", json={"label": "test"})
    async with (
        liaison.client(market.buyer) as cern,
        liaison.client(key.json()["secret"]) as ess,
        liaison.client(market.cluster) as cluster,
        receiving() as others,
    ):
        receiver.secret = await subscribe(ess, receiver.url, {"kind": "pairings"})
        others.secret = await subscribe(cluster, others.url, {"kind": "bso", "buyer": "cern"})
        sent = await ess.post(
            "/v1/plans/import",
            params={"name": "Plan 2027", "buyer": "ess"},
            content=PLAN.encode(),
            headers={"content-type": "text/csv"},
        )
        assert sent.status_code == 200, sent.text
        assert (sent.json()["created"], sent.json()["problem_count"]) == (1, 1)
        assert sent.json()["problems"][0]["line"] == 3
        announced = await cern.post("/v1/challenges", json=PUMPS)
        assert announced.status_code == 201, announced.text

        event = (await eventually(lambda: receiver.events(SUGGESTED)))[0]
        found = event["data"]
        assert {found["first"]["language"], found["second"]["language"]} == {"en", "fr"}
        assert found["comparison"]["volume"]["together"] == 32.0
        assert "alike" in found["headline"]
        path = f"/v1/pairings/{found['id']}"
        page = (await cern.get("/v1/pairings")).json()["items"]
        assert [one["id"] for one in page] == [found["id"]]
        assert (await cluster.get(path)).status_code == 404

        once = {"Idempotency-Key": "step-1"}
        for _ in range(2):
            asked = await cern.post(f"{path}/steps", json={"to": "confirmed"}, headers=once)
            assert (asked.status_code, asked.json()["state"]) == (200, "candidate")
        refused = await cern.post(f"{path}/steps", json={"to": "launched"})
        assert refused.status_code == 409
        assert "comes 'confirmed'" in refused.json()["detail"]
        stepped = await ess.post(f"{path}/steps", json={"to": "confirmed"})
        assert stepped.json()["state"] == "confirmed"
        journal = (await cern.get("/v1/journal", params={"types": STEPPED})).json()["items"]
        assert [one["data"]["before"] for one in journal] == ["candidate"]
        assert (await cluster.get("/v1/journal", params={"types": STEPPED})).json()["items"] == []

        added = await ess.post(
            f"{path}/documents", json={"title": "Agreement", "url": "https://ess.example/a"}
        )
        assert added.status_code == 201, added.text
        file = (await cern.get(path)).json()
        assert [one["title"] for one in file["documents"]] == ["Agreement"]
        assert [one["action"] for one in file["log"]] == ["suggested", "asked", "stepped", "noted"]
        assert file["may"] == ["financing", "dissolved"]

        # What the other side did is news; what one did oneself is not. The cluster heard of the need alone.
        asked_by_cern = "liaison.pairing.step-asked.v1"
        await eventually(lambda: receiver.events(asked_by_cern))
        assert not receiver.events(STEPPED)
        await eventually(lambda: others.events("liaison.challenge.announced.v1"))
        assert not [one for one in others.events() if one["type"].startswith("liaison.pairing.")]
