"""Challenges over HTTP: what a client sends, gets, and is told."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from schemas.organisation import Scope
from services.intake.completion import last_open_day
from services.kernel.identifiers import new_id
from services.kernel.settings import Settings
from services.kernel.web.idempotency import KEY_LIFETIME
from tests.conftest import MovableClock
from tests.intake.people import a_challenge
from tests.intake.serving import Api, Caller

BODY: dict[str, Any] = a_challenge().model_dump(mode="json", include={"title", "need", "buyer", "deadline"})


async def announced(ilo: Caller, **changes: object) -> dict[str, Any]:
    answer = await ilo("POST", "/v1/challenges", json={**BODY, **changes})
    assert answer.status_code == 201, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def test_a_challenge_is_announced_as_text_alone(api: Api) -> None:
    ilo = await api.as_(api.world.ilo)
    answer = await ilo("POST", "/v1/challenges", json=BODY)
    assert answer.status_code == 201
    made = answer.json()
    assert made["requirements"][0]["source"]
    assert answer.headers["location"] == made["links"]["self"] == f"/v1/challenges/{made['id']}"
    assert answer.headers["etag"] == '"1"'
    assert made["links"]["matches"] == f"/v1/challenges/{made['id']}/matches"
    got = await ilo("GET", made["links"]["self"])
    assert got.json() == made
    held = await ilo("GET", made["links"]["self"], headers={"If-None-Match": got.headers["etag"]})
    assert held.status_code == 304


async def test_sent_again_with_its_key_it_is_announced_once(api: Api) -> None:
    ilo = await api.as_(api.world.ilo)
    headers = {"Idempotency-Key": "7f"}
    first = await ilo("POST", "/v1/challenges", json=BODY, headers=headers)
    again = await ilo("POST", "/v1/challenges", json=BODY, headers=headers)
    assert again.headers["idempotency-replayed"] == "true"
    assert again.json() == first.json()
    assert again.headers["etag"] == '"1"'
    other = await ilo("POST", "/v1/challenges", json={**BODY, "title": "Another"}, headers=headers)
    assert other.status_code == 422
    assert len((await ilo("GET", "/v1/challenges")).json()["items"]) == 1


async def test_sent_again_when_its_deadline_has_passed_it_gets_the_same_answer(
    api: Api, clock: MovableClock
) -> None:
    ilo = await api.as_(api.world.ilo)
    body = {**BODY, "deadline": last_open_day(clock.now()).isoformat()}
    headers = {"Idempotency-Key": "late"}
    first = await ilo("POST", "/v1/challenges", json=body, headers=headers)
    assert first.status_code == 201
    clock.advance((KEY_LIFETIME - timedelta(hours=1)).total_seconds())
    assert (await ilo("POST", "/v1/challenges", json=body)).status_code == 422
    again = await ilo("POST", "/v1/challenges", json=body, headers=headers)
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotency-replayed"] == "true"


async def test_a_draft_announced_and_withdrawn_again_under_the_same_keys(api: Api) -> None:
    ilo = await api.as_(api.world.ilo)
    draft = (await ilo("POST", "/v1/challenges?draft=true", json=BODY)).json()
    address = f"/v1/challenges/{draft['id']}"
    for path, body in ((f"{address}/announce", None), (f"{address}/withdraw", {"reason": "No money."})):
        once = {"Idempotency-Key": path}
        first = await ilo("POST", path, json=body, headers=once)
        again = await ilo("POST", path, json=body, headers=once)
        assert (first.status_code, again.status_code, again.json()) == (200, 200, first.json())
        assert (await ilo("POST", path, json=body)).status_code == 409
    kinds = [event.type for event in await api.world.events() if event.key == draft["id"]]
    assert kinds == ["liaison.challenge.announced.v1", "liaison.challenge.withdrawn.v1"]


async def test_amending_needs_the_version_that_was_read(api: Api) -> None:
    ilo = await api.as_(api.world.ilo)
    made = await announced(ilo)
    address = made["links"]["self"]
    assert (await ilo("PATCH", address, json={"title": "New"})).status_code == 428
    answer = await ilo("PATCH", address, json={"title": "New"}, headers={"If-Match": '"1"'})
    assert answer.status_code == 200
    assert answer.json()["title"] == "New"
    assert answer.json()["requirements"] == made["requirements"]
    assert answer.headers["etag"] == '"2"'
    stale = await ilo("PATCH", address, json={"title": "Newer"}, headers={"If-Match": '"1"'})
    assert stale.status_code == 412
    same = await ilo("PATCH", address, json={"title": "New"}, headers={"If-Match": '"2"'})
    assert same.headers["etag"] == '"2"'
    versions = (await ilo("GET", f"{address}/versions")).json()["items"]
    assert [change["field"] for change in versions[0]["changes"]] == ["title"]
    assert (await ilo("GET", f"{address}/versions/1")).json()["title"] == BODY["title"]
    assert (await ilo("GET", f"{address}/versions/3")).status_code == 404
    page = (await ilo("GET", f"{address}/versions?limit=1")).json()
    rest = (await ilo("GET", f"{address}/versions?limit=1&cursor={page['next']}")).json()
    assert [one["version"] for one in page["items"] + rest["items"]] == [2, 1]
    assert rest["next"] is None


async def test_of_two_amendments_with_one_etag_one_wins(api: Api) -> None:
    ilo = await api.as_(api.world.ilo)
    made = await announced(ilo)
    answers = await asyncio.gather(
        *(
            ilo("PATCH", made["links"]["self"], json={"title": f"T{n}"}, headers={"If-Match": '"1"'})
            for n in range(3)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412]


async def test_a_changed_text_is_cut_anew_unless_a_person_wrote_the_requirements(api: Api) -> None:
    ilo = await api.as_(api.world.ilo)
    need = "The pump must deliver 20 litres of liquid helium per minute at 4 K."
    cut = await announced(ilo)
    answer = await ilo("PATCH", cut["links"]["self"], json={"need": need}, headers={"If-Match": "*"})
    assert "20 litres" in answer.json()["requirements"][0]["text"]
    written = await announced(ilo, requirements=[{"id": "a", "text": "pump helium", "source": [0, 2]}])
    answer = await ilo("PATCH", written["links"]["self"], json={"need": need}, headers={"If-Match": "*"})
    assert answer.json()["requirements"] == [{**written["requirements"][0], "source": None}]


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"title": None}, "/title"),
        ({"titel": "x"}, "/titel"),
        ({"cpv": ["3511"]}, "/cpv/0"),
        ({"requirements": [{"id": "a", "text": "x"}, {"id": "a", "text": "y"}]}, ""),
        ({"trl_start": 7, "trl_target": 3}, ""),
        ({"deadline": "2020-01-01"}, "/deadline"),
    ],
)
async def test_a_wrong_amendment_is_told_with_its_place(
    api: Api, changes: dict[str, Any], pointer: str
) -> None:
    ilo = await api.as_(api.world.ilo)
    made = await announced(ilo)
    answer = await ilo("PATCH", made["links"]["self"], json=changes, headers={"If-Match": "*"})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"][0].get("pointer", "") == pointer
    assert (await ilo("GET", made["links"]["self"])).json() == made


async def test_withdrawing_is_for_good(api: Api) -> None:
    ilo = await api.as_(api.world.ilo)
    address = (await announced(ilo))["links"]["self"]
    answer = await ilo("POST", f"{address}/withdraw", json={"reason": "No longer needed."})
    assert answer.json()["state"] == "withdrawn"
    again = await ilo("POST", f"{address}/withdraw", json={"reason": "Again."})
    assert again.status_code == 409
    amended = await ilo("PATCH", address, json={"title": "x"}, headers={"If-Match": "*"})
    assert amended.status_code == 409


async def test_a_draft_is_nobody_elses(api: Api) -> None:
    ilo, cern = await api.as_(api.world.ilo), await api.as_(api.world.cern)
    made = (await ilo("POST", "/v1/challenges?draft=true", json=BODY)).json()
    address = made["links"]["self"]
    assert made["state"] == "draft"
    assert made["links"]["page"] is None
    for method, path, body in (
        ("GET", address, None),
        ("GET", f"{address}/versions", None),
        ("GET", f"{address}/versions/1", None),
        ("PATCH", address, {"title": "x"}),
        ("POST", f"{address}/announce", None),
        ("POST", f"{address}/withdraw", {"reason": "x"}),
    ):
        answer = await cern(method, path, json=body, headers={"If-Match": "*"})
        assert answer.status_code == 404, (method, path)
    assert (await cern("GET", "/v1/challenges")).json()["items"] == []
    public = await ilo("POST", f"{address}/announce")
    assert public.json()["state"] == "announced"
    assert (await cern("GET", address)).json() == public.json()


async def test_a_proposal_stores_nothing(api: Api) -> None:
    reader = await api.as_(api.world.firm, Scope.read)
    text = {"title": BODY["title"], "need": BODY["need"] + " Start at TRL 3, achieve TRL 6."}
    answer = await reader("POST", "/v1/challenges/proposal", json=text)
    assert answer.status_code == 200
    assert (answer.json()["trl_start"], answer.json()["trl_target"]) == (3, 6)
    assert answer.json()["requirements"][0]["id"] == "r1"
    assert (await reader("GET", "/v1/challenges")).json()["items"] == []


async def test_roles_and_scopes(api: Api) -> None:
    for caller, status in (
        (await api.as_(api.world.cluster), 403),
        (await api.as_(api.world.firm), 403),
        (await api.as_(api.world.ess), 403),
        (await api.as_(api.world.ilo, Scope.read), 403),
        (await api.as_(api.world.ilo, Scope.write), 201),
        (await api.as_(api.world.cern), 201),
        (await api.as_(None), 201),
    ):
        assert (await caller("POST", "/v1/challenges", json=BODY)).status_code == status
    nobody = await api.client.post("/v1/challenges", json=BODY)
    assert nobody.status_code == 401
    assert nobody.headers["content-type"] == "application/problem+json"


async def test_lists_are_narrowed_and_paged(api: Api) -> None:
    ilo, reader = await api.as_(api.world.ilo), await api.as_(api.world.firm, Scope.read)
    titles = [f"Challenge {n}" for n in range(5)]
    for title in titles:
        await announced(ilo, title=title)
    seen: list[str] = []
    cursor = ""
    while cursor is not None:
        page = (await reader("GET", f"/v1/challenges?limit=2{cursor and '&cursor=' + cursor}")).json()
        seen += [one["title"] for one in page["items"]]
        cursor = page["next"]
    assert sorted(seen) == titles
    found = (await reader("GET", "/v1/challenges?text=CHALLENGE 3&buyer=cern&country=FR")).json()
    assert [one["title"] for one in found["items"]] == ["Challenge 3"]
    for wrong in ("state=x", "country=Frankreich", "cpv=x", "due_from=x", "due_until=0", "contry=FR"):
        assert (await reader("GET", f"/v1/challenges?{wrong}")).status_code == 422, wrong
    assert (await reader("GET", "/v1/challenges?cursor=x")).status_code == 404


async def test_an_unknown_challenge_is_404_and_nonsense_422(api: Api) -> None:
    reader = await api.as_(api.world.firm)
    assert (await reader("GET", f"/v1/challenges/{new_id('chl')}")).status_code == 404
    assert (await reader("GET", "/v1/challenges/nonsense")).status_code == 422


async def test_what_is_announced_needs_no_key_and_a_draft_is_never_shown(api: Api) -> None:
    ilo = await api.as_(api.world.ilo)
    made = await announced(ilo, excluded=["FR 123"], conflicts_of_interest=["DE 456"])
    address = made["links"]["self"]
    amended = {"title": "Amended", "excluded": ["FR 123", "FR 789"]}
    answer = await ilo("PATCH", address, json=amended, headers={"If-Match": '"1"'})
    assert answer.status_code == 200, answer.text
    draft = await ilo("POST", "/v1/challenges?draft=true", json={**BODY, "title": "A secret draft"})
    hidden = draft.json()["links"]["self"]

    for path in ("/v1/challenges", address, f"{address}/versions", f"{address}/versions/1"):
        public = await api.client.get(path)
        assert public.status_code == 200, path
        for secret in ("A secret draft", "FR 123", "FR 789", "DE 456"):
            assert secret not in public.text, path
        assert path == "/v1/challenges" or "FR 123" in (await ilo("GET", path)).text
        stranger = (await (await api.as_(api.world.ess))("GET", path)).text
        for named in ("FR 123", "FR 789", "DE 456"):
            assert named not in stranger, "a key is not enough"
        if path != "/v1/challenges":
            assert "FR 123" in (await (await api.as_(api.world.cern))("GET", path)).text, "its buyer"
    for event in await api.world.events():
        assert not any(named in str(event.data) for named in ("FR 123", "FR 789", "DE 456"))
    (listed,) = (await api.client.get("/v1/challenges")).json()["items"]
    assert listed["id"] == made["id"]
    assert (await api.client.get(address)).json() == listed
    for path in (hidden, f"{hidden}/versions", f"{hidden}/versions/1"):
        assert (await api.client.get(path)).status_code == 404, path
    published = await ilo("POST", f"{hidden}/announce", headers={"If-Match": "*"})
    assert published.status_code == 200
    assert (await api.client.get(f"{hidden}/versions/1")).status_code == 404, "it was a draft then"
    shown = (await api.client.get(f"{hidden}/versions")).json()["items"]
    assert [one["version"] for one in shown] == [2]


async def test_a_wrong_key_is_told_even_where_none_is_needed(api: Api) -> None:
    headers = {"Authorization": "Bearer lia_wrong"}
    assert (await api.client.get("/v1/challenges", headers=headers)).status_code == 401


async def test_who_shows_no_key_is_counted_by_address(api: Api) -> None:
    first = await api.client.get("/v1/challenges")
    again = await api.client.get("/v1/challenges")
    left = [int(one.headers["ratelimit"].split("r=")[1].split(";")[0]) for one in (first, again)]
    assert first.headers["ratelimit-policy"].startswith(f'"default";q={Settings().burst_per_address};')
    assert left[1] <= left[0] < Settings().burst_per_address
    # All at once: a slow machine takes so long for one after the other that the bucket fills again meanwhile.
    many = [api.client.get("/v1/challenges") for _ in range(Settings().burst_per_address * 3)]
    refused = next(one for one in await asyncio.gather(*many) if one.status_code == 429)
    assert int(refused.headers["retry-after"]) >= 1


async def test_the_contract_says_where_no_key_is_needed(api: Api) -> None:
    contract = (await api.client.get("/openapi.json")).json()
    optional = {
        f"{method} {path}"
        for path, operations in contract["paths"].items()
        for method, operation in operations.items()
        if path.startswith("/v1/") and {} in operation.get("security", [{}])
    }
    assert {one for one in optional if "/v1/challenges" in one} == {
        "get /v1/challenges",
        "get /v1/challenges/{challenge}",
        "get /v1/challenges/{challenge}/versions",
        "get /v1/challenges/{challenge}/versions/{version}",
    }
