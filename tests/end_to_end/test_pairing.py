"""A planned need meets an announced one in another language: by webhook, led by both, heard by nobody
else."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest

from schemas.stream import StreamOpened
from tests.end_to_end.market import Market, subscribe
from tests.end_to_end.process import Liaison
from tests.end_to_end.receiver import Receiver, receiving
from tests.eventually import eventually
from tests.gateway.serving import Frame, frames

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
OTHERS: list[tuple[str, dict[str, Any]]] = [
    ("esrf", {"title": "Pumps for cooling water", "purchase": {"starts": "2027-04-01"}}),
    ("ess", {"title": "Cooling water pumps, centrifugal"}),
]
SUGGESTED, STEPPED = "liaison.pairing.suggested.v1", "liaison.pairing.stepped.v1"
GROUPED, ANSWERED = "liaison.pairing.group-formed.v1", "liaison.dialogue.published.v1"


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


async def test_live_streams_carry_pairings_and_groups_to_their_buyers_and_answers_to_everybody(
    liaison: Liaison, market: Market
) -> None:
    async with AsyncExitStack() as stack:
        admin = await stack.enter_async_context(liaison.client())
        cern = await stack.enter_async_context(liaison.client(market.buyer))
        cluster = await stack.enter_async_context(liaison.client(market.cluster))
        asking = {"follow": {"kind": "pairings"}, "channel": "sse"}
        heard = {"cern": _reader(stack, cern, await cern.post("/v1/subscriptions", json=asking))}
        heard["cluster"] = _reader(stack, cluster)
        announced = await cern.post("/v1/challenges", json=PUMPS)
        for handle, more in OTHERS:
            content = {"handle": handle, "name": handle.upper(), "kind": "bso", "country": "SE"}
            assert (await admin.post("/v1/organisations", json=content)).status_code == 201
            key = await admin.post(f"/v1/keys?organisation={handle}", json={"label": "test"})
            client = await stack.enter_async_context(liaison.client(key.json()["secret"]))
            heard[handle] = _reader(stack, client)
            made = await client.post("/v1/challenges", json={**PUMPS, "buyer": handle, **more})
            assert made.status_code == 201, made.text

        formed = {who: (await _kinds(heard[who], GROUPED))[0] for who in ("cern", "esrf", "ess")}
        assert len({one.id for one in formed.values()}) == 1, "one event, one position, for all three"
        assert {need["buyer_name"] for need in formed["ess"].data["data"]["needs"]} == {"CERN", "ESRF", "ESS"}
        assert {one.event for one in heard["cern"]} <= {SUGGESTED, GROUPED, StreamOpened.TYPE, ""}
        assert [one.event for one in heard["cern"]].count(SUGGESTED) == 2
        group = f"/v1/pairings/groups/{formed['cern'].data['data']['id']}"
        assert (await cern.get(group)).status_code == 200
        assert (await cluster.get(group)).status_code == 404

        dialogue = f"/v1/challenges/{announced.json()['id']}/dialogue"
        asked = await cluster.post(f"{dialogue}/questions", json={"text": "Are 50 Hz drives wanted?"})
        assert asked.status_code == 201, asked.text
        entry = {"questions": [asked.json()["id"]], "answer": "Either will do."}
        assert (await cern.post(f"{dialogue}/entries", json={"entries": [entry]})).status_code == 201
        told = {who: (await _kinds(heard[who], ANSWERED))[0] for who in ("cluster", "esrf", "ess")}
        assert len({(one.id, one.data["time"]) for one in told.values()}) == 1, "the same moment for all"
        assert told["ess"].data["data"]["entries"][0]["question"] == "Are 50 Hz drives wanted?"
        assert not [one for one in heard["cluster"] if one.event.startswith("liaison.pairing.")]


def _reader(
    stack: AsyncExitStack, client: httpx.AsyncClient, subscription: httpx.Response | None = None
) -> list[Frame]:
    """Fills with what the client's stream carries, from the beginning of the journal."""
    taken: list[Frame] = []
    query = {"after": "0"} | ({"subscription": subscription.json()["id"]} if subscription else {})

    async def read() -> None:
        async with client.stream("GET", "/v1/stream", params=query) as response:
            async for frame in frames(response):
                taken.append(frame)  # noqa: PERF401 - others look at what is there so far

    reading = asyncio.create_task(read())

    async def stop() -> None:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)

    stack.push_async_callback(stop)
    return taken


async def _kinds(heard: list[Frame], kind: str) -> list[Frame]:
    return await eventually(lambda: [one for one in heard if one.event == kind])
