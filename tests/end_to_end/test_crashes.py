"""kill -9 at random moments: nothing that was accepted is lost, and a webhook-id has one content for ever."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import httpx
import pytest

from tests.end_to_end.market import MIRROR, PRESSURE, Market, subscribe
from tests.end_to_end.process import Liaison
from tests.end_to_end.receiver import Receiver
from tests.eventually import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

ROUNDS = 4
PER_ROUND = 6
"""Challenges announced in a round."""
KILL_WITHIN_S = 0.6
"""From the first announcement of a round: before, during and after matching and delivery."""
SETTLED_S = 60.0

SUGGESTED = "liaison.match.suggested.v1"
ANNOUNCED = "liaison.challenge.announced.v1"


async def test_nothing_is_lost_when_the_process_is_killed_again_and_again(
    liaison: Liaison, market: Market, receiver: Receiver
) -> None:
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    chance = random.Random(seed)
    async with liaison.client(market.cluster) as cluster:
        receiver.secret = await subscribe(cluster, receiver.url, {"kind": "bso", "buyer": "cern"})
    # Some messages fail at first, so that retries are under way when the process dies.
    receiver.answer = lambda message, times: 503 if times == 1 and message[-1] in "05AFKPV" else 204

    accepted: dict[str, str] = {}
    for _round in range(ROUNDS):
        await _announce_and_kill(liaison, market, accepted, chance)

    await eventually(lambda: _missing(receiver, ANNOUNCED, accepted) == set(), within_s=SETTLED_S)
    async with liaison.client(market.cluster) as cluster, liaison.client() as admin:
        expected = await eventually(lambda: _all_matched(admin, accepted), within_s=SETTLED_S)
        await eventually(lambda: expected <= _suggested(receiver), within_s=SETTLED_S)
        # What tells of no suggestion was tried in vain at first, too, and may be on its way still.
        await eventually(lambda: _nothing_pending(cluster), within_s=SETTLED_S)

    for message, bodies in receiver.bodies.items():
        assert len(set(bodies)) == 1, f"{message} was sent with {len(set(bodies))} contents"
    events = receiver.events()
    assert len({event["id"] for event in events}) == len(events), "an event went out under two webhook-ids"
    assert receiver.unsigned == 0
    assert liaison.stop() == 0
    await _ledger_is_whole(liaison)


async def _announce_and_kill(
    liaison: Liaison, market: Market, accepted: dict[str, str], chance: random.Random
) -> None:
    """Announce until the process dies. An announcement without an answer is sent again with its key after
    the restart: it is accepted once, whenever that was."""
    unanswered: list[tuple[str, dict[str, Any]]] = []
    async with liaison.client(market.buyer) as buyer:
        jobs = [
            asyncio.create_task(_announce(buyer, accepted, unanswered, chance.random()))
            for _ in range(PER_ROUND)
        ]
        await asyncio.sleep(chance.random() * KILL_WITHIN_S)  # the moment of death, by chance
        liaison.kill()
        await asyncio.gather(*jobs)
    liaison.start()
    async with liaison.client(market.buyer) as buyer:
        for key, content in unanswered:
            answer = await buyer.post("/v1/challenges", json=content, headers={"Idempotency-Key": key})
            assert answer.status_code == 201, answer.text
            accepted[answer.json()["id"]] = content["title"]


async def _announce(
    buyer: httpx.AsyncClient,
    accepted: dict[str, str],
    unanswered: list[tuple[str, dict[str, Any]]],
    nonce: float,
) -> None:
    base = PRESSURE if nonce < 0.5 else MIRROR
    content = {**base, "title": f"{base['title']} {nonce:.12f}"}
    key = f"key-{nonce:.17f}"
    try:
        answer = await buyer.post("/v1/challenges", json=content, headers={"Idempotency-Key": key})
    except httpx.TransportError:
        unanswered.append((key, content))
        return
    assert answer.status_code == 201, answer.text
    accepted[answer.json()["id"]] = content["title"]


def _missing(receiver: Receiver, kind: str, accepted: dict[str, str]) -> set[str]:
    heard = {event["data"]["challenge"]["id"] for event in receiver.events(kind)}
    return set(accepted) - heard


def _suggested(receiver: Receiver) -> set[str]:
    return {event["data"]["id"] for event in receiver.events(SUGGESTED)}


async def _all_matched(admin: httpx.AsyncClient, accepted: dict[str, str]) -> set[str]:
    """Ids of the suggestions of all challenges, once each has one; else empty."""
    found: set[str] = set()
    for challenge in accepted:
        items = (await admin.get(f"/v1/challenges/{challenge}/matches")).json()["items"]
        if not items:
            return set()
        found |= {item["id"] for item in items}
    return found


async def _nothing_pending(cluster: httpx.AsyncClient) -> bool:
    endpoint = (await cluster.get("/v1/endpoints")).json()["items"][0]["id"]
    page = await cluster.get("/v1/deliveries", params={"endpoint": endpoint, "state": "pending"})
    assert page.status_code == 200, page.text
    return bool(page.json()["items"] == [])


async def _ledger_is_whole(liaison: Liaison) -> None:
    from services.kernel.database import Database
    from services.kernel.journal.reading import verify

    database = Database(f"sqlite:///{liaison.data_dir / 'liaison.db'}")
    async with database.read() as tx:
        verdict = await verify(tx)
    await database.close()
    assert verdict.broken_at is None, verdict.reason
    assert verdict.entries > 0
