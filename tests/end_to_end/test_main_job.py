"""The main job over real HTTP: announced, matched, explained, delivered, seen live."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import httpx
import pytest

from tests.end_to_end.market import MIRROR, PRESSURE, Market, profile, subscribe
from tests.end_to_end.process import Liaison
from tests.end_to_end.receiver import Receiver
from tests.eventually import eventually

pytestmark = pytest.mark.slow

SUGGESTED = "liaison.match.suggested.v1"
STOPPED_S = 10.0
"""Promised for a graceful stop."""


async def test_a_challenge_is_announced_and_the_right_company_hears_of_it_and_why(
    liaison: Liaison, market: Market, receiver: Receiver
) -> None:
    async with liaison.client(market.cluster) as cluster, liaison.client(market.buyer) as buyer:
        receiver.secret = await subscribe(cluster, receiver.url, {"kind": "members"})
        announced = await buyer.post("/v1/challenges", json=PRESSURE)
        assert announced.status_code == 201, announced.text
        challenge = announced.json()
        first = (await eventually(lambda: receiver.events(SUGGESTED)))[0]
        matches = (await buyer.get(f"/v1/challenges/{challenge['id']}/matches")).json()["items"]

    assert receiver.unsigned == 0
    assert first["specversion"] == "1.0"
    assert first["data"]["challenge"]["id"] == challenge["id"]
    assert first["data"]["company"]["name"] == "Cryosense"
    best = max(first["data"]["requirements"], key=lambda one: one["score"])
    assert best["answered_by"]["text"].startswith("Cryogenic pressure sensors")
    assert "pressure" in {word["word"].lower() for word in best["words"]}
    assert {gate["gate"] for gate in first["data"]["gates"]} >= {"eligible_country", "trl"}
    assert matches[0]["company"]["name"] == "Cryosense"
    assert "Backstube Meier" not in {one["company"]["name"] for one in matches}


async def test_a_profile_that_changes_is_matched_against_the_open_challenges_at_once(
    liaison: Liaison, market: Market, receiver: Receiver
) -> None:
    async with liaison.client(market.cluster) as cluster, liaison.client(market.buyer) as buyer:
        receiver.secret = await subscribe(cluster, receiver.url, {"kind": "members"})
        challenge = (await buyer.post("/v1/challenges", json=PRESSURE)).json()["id"]
        await eventually(lambda: receiver.events(SUGGESTED))
        bakery = market.companies["Backstube Meier"]
        changed = profile(
            "Backstube Meier",
            "Radiation-hard pressure sensor for liquid helium at 4 K, 0.1 to 20 bar, tested to 10 MGy",
        )
        answer = await cluster.put(
            f"/v1/companies/{bakery['id']}", json=changed, headers={"If-Match": f'"{bakery["version"]}"'}
        )
        assert answer.status_code == 200, answer.text
        heard = await eventually(
            lambda: [
                event
                for event in receiver.events(SUGGESTED)
                if event["data"]["company"]["id"] == bakery["id"]
            ]
        )
        assert heard[0]["data"]["because"] == "profile updated"
        assert heard[0]["data"]["challenge"]["id"] == challenge

        back = await cluster.put(
            f"/v1/companies/{bakery['id']}",
            json=profile("Backstube Meier"),
            headers={"If-Match": answer.headers["etag"]},
        )
        assert back.status_code == 200
        retracted = await eventually(lambda: receiver.events("liaison.match.retracted.v1"))
        assert retracted[0]["data"]["id"] == heard[0]["data"]["id"]


async def test_the_live_stream_shows_what_happens_and_goes_on_where_it_was(
    liaison: Liaison, market: Market
) -> None:
    async with liaison.client(market.buyer) as buyer:
        live = asyncio.create_task(_read_until(buyer, "liaison.challenge.matched.v1", after=0))
        announced = (await buyer.post("/v1/challenges", json=MIRROR)).json()
        seen = await asyncio.wait_for(live, 30)
        types = [event["type"] for _, event in seen]
        assert types.index("liaison.challenge.announced.v1") < types.index(SUGGESTED)
        suggestion = next(event for _, event in seen if event["type"] == SUGGESTED)
        assert suggestion["data"]["challenge"]["id"] == announced["id"]
        assert suggestion["data"]["company"]["name"] == "Optiek Delft"
        cut = len(seen) // 2
        again = await asyncio.wait_for(
            _read_until(buyer, "liaison.challenge.matched.v1", last=seen[cut - 1][0]), 30
        )
        assert [position for position, _ in again] == [position for position, _ in seen[cut:]]


async def test_a_company_sees_its_own_matches_and_no_rivals(
    liaison: Liaison, market: Market, receiver: Receiver
) -> None:
    async with liaison.client() as admin, liaison.client(market.buyer) as buyer:
        rival = await admin.post(
            "/v1/organisations", json={"handle": "rival", "name": "Rival", "kind": "company", "country": "FR"}
        )
        key = (
            await admin.post(
                "/v1/keys", params={"organisation": "rival"}, json={"label": "k", "scopes": ["write"]}
            )
        ).json()["secret"]
        assert rival.status_code == 201
        challenge = (await buyer.post("/v1/challenges", json=PRESSURE)).json()["id"]
        match = (
            await eventually(lambda: _matches(buyer, challenge)),
            await buyer.get(f"/v1/challenges/{challenge}"),
        )[0][0]
        async with liaison.client(key) as stranger:
            assert (await stranger.get(f"/v1/challenges/{challenge}")).status_code == 200
            assert (await stranger.get(f"/v1/challenges/{challenge}/matches")).json()["items"] == []
            assert (await stranger.get(f"/v1/matches/{match['id']}")).status_code == 404
            assert (await stranger.get(f"/v1/companies/{match['company']['id']}")).status_code == 404
            slice_ = (await stranger.get("/v1/journal")).json()["items"]
            assert not [event for event in slice_ if event["type"].startswith("liaison.match.")]


async def test_it_stops_gracefully_and_starts_again_where_it_was(
    liaison: Liaison, market: Market, receiver: Receiver
) -> None:
    async with liaison.client(market.cluster) as cluster, liaison.client(market.buyer) as buyer:
        receiver.secret = await subscribe(cluster, receiver.url, {"kind": "members"})
        await buyer.post("/v1/challenges", json=PRESSURE)
        await eventually(lambda: receiver.events(SUGGESTED))
    assert liaison.stop() == 0, liaison.log()[-2000:]
    before = {message: len(bodies) for message, bodies in receiver.bodies.items()}
    liaison.start()
    async with liaison.client(market.buyer) as buyer:
        answer = await buyer.post("/v1/challenges", json=MIRROR)
        assert answer.status_code == 201
        await eventually(lambda: len(receiver.events(SUGGESTED)) > len(before))
        await eventually(lambda: _who_is_seen(buyer))
    assert {message: len(receiver.bodies[message]) for message in before} == before


async def _who_is_seen(client: httpx.AsyncClient) -> bool:
    """Whether the process measures it by itself: the market's companies are German, all that it suggests."""
    told = (await client.get("/metrics")).text
    return 'liaison_exposure_present_share{by="country",group="DE"} 1.0' in told.splitlines()


