"""Organisations, keys and clusters over HTTP, with real companies as members."""

from __future__ import annotations

from typing import Any

from schemas.organisation import Scope
from tests.conftest import MovableClock
from tests.intake.people import a_company
from tests.intake.serving import Api, Caller


async def company_of(caller: Caller, **changes: Any) -> str:
    content = a_company(**changes).model_dump(mode="json")
    answer = await caller("POST", "/v1/companies", json=content)
    assert answer.status_code == 201, answer.text
    company: str = answer.json()["id"]
    return company


async def test_an_admin_registers_and_hands_over_the_first_key(api: Api) -> None:
    admin = await api.as_(None)
    body = {"handle": "eso", "name": "ESO", "kind": "bso", "country": "DE"}
    answer = await admin("POST", "/v1/organisations", json=body)
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/v1/organisations/{answer.json()['id']}"
    assert (await admin("POST", "/v1/organisations", json=body)).status_code == 409
    issued = await admin("POST", "/v1/keys?organisation=eso", json={"label": "first", "scopes": ["admin"]})
    assert issued.status_code == 201
    eso = Caller(api.client, {"Authorization": f"Bearer {issued.json()['secret']}"})
    me = (await eso("GET", "/v1/me")).json()
    assert me["organisation"]["handle"] == "eso"
    assert me["scopes"] == ["admin"]
    listed = (await eso("GET", "/v1/keys")).json()["items"]
    assert [key["id"] for key in listed] == [me["key"]]
    assert "secret" not in listed[0]


async def test_only_an_admin_registers(api: Api) -> None:
    body = {"handle": "eso", "name": "ESO", "kind": "bso"}
    for organisation in (api.world.cern, api.world.cluster, api.world.firm):
        caller = await api.as_(organisation)
        assert (await caller("POST", "/v1/organisations", json=body)).status_code == 403


async def test_an_organisation_changes_its_own_entry(api: Api) -> None:
    cern, ess = await api.as_(api.world.cern), await api.as_(api.world.ess)
    read = await cern("GET", "/v1/organisations/cern")
    body = {name: read.json()[name] for name in ("handle", "name", "kind", "country")}
    body["eligible_countries"] = ["CH"]
    assert (await cern("PUT", "/v1/organisations/cern", json=body)).status_code == 428
    etag = {"If-Match": read.headers["etag"]}
    assert (await ess("PUT", "/v1/organisations/cern", json=body, headers=etag)).status_code == 403
    changed = await cern("PUT", "/v1/organisations/cern", json=body, headers=etag)
    assert changed.json()["eligible_countries"] == ["CH"]
    assert (await cern("PUT", "/v1/organisations/cern", json=body, headers=etag)).status_code == 412
    held = {"If-None-Match": changed.headers["etag"]}
    assert (await cern("GET", "/v1/organisations/cern", headers=held)).status_code == 304


async def test_a_companys_organisation_is_nobody_elses_affair(api: Api) -> None:
    cluster = await api.as_(api.world.cluster)
    seen = (await cluster("GET", "/v1/organisations")).json()["items"]
    assert "cryosense" not in [one["handle"] for one in seen]
    for path in ("cryosense", api.world.firm.id, "nobody"):
        assert (await cluster("GET", f"/v1/organisations/{path}")).status_code == 404
    assert (await cluster("GET", "/v1/organisations/No Such")).status_code == 422
    firm = await api.as_(api.world.firm)
    page = (await firm("GET", "/v1/organisations?kind=cluster&country=DK")).json()
    assert [one["handle"] for one in page["items"]] == ["copenhagen"]
    assert (await firm("GET", "/v1/clusters?country=DK")).json() == page


async def test_keys_are_rotated_and_revoked(api: Api, clock: MovableClock) -> None:
    cern = await api.as_(api.world.cern)
    body = {"label": "robot", "scopes": ["read"]}
    old = (await cern("POST", "/v1/keys", json=body, headers={"Idempotency-Key": "k"})).json()
    again = await cern("POST", "/v1/keys", json=body, headers={"Idempotency-Key": "k"})
    assert again.json() == old, "the secret is not lost with a lost answer"
    robot = Caller(api.client, {"Authorization": f"Bearer {old['secret']}"})
    assert (await robot("GET", "/v1/me")).status_code == 200
    assert (await robot("GET", "/v1/keys")).status_code == 403
    rotated = await cern("POST", f"/v1/keys/{old['id']}/rotate", json={"overlap_s": 60})
    assert rotated.status_code == 201
    successor = Caller(api.client, {"Authorization": f"Bearer {rotated.json()['secret']}"})
    assert (await robot("GET", "/v1/me")).status_code == 200
    clock.advance(61)
    assert (await robot("GET", "/v1/me")).status_code == 401
    assert (await successor("GET", "/v1/me")).status_code == 200
    assert (await cern("DELETE", f"/v1/keys/{rotated.json()['id']}")).status_code == 204
    gone = await successor("GET", "/v1/me")
    assert gone.status_code == 401
    assert "revoked" in gone.json()["detail"]
    ess = await api.as_(api.world.ess)
    assert (await ess("DELETE", f"/v1/keys/{old['id']}")).status_code == 404
    assert (await ess("POST", f"/v1/keys/{old['id']}/rotate")).status_code == 404
    assert (await ess("GET", "/v1/keys?organisation=cern")).status_code == 403
    assert (await cern("POST", f"/v1/keys/{old['id']}/rotate", json={"overlap_s": -1})).status_code == 422


