"""A consortium over HTTP: announced, proposed by webhook, consented to, introduced, and who is missing."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from schemas.challenge import ChallengeContent
from tests.end_to_end.market import PRESSURE, Market, subscribe
from tests.end_to_end.process import Liaison
from tests.end_to_end.receiver import Receiver
from tests.eventually import eventually

pytestmark = pytest.mark.slow

PROPOSED = "liaison.consortium.proposed.v1"
INTRODUCED = "liaison.consortium.introduced.v1"
REQUIREMENTS = [
    {"id": "r1", "text": "Cryogenic pressure sensors for liquid helium at 4 K"},
    {"id": "r2", "text": "Ultra-high vacuum chambers of stainless steel, leak tested"},
    {"id": "r3", "text": "Underwater archaeology of medieval shipwrecks"},
]
VESSEL = {**PRESSURE, "title": "Helium vessel", "need": "A vacuum vessel for liquid helium with its sensors."}


async def test_a_consortium_is_proposed_by_webhook_and_its_members_meet(
    liaison: Liaison, market: Market, receiver: Receiver
) -> None:
    async with liaison.client(market.cluster) as cluster, liaison.client(market.buyer) as buyer:
        receiver.secret = await subscribe(buyer, receiver.url, {"kind": "consortia"})
        content = {**VESSEL, "requirements": REQUIREMENTS, "consortium": {"members_max": 2}}
        challenge = (await buyer.post("/v1/challenges", json=content)).json()["id"]
        team = (await eventually(lambda: receiver.events(PROPOSED)))[0]["data"]
        names = {one["company"]["name"] for one in team["members"]}
        assert names == {"Cryosense", "Vakuumtechnik Nord"}
        assert [gap["requirement"] for gap in team["gaps"]] == ["r3"]
        listed = (await buyer.get(f"/v1/challenges/{challenge}/consortia")).json()
        assert listed["consortia"][0]["id"] == team["id"]
        assert "r3" in listed["gaps"]["sought"]

        path = f"/v1/consortia/{team['id']}"
        for one in team["members"]:
            body = {"company": one["company"]["id"]}
            said = await cluster.post(f"{path}/consent", json=body)
            assert said.status_code == 200, said.text
        assert said.json()["state"] == "introduced"
        assert await eventually(lambda: receiver.events(INTRODUCED))
        refused = await buyer.post(f"{path}/consent", json={})
        assert (refused.status_code, refused.json()["title"]) == (403, "Not allowed")

        for reader in (cluster, buyer):
            streamed = await _streamed(reader, INTRODUCED)
            assert streamed["subject"] == f"challenge/{challenge}/consortium/{team['id']}"

        cryosense = market.companies["Cryosense"]["id"]
        begun = {"challenge": challenge, "members": [cryosense]}
        found = (await cluster.post("/v1/consortia/complete", json=begun)).json()
        assert len(found["teams"][0]["members"]) == 2
        wrong: dict[str, Any] = {**begun, "members_max": 0}
        answer = await cluster.post("/v1/consortia/complete", json=wrong)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/members_max")


async def _streamed(client: httpx.AsyncClient, kind: str) -> dict[str, Any]:
    """The first event of this type that the stream has for this reader."""
    async with client.stream("GET", "/v1/stream", params={"after": 0}) as reply:
        async for line in reply.aiter_lines():
            if line.startswith("data:") and "specversion" in line:
                event: dict[str, Any] = json.loads(line[5:])
                if event["type"] == kind:
                    return event
    raise AssertionError(f"the stream ended without {kind}")


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ({"consortium": {"members_min": 4, "members_max": 3}}, "members_min is 4"),
        ({"consortium": {"members_max": 0}}, "greater than or equal to 1"),
        ({"consortium": {"countries_min": 9, "members_max": 3}}, "countries_min is 9"),
        (
            {
                "phases": [
                    {"stage": "design", "composition": {"members_max": 2}},
                    {"stage": "prototype", "composition": {"change": "may-leave", "members_min": 3}},
                ]
            },
            "prototype wants at least 3 members and lets nobody join",
        ),
        ({"phases": [{"stage": "design", "composition": {"change": "may-leave"}}]}, "first phase"),
        (
            {
                "consortium": {"members_min": 4},
                "phases": [{"stage": "design"}, {"stage": "prototype", "composition": {"members_max": 2}}],
            },
            "consortium.members_min is 4, but the compositions of the phases .design, prototype. let 2",
        ),
        (
            {
                "consortium": {"smes_min": 3},
                "phases": [
                    {"stage": "design", "composition": {"members_max": 2}},
                    {"stage": "prototype", "composition": {"change": "may-leave"}},
                ],
            },
            "consortium.smes_min is 3",
        ),
        (
            {"eligible_countries": ["FR"], "consortium": {"countries_min": 2}},
            "consortium.countries_min is 2, but eligible_countries names 1",
        ),
        (
            {
                "phases": [
                    {"stage": "design", "composition": {"members_max": 2}},
                    {"stage": "design", "composition": {"members_max": 3}},
                ]
            },
            "design has two different compositions",
        ),
    ],
)
def test_rules_that_contradict_each_other_are_refused_by_name(rules: dict[str, Any], says: str) -> None:

    with pytest.raises(ValidationError, match=says):
        ChallengeContent.model_validate({**PRESSURE, **rules})


def test_members_who_join_later_count() -> None:
    joining = [
        {"stage": "design", "composition": {"members_max": 2}},
        {"stage": "prototype", "composition": {"change": "may-join", "members_max": 4}},
    ]
    changing = [joining[0], {"stage": "prototype", "composition": {"change": "may-change", "members_max": 2}}]
    for phases in (joining, changing):
        ChallengeContent.model_validate({**PRESSURE, "phases": phases, "consortium": {"members_min": 4}})
