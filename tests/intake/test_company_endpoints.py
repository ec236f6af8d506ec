"""Companies and files of companies over HTTP."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from schemas.organisation import Scope
from services.intake import company_import
from services.intake.company_store import CompanyFilter
from services.kernel.identifiers import new_id
from services.kernel.problems import Unavailable
from tests.intake.importing.files import workbook
from tests.intake.people import ADMIN, a_company
from tests.intake.serving import Api, Caller

BODY: dict[str, Any] = a_company().model_dump(mode="json")
CSV = "name;country;capabilities\nAlpha;FR;x\nBeta;XX;y\n"


async def created(caller: Caller, **changes: Any) -> dict[str, Any]:
    answer = await caller("POST", "/v1/companies", json={**BODY, **changes})
    assert answer.status_code == 201, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def test_a_profile_is_created_read_replaced_and_withdrawn(api: Api) -> None:
    firm = await api.as_(api.world.firm)
    answer = await firm("POST", "/v1/companies", json=BODY, headers={"Idempotency-Key": "1"})
    again = await firm("POST", "/v1/companies", json=BODY, headers={"Idempotency-Key": "1"})
    assert again.json() == answer.json()
    made = answer.json()
    address = made["links"]["self"]
    assert answer.headers["location"] == address
    assert (await firm("POST", "/v1/companies", json=BODY)).status_code == 409
    read = await firm("GET", address)
    assert read.json() == made
    held = {"If-None-Match": read.headers["etag"]}
    assert (await firm("GET", address, headers=held)).status_code == 304
    new = {**BODY, "website": "https://x.example"}
    assert (await firm("PUT", address, json=new)).status_code == 428
    etag = {"If-Match": read.headers["etag"]}
    changed = await firm("PUT", address, json=new, headers=etag)
    assert (changed.json()["version"], changed.headers["etag"]) == (2, '"2"')
    assert (await firm("PUT", address, json=new, headers=etag)).status_code == 412
    assert (await firm("DELETE", address, headers=etag)).status_code == 412
    assert (await firm("DELETE", address)).status_code == 204
    assert (await firm("DELETE", address)).status_code == 204
    assert (await firm("GET", address)).json()["state"] == "withdrawn"
    assert (await (await api.as_(api.world.cern))("GET", address)).status_code == 404


async def test_a_draft_is_published_and_confirmed_once_however_often_it_is_sent(api: Api) -> None:
    firm = await api.as_(api.world.firm)
    made = (await firm("POST", "/v1/companies?draft=true", json=BODY)).json()
    address = made["links"]["self"]
    assert made["state"] == "draft"
    changed = await firm("PUT", address, json={**BODY, "nuts": "FRK24"}, headers={"If-Match": '"1"'})
    assert (changed.json()["state"], changed.headers["etag"]) == ("draft", '"2"')
    for step, seen, state, version in (("publish", 2, "active", 3), ("confirm", 3, "active", 4)):
        old = await firm("POST", f"{address}/{step}", headers={"If-Match": '"1"'})
        assert old.status_code == 412
        headers = {"If-Match": f'"{seen}"', "Idempotency-Key": step}
        first = await firm("POST", f"{address}/{step}", headers=headers)
        again = await firm("POST", f"{address}/{step}", headers=headers)
        assert (first.status_code, first.json()) == (200, again.json())
        assert (first.json()["state"], first.headers["etag"]) == (state, f'"{version}"')
    assert first.json()["last_confirmed"] == "2026-11-21"
    assert first.json()["content_version"] == 3
    assert (await firm("POST", f"{address}/publish")).status_code == 409


async def test_a_tenant_sees_its_own_and_nothing_else(api: Api) -> None:
    firm, stranger = await api.as_(api.world.firm), await api.as_(api.world.other_cluster)
    address = (await created(firm))["links"]["self"]
    for method, body in (("GET", None), ("PUT", BODY), ("DELETE", None)):
        answer = await stranger(method, address, json=body, headers={"If-Match": "*"})
        assert answer.status_code == 404, method
    assert (await stranger("GET", "/v1/companies")).json()["items"] == []
    bso = await api.as_(api.world.cern)
    assert len((await bso("GET", "/v1/companies?country=FR&text=cryo")).json()["items"]) == 1
    assert (await bso("PUT", address, json=BODY, headers={"If-Match": "*"})).status_code == 403
    assert (await bso("POST", "/v1/companies", json=BODY)).status_code == 403
    nowhere = f"/v1/companies/{new_id('cmp')}"
    assert (await firm("GET", nowhere)).status_code == 404
    assert (await firm("GET", "/v1/companies/nonsense")).status_code == 422


async def test_an_admin_says_whose_profile_it_is(api: Api) -> None:
    admin = await api.as_(None)
    answer = await admin("POST", "/v1/companies", json=BODY)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["parameter"] == "owner"
    made = await admin("POST", "/v1/companies?owner=cryosense", json=BODY)
    assert made.json()["owner"] == api.world.firm.id


async def test_lists_come_in_pages(api: Api) -> None:
    firm = await api.as_(api.world.firm)
    for n in range(3):
        await created(firm, name=f"Firm {n}")
    first = (await firm("GET", "/v1/companies?limit=2")).json()
    rest = (await firm("GET", f"/v1/companies?limit=2&cursor={first['next']}")).json()
    assert sorted(one["name"] for one in first["items"] + rest["items"]) == ["Firm 0", "Firm 1", "Firm 2"]


@pytest.mark.parametrize(
    ("changes", "kind", "pointer"),
    [
        ({"country": "Frnace"}, "unknown-country", "/country"),
        ({"cpv": ["3511"]}, "unknown-cpv", "/cpv/0"),
        ({"nuts": "DE212"}, "invalid-input", "/nuts"),
        ({"name": "a\x00b"}, "invalid-input", "/name"),
        ({"capabilities": [{"id": "a", "text": "x" * 5_000}]}, "invalid-input", "/capabilities/0/text"),
    ],
)
async def test_what_is_wrong_is_told_with_its_place(
    api: Api, changes: dict[str, Any], kind: str, pointer: str
) -> None:
    firm = await api.as_(api.world.firm)
    answer = await firm("POST", "/v1/companies", json={**BODY, **changes})
    assert answer.status_code == 422
    assert answer.json()["type"].endswith(kind)
    assert answer.json()["errors"][0]["pointer"] == pointer


async def test_a_file_is_sent_as_the_body_or_in_a_form(api: Api) -> None:
    cluster = await api.as_(api.world.cluster)
    path = "/v1/companies/import"
    answer = await cluster("POST", path, content=CSV, headers={"Content-Type": "text/csv"})
    assert answer.status_code == 200
    report = answer.json()
    assert (report["created"], report["problem_count"], report["problems"][0]["line"]) == (1, 1, 3)
    plain = await cluster("POST", path, content=CSV)
    assert plain.json()["unchanged"] == 1
    form = await cluster("POST", path, files={"file": ("members.csv", CSV, "text/csv")})
    assert form.json() == plain.json()
    sheet = workbook([["Nom", "Pays"], ["Gamma", "FR"]])
    excel = await cluster("POST", path, files={"anything": ("x.bin", sheet)})
    assert (excel.json()["format"], excel.json()["created"]) == ("xlsx", 1)


@pytest.mark.parametrize(
    ("path", "keywords", "status"),
    [
        ("", {"content": b""}, 422),
        ("", {"content": b"\x89PNG\r\n"}, 422),
        ("", {"data": {"file": "text"}, "files": {}}, 422),
        ("", {"content": b"x", "headers": {"Content-Type": "multipart/form-data"}}, 400),
        ("", {"content": b"x", "headers": {"Content-Type": "multipart/form-data; boundary=y"}}, 400),
        ("?country=Frankreich", {"content": CSV}, 422),
        ("?language=Deutsch", {"content": CSV}, 422),
        ("?owner=cryosense", {"content": CSV}, 404),
        ("?owner=cern", {"content": CSV}, 403),
    ],
)
async def test_what_is_no_file_is_told(api: Api, path: str, keywords: dict[str, Any], status: int) -> None:
    cluster = await api.as_(api.world.cluster)
    answer = await cluster("POST", f"/v1/companies/import{path}", **keywords)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


async def test_importing_takes_the_right_role_and_scope(api: Api) -> None:
    path = "/v1/companies/import"
    for caller in (await api.as_(api.world.cern), await api.as_(api.world.cluster, Scope.read)):
        assert (await caller("POST", path, content=CSV)).status_code == 403


async def test_an_import_tells_how_far_it_is(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(company_import, "BATCH", 10)
    cluster = await api.as_(api.world.cluster)
    imports, take = api.world.intake.imports, api.world.intake.imports._take
    data = "name;country\n" + "".join(f"Firm {n};FR\n" for n in range(25))
    broken = True

    async def taking(*arguments: Any) -> None:
        if broken and (await api.world.intake.companies.count(ADMIN, CompanyFilter())) == 10:
            raise Unavailable("The disk is full.")
        await take(*arguments)

    monkeypatch.setattr(imports, "_take", taking)

    async def sent(content: str) -> httpx.Response:
        headers = {"Accept": "application/x-ndjson"}
        return await cluster("POST", "/v1/companies/import", content=content, headers=headers)

    stopped = [json.loads(line) for line in (await sent(data)).text.splitlines()]
    assert stopped[0] == {"done": 10, "companies": 25}
    assert (stopped[1]["problem"]["status"], len(stopped)) == (503, 2)
    assert "10 of 25 companies" in stopped[1]["problem"]["detail"]
    broken = False
    answer = await sent(data)
    assert answer.headers["content-type"] == "application/x-ndjson"
    *told, last = [json.loads(line) for line in answer.text.splitlines()]
    assert [one["done"] for one in told] == [10, 20, 25]
    assert (last["report"]["created"], last["report"]["unchanged"]) == (15, 10)
    assert (await sent("colour;taste\n")).status_code == 422