async def test_a_company_joins_a_cluster_which_validates_it(api: Api) -> None:
    firm, cluster = await api.as_(api.world.firm), await api.as_(api.world.cluster)
    company = await company_of(firm)
    address = f"/v1/clusters/minalogic/members/{company}"
    assert (await cluster("GET", f"/v1/companies/{company}")).status_code == 404
    assert (await cluster("PUT", address, json={"act": True})).status_code == 404, "no mandate by oneself"
    missing = await firm("PUT", address, json={}, headers={"If-Match": '"1"'})
    assert missing.status_code == 412, "it is no member yet"
    joined = await firm("PUT", address, json={})
    assert (joined.status_code, joined.headers["etag"]) == (201, '"1"')
    assert (await firm("PUT", address, json={"receive": True, "act": False})).status_code == 200
    assert (await firm("PUT", address, json={"act": True})).status_code == 428
    acts = await firm("PUT", address, json={"act": True}, headers={"If-Match": '"1"'})
    assert (acts.json()["version"], acts.headers["etag"]) == (2, '"2"')
    assert (await firm("PUT", address, json={}, headers={"If-Match": '"1"'})).status_code == 412
    assert (await cluster("GET", f"/v1/companies/{company}")).status_code == 200
    [member] = (await cluster("GET", "/v1/clusters/minalogic/members?validated=false")).json()["items"]
    assert (member["name"], member["country"], member["state"]) == ("Cryosense SAS", "FR", "active")
    assert member["version"] == 2
    word = ("PUT", f"{address}/validation")
    assert (await cluster(*word, json={"validated": True})).status_code == 428
    assert (await cluster(*word, json={"validated": True}, headers={"If-Match": '"1"'})).status_code == 412
    said = await cluster(*word, json={"validated": True}, headers={"If-Match": '"2"'})
    assert (said.json()["validated"], said.headers["etag"]) == (True, '"3"')
    denied = await firm(*word, json={"validated": False}, headers={"If-Match": "*"})
    assert denied.status_code == 403
    seen = await firm("GET", address)
    assert (seen.json()["validated"], seen.headers["etag"]) == (True, '"3"')
    for stranger in (await api.as_(api.world.other_cluster), await api.as_(api.world.cern)):
        assert (await stranger("GET", address)).status_code == 404
        assert (await stranger("DELETE", address)).status_code == 404
        assert (await stranger("GET", "/v1/clusters/minalogic/members")).status_code == 403
    assert (await firm("DELETE", address)).status_code == 204
    assert (await firm("DELETE", address)).status_code == 404
    assert (await cluster("GET", f"/v1/companies/{company}")).status_code == 404


async def test_a_mandate_to_act_lets_the_cluster_edit(api: Api) -> None:
    firm, cluster = await api.as_(api.world.firm), await api.as_(api.world.cluster)
    company = await company_of(firm)
    address = f"/v1/clusters/minalogic/members/{company}"
    body = a_company(website="https://cryosense.example").model_dump(mode="json")
    await firm("PUT", address, json={})
    put = ("PUT", f"/v1/companies/{company}")
    assert (await cluster(*put, json=body, headers={"If-Match": "*"})).status_code == 403
    await firm("PUT", address, json={"act": True}, headers={"If-Match": "*"})
    assert (await cluster(*put, json=body, headers={"If-Match": "*"})).status_code == 200
    reader = await api.as_(api.world.cluster, Scope.read)
    assert (await reader(*put, json=body, headers={"If-Match": "*"})).status_code == 403


async def test_members_come_in_pages(api: Api) -> None:
    cluster = await api.as_(api.world.cluster)
    companies = sorted([await company_of(cluster, name=f"Firm {n}") for n in range(3)])
    first = (await cluster("GET", "/v1/clusters/minalogic/members?limit=2")).json()
    rest = (await cluster("GET", f"/v1/clusters/minalogic/members?limit=2&cursor={first['next']}")).json()
    assert [one["company"] for one in first["items"] + rest["items"]] == companies