async def _matches(client: httpx.AsyncClient, challenge: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await client.get(f"/v1/challenges/{challenge}/matches")).json()["items"]
    return items


async def _read_until(
    client: httpx.AsyncClient, kind: str, *, after: int | None = None, last: str | None = None
) -> list[tuple[str, dict[str, Any]]]:
    """Positions and events of the stream, up to the first of this type."""
    headers = {"Last-Event-ID": last} if last else {}
    parameters = {"after": after} if after is not None else {}
    seen: list[tuple[str, dict[str, Any]]] = []
    async with client.stream("GET", "/v1/stream", params=parameters, headers=headers) as reply:
        assert reply.status_code == 200
        position = ""
        async for line in reply.aiter_lines():
            if line.startswith("id:"):
                position = line[3:].strip()
            elif line.startswith("data:") and "specversion" in line:
                event = json.loads(line[5:])
                seen.append((position, event))
                if event["type"] == kind:
                    break
    return seen


async def test_a_stop_ends_open_streams_at_once(liaison: Liaison, market: Market) -> None:
    async with liaison.client(market.buyer) as buyer, buyer.stream("GET", "/v1/stream") as reply:
        lines = reply.aiter_lines()
        await anext(lines)
        began = time.monotonic()
        stopped = asyncio.get_running_loop().run_in_executor(None, liaison.stop)
        async for _line in lines:
            pass  # to its orderly end: a stream that is cut off raises
        assert await stopped == 0
    assert time.monotonic() - began < STOPPED_S
