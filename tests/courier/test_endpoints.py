"""Endpoints and the delivery log over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import update

from services.courier.endpoints import deliveries_router, endpoints_router
from services.courier.model import DeliveryRow
from services.kernel.database import Database
from services.kernel.identifiers import new_id
from services.kernel.problems import Unauthenticated
from services.kernel.security import Principal, SecretBox
from services.kernel.web.idempotency import BodyDigest, install_replays
from services.kernel.web.ports import WebPorts
from services.kernel.web.problems import install_problem_handlers
from services.kernel.web.session import Sessions
from tests.courier.desk import OWNER, Desk, principal

STRANGER = principal()
KEYS = {"lia_owner": OWNER, "lia_stranger": STRANGER}
URL = "https://receiver.example.org/hook"


class Known:
    async def authenticate(self, key: str) -> Principal:
        if key not in KEYS:
            raise Unauthenticated("This key is not known.")
        return KEYS[key]


@dataclass
class Web:
    desk: Desk
    client: httpx.AsyncClient

    async def call(
        self, method: str, path: str, *, key: str = "lia_owner", **given: object
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {key}"} | dict(given.pop("headers", {}))  # type: ignore[call-overload]
        return await self.client.request(method, path, headers=headers, **given)  # type: ignore[arg-type]


@pytest.fixture
async def web(database: Database) -> AsyncIterator[Web]:
    desk = Desk(database)
    app = FastAPI()
    install_problem_handlers(app)
    install_replays(app)
    app.add_middleware(BodyDigest)
    box = SecretBox([SecretBox.new_key()])
    WebPorts(
        database=database, authenticator=Known(), sessions=Sessions("x" * 40, secure=False), box=box
    ).attach(app)
    app.include_router(endpoints_router(desk.endpoints))
    app.include_router(deliveries_router(desk.log))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield Web(desk, client)


async def test_the_way_of_an_endpoint(web: Web) -> None:
    made = await web.call("POST", "/v1/endpoints", json={"url": URL, "label": "ERP"})
    assert made.status_code == 201
    endpoint = made.json()
    assert endpoint["secret"].startswith("whsec_")
    path = made.headers["location"]

    shown = await web.call("GET", path)
    assert shown.headers["etag"] == '"1"'
    assert "secret" not in shown.json()
    assert (await web.call("GET", "/v1/endpoints")).json()["items"] == [shown.json()]

    changed = await web.call(
        "PUT", path, json={"url": URL + "2"}, headers={"If-Match": shown.headers["etag"]}
    )
    assert (changed.status_code, changed.json()["version"]) == (200, 2)
    assert (await web.call("PUT", path, json={"url": URL})).status_code == 428
    stale = await web.call("PUT", path, json={"url": URL}, headers={"If-Match": '"1"'})
    assert stale.status_code == 412

    rotated = await web.call("POST", f"{path}/secret")
    assert rotated.json()["secret"] not in {endpoint["secret"], None}
    assert (await web.call("POST", f"{path}/on")).json()["state"] == "active"

    sample = await web.call("POST", f"{path}/test")
    assert sample.status_code == 202
    message = sample.headers["location"]
    assert (await web.call("GET", message)).json() == sample.json()
    assert (await web.call("GET", f"{message}/attempts")).json() == []
    assert (await web.call("POST", f"{message}/resend")).json()["state"] == "pending"
    log = await web.call("GET", "/v1/deliveries", params={"endpoint": endpoint["id"], "state": "pending"})
    assert [one["id"] for one in log.json()["items"]] == [sample.json()["id"]]
    window = {"endpoint": endpoint["id"], "since": "2020-01-01T00:00:00Z", "until": "2100-01-01T00:00:00Z"}
    assert (await web.call("POST", "/v1/deliveries/resend", json=window)).json() == {"messages": 0}

    assert (await web.call("DELETE", path)).status_code == 204
    assert (await web.call("GET", path)).status_code == 404


async def test_a_resend_whose_answer_was_lost_sends_once(web: Web) -> None:
    made = (await web.call("POST", "/v1/endpoints", json={"url": URL})).json()
    message = (await web.call("POST", f"/v1/endpoints/{made['id']}/test")).json()["id"]

    async def ended(state: str) -> None:
        async with web.desk.database.write() as tx:
            await tx.execute(update(DeliveryRow).values(state=state, next_attempt_at=None))

    window = {"endpoint": made["id"], "since": "2020-01-01T00:00:00Z", "until": "2100-01-01T00:00:00Z"}
    for path, body, state in (
        (f"/v1/deliveries/{message}/resend", None, "delivered"),
        ("/v1/deliveries/resend", window, "exhausted"),
    ):
        once = {"Idempotency-Key": path}
        await ended(state)
        first = await web.call("POST", path, json=body, headers=once)
        assert first.status_code == 200
        assert (await web.desk.row(message)).state == "pending"
        await ended(state)
        again = await web.call("POST", path, json=body, headers=once)
        assert (again.status_code, again.json()) == (200, first.json())
        assert (await web.desk.row(message)).state == state, "it was sent again"


async def test_a_secret_is_given_again_to_the_same_request_only(web: Web) -> None:
    once = {"Idempotency-Key": "a"}
    first = await web.call("POST", "/v1/endpoints", json={"url": URL}, headers=once)
    again = await web.call("POST", "/v1/endpoints", json={"url": URL}, headers=once)
    assert again.json() == first.json()
    assert len((await web.call("GET", "/v1/endpoints")).json()["items"]) == 1


async def test_an_address_of_the_inside_is_a_problem_with_its_field(web: Web) -> None:
    refused = await web.call("POST", "/v1/endpoints", json={"url": "http://192.168.1.1/"})
    assert refused.status_code == 422
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["type"].endswith("/address-refused")
    assert refused.json()["errors"][0]["pointer"] == "/url"


@pytest.mark.parametrize(
    "url", ["", "x", "ftp://example.org", "https://exa mple.org", "https://" + "a" * 3000]
)
async def test_what_is_no_url_is_a_problem(web: Web, url: str) -> None:
    assert (await web.call("POST", "/v1/endpoints", json={"url": url})).status_code == 422


async def test_a_stranger_finds_nothing(web: Web) -> None:
    made = (await web.call("POST", "/v1/endpoints", json={"url": URL})).json()
    (message,) = await web.desk.post(made["id"])
    endpoint, delivery = f"/v1/endpoints/{made['id']}", f"/v1/deliveries/{message}"
    answers = [
        await web.call("GET", endpoint, key="lia_stranger"),
        await web.call("PUT", endpoint, key="lia_stranger", json={"url": URL}, headers={"If-Match": "*"}),
        await web.call("DELETE", endpoint, key="lia_stranger"),
        await web.call("POST", f"{endpoint}/secret", key="lia_stranger"),
        await web.call("POST", f"{endpoint}/test", key="lia_stranger"),
        await web.call("POST", f"{endpoint}/on", key="lia_stranger"),
        await web.call("GET", delivery, key="lia_stranger"),
        await web.call("GET", f"{delivery}/attempts", key="lia_stranger"),
        await web.call("POST", f"{delivery}/resend", key="lia_stranger"),
        await web.call("GET", f"/v1/deliveries?endpoint={made['id']}", key="lia_stranger"),
        await web.call("GET", f"/v1/endpoints/{new_id('end')}", key="lia_owner"),
    ]
    assert [answer.status_code for answer in answers] == [404] * len(answers)
    assert (await web.call("GET", "/v1/deliveries", key="lia_stranger")).json()["items"] == []
    assert (await web.call("GET", endpoint, key="lia_nobody")).status_code == 401
