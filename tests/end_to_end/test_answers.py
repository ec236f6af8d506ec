"""The life of a suggestion: announced, delivered, notified, opened, answered; and what the announcer sees."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.end_to_end.market import MIRROR, PRESSURE, Market, subscribe
from tests.end_to_end.process import Liaison
from tests.end_to_end.receiver import Receiver, receiving
from tests.eventually import eventually

pytestmark = pytest.mark.slow

SUGGESTED = "liaison.match.suggested.v1"
DIGEST = "liaison.subscription.digest.v1"
ANSWERED = "liaison.match.answered.v1"


async def test_a_webhook_notifies_the_company_answers_and_the_buyer_counts(
    liaison: Liaison, market: Market, receiver: Receiver
) -> None:
    async with liaison.client(market.cluster) as cluster, liaison.client(market.buyer) as buyer:
        await a_digest_notifies_too(cluster, buyer)
        receiver.secret = await subscribe(cluster, receiver.url, {"kind": "members"})
        challenge = (await buyer.post("/v1/challenges", json=PRESSURE)).json()["id"]
        first = (await eventually(lambda: receiver.events(SUGGESTED)))[0]["data"]
        assert first["state"] == "suggested"
        match = first["id"]

        async def notified() -> bool:
            return bool((await outreach(buyer, challenge))["notified"])

        await eventually(notified)
        # the buyer looks, which does not count
        assert (await buyer.get(f"/v1/matches/{match}")).json()["state"] == "notified"
        opened = (await cluster.get(f"/v1/matches/{match}")).json()
        assert (opened["state"], opened["answer"]) == ("seen", None)

        content = {"answer": "dismissed", "reason": "no_capacity", "note": "Until spring"}
        key = {"Idempotency-Key": "answer-1"}
        path = f"/v1/matches/{match}/answer"
        made = await cluster.post(path, json=content, headers=key)
        assert made.status_code == 200, made.text
        again = await cluster.post(path, json=content, headers=key)
        assert again.json() == made.json()
        await cluster.post(path, json={"answer": "interested"})
        refused = await buyer.post(path, json={"answer": "interested"})
        assert refused.status_code == 403

        counts = await outreach(buyer, challenge)
        assert counts["notified"] >= 1
        assert (counts["seen"], counts["interested"], counts["dismissed"]) == (1, 1, 0)
        read = (await buyer.get(f"/v1/matches/{match}")).json()
        assert (read["state"], read["answer"]["answer"]) == ("interested", "interested")
        assert read["score"] == first["score"]
        journal = (await buyer.get("/v1/journal", params={"types": ANSWERED})).json()["items"]
        assert [event["data"]["answer"] for event in journal] == ["dismissed", "interested"]
        assert "no_capacity" not in str(journal)
        assert (await cluster.delete(path)).status_code == 204
        assert (await outreach(buyer, challenge))["interested"] == 0


async def a_digest_notifies_too(cluster: httpx.AsyncClient, buyer: httpx.AsyncClient) -> None:
    """What waits for Monday comes at once when Monday is no longer wanted: signed, in one webhook."""
    async with receiving() as receiver:
        receiver.secret = await subscribe(cluster, receiver.url, {"kind": "members"}, timing="weekly")
        one = (await cluster.get("/v1/subscriptions")).json()["items"][0]
        path = f"/v1/subscriptions/{one['id']}"
        challenge = (await buyer.post("/v1/challenges", json=MIRROR)).json()["id"]

        async def waiting() -> dict[str, Any] | None:
            found: dict[str, Any] | None = (await cluster.get(f"{path}/waiting")).json()["collected"]
            return found

        collected = await eventually(waiting)
        assert (await outreach(buyer, challenge))["notified"] == 0
        content = {name: one[name] for name in ("follow", "endpoint", "threshold")}
        changed = await cluster.put(path, json=content, headers={"If-Match": f'"{one["version"]}"'})
        assert changed.status_code == 200, changed.text
        digest = (await eventually(lambda: receiver.events(DIGEST)))[0]
        assert digest["data"]["items"][0]["match"]["challenge"]["id"] == challenge
        assert digest["data"]["items"] == collected["items"]
        assert receiver.events() == [digest]

        async def notified() -> bool:
            return bool((await outreach(buyer, challenge))["notified"])

        await eventually(notified)
        assert (await cluster.delete(path)).status_code == 204


async def outreach(client: httpx.AsyncClient, challenge: str) -> dict[str, Any]:
    found: dict[str, Any] = (await client.get(f"/v1/challenges/{challenge}/outreach")).json()
    return found
