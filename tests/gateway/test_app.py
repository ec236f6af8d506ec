"""The application as a whole: health, documents, traces, and what holds for every address."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from openapi_spec_validator import OpenAPIV31SpecValidator

from schemas.events import EVENTS, INBOX
from services.kernel.clock import SystemClock
from services.kernel.database import Database
from services.kernel.journal.tail import Tail
from services.kernel.stream.kafka_connection import KafkaConnection
from services.kernel.stream.kafka_stream import KafkaStream
from services.kernel.telemetry import current_traceparent
from services.kernel.web.authentication import Writer
from tests.gateway.serving import gateway, served
from tests.kernel.web.application import Thing, bearer, client_of
from tests.tracing import PARENT, traced


def a_room() -> APIRouter:
    """Stands for a room's router."""
    routes = APIRouter(prefix="/v1/things", tags=["things"])

    @routes.post("", status_code=201)
    async def make(thing: Thing, principal: Writer) -> str:
        return thing.title

    @routes.get("/trace")
    async def trace() -> str | None:
        return current_traceparent()

    @routes.get("/bug")
    async def bug() -> None:
        raise ZeroDivisionError

    @routes.get("/{name}")
    async def one(name: str, colour: str = "") -> str:
        return name

    return routes


@pytest.fixture
def app(sqlite: Database) -> FastAPI:
    return gateway(sqlite, Tail(sqlite, SystemClock()), None, a_room())


async def test_health(plain: httpx.AsyncClient) -> None:
    assert (await plain.get("/health/live")).json() == {"alive": True}
    assert (await plain.get("/health/ready")).json() == {"ready": True, "parts": {"database": "ok"}}


async def test_not_ready_says_which_part_and_nothing_secret(sqlite: Database) -> None:
    from services.gateway.health import router

    async def behind() -> str | None:
        return "20 profiles are not indexed"

    async def broken() -> str | None:
        raise ConnectionError("postgresql://user:secret@host/")

    app = FastAPI()
    app.include_router(router(sqlite, {"index": behind, "store": broken}))
    async with client_of(app) as client:
        response = await client.get("/health/ready")
    assert response.status_code == 503
    assert response.json() == {
        "ready": False,
        "parts": {"database": "ok", "index": "20 profiles are not indexed", "store": "not available"},
    }


async def test_prometheus_sees_who_is_not_ready_whoever_else_asks(sqlite: Database) -> None:
    """As of a relay that was started while no broker answers."""
    from services.gateway.health import router

    silent = KafkaStream(sqlite, SystemClock(), KafkaConnection(("127.0.0.1:1",)))

    async def stream() -> str | None:
        return silent.trouble()

    app = FastAPI()
    app.include_router(router(sqlite, {"stream": stream}))
    async with client_of(app) as client:
        told = (await client.get("/metrics")).text
    assert 'liaison_ready{part="database"} 1.0' in told
    assert 'liaison_ready{part="stream"} 0.0' in told


async def test_metrics_count_by_route(app: FastAPI) -> None:
    async with client_of(app) as client:
        for name in ("a", "b"):
            await client.get(f"/v1/things/{name}")
        await client.get("/somewhere/else")
        text = (await client.get("/metrics")).text
    assert 'liaison_http_requests_total{method="GET",route="/v1/things/{name}",status="200"}' in text
    assert 'route="(none)",status="404"' in text
    assert "/v1/things/a" not in text
    assert "liaison_http_seconds_bucket" in text


async def test_the_document_is_valid_openapi_31(app: FastAPI) -> None:
    async with client_of(app) as client:
        document = (await client.get("/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    OpenAPIV31SpecValidator(document).validate()
    assert "HTTPValidationError" not in json.dumps(document)
    post = document["paths"]["/v1/things"]["post"]
    assert {"201", "400", "401", "403", "413", "415", "422", "429", "503", "default"} <= set(
        post["responses"]
    )
    for status, answer in post["responses"].items():
        if status != "201":
            assert list(answer["content"]) == ["application/problem+json"]
    assert post["security"] == [{"ApiKey": []}, {"Session": []}]
    assert document["components"]["securitySchemes"]["ApiKey"]["scheme"] == "bearer"


class Addresses(HTMLParser):
    """Everything a page loads or links to, and whether its ids are unique."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            if name in ("href", "src") and value:
                self.links.append(value)
            if name == "id" and value:
                self.ids.append(value)


async def test_the_documentation_needs_nothing_from_elsewhere(app: FastAPI) -> None:
    async with client_of(app) as client:
        page = await client.get("/docs")
        assert page.headers["content-encoding"] == "gzip"
        assert page.text == (await client.get("/docs", headers={"Accept-Encoding": "identity"})).text
        style = await client.get("/docs/docs.css")
    assert style.headers["content-type"].startswith("text/css")
    assert "url(" not in style.text
    assert "default-src 'self'" in page.headers["content-security-policy"]
    found = Addresses()
    found.feed(page.text)
    assert not found.tags & {"script", "iframe", "img"}
    assert len(found.ids) == len(set(found.ids))
    for link in found.links:
        assert link in ("/docs/docs.css", "/openapi.json") or link.removeprefix("#") in found.ids
    assert "POST</b> /v1/things" in page.text
    assert not re.search(r"\son[a-z]+=|\sstyle=", page.text)


@pytest.mark.parametrize("name", [*EVENTS, *INBOX])
async def test_each_event_has_its_schema_where_dataschema_says(plain: httpx.AsyncClient, name: str) -> None:
    response = await plain.get(f"/schemas/{name}.json")
    assert response.headers["content-type"] == "application/schema+json"
    assert response.json()["$id"] == f"/schemas/{name}.json"


async def test_a_schema_that_is_none(plain: httpx.AsyncClient) -> None:
    assert (await plain.get("/schemas/liaison.nothing.v1.json")).status_code == 404


async def test_a_trace_goes_in_and_out(app: FastAPI) -> None:
    with traced():
        await goes_in_and_out(app)


async def goes_in_and_out(app: FastAPI) -> None:
    async with client_of(app) as client:
        response = await client.get("/v1/things/trace", headers={"traceparent": PARENT})
        trace_id = PARENT.split("-")[1]
        assert response.json().split("-")[1] == trace_id
        assert response.headers["x-request-id"] == trace_id
        fresh = await client.get("/v1/things/trace")
        assert fresh.json().split("-")[1] == fresh.headers["x-request-id"] != trace_id
        bug = await client.get("/v1/things/bug")
        assert bug.status_code == 500
        assert bug.json()["trace_id"] == bug.headers["x-request-id"]


async def test_a_misspelt_parameter_is_refused(app: FastAPI) -> None:
    async with client_of(app) as client:
        assert (await client.get("/v1/things/a?colour=red")).status_code == 200
        response = await client.get("/v1/things/a?color=red")
        assert response.status_code == 422
        assert response.json()["detail"] == "'color' is not a parameter here. Did you mean 'colour'?"
        for address in ("/v1/things/a%00b", "/v1/things/a?colour=%00"):
            assert (await client.get(address)).status_code == 400


async def test_what_curl_sends_without_asking_is_understood(app: FastAPI) -> None:
    async with client_of(app) as client:
        headers = bearer("lia_writer", **{"Content-Type": "application/x-www-form-urlencoded"})
        response = await client.post("/v1/things", content=b'{"title": "A"}', headers=headers)
        assert (response.status_code, response.json()) == (201, "A")
        response = await client.post("/v1/things", content=b"x" * 2_000_001, headers=headers)
        assert response.status_code == 413
        response = await client.post("/v1/things/", content=b"{}", headers=headers)
        assert response.status_code in (404, 405)


async def test_over_real_http_every_answer_is_complete(app: FastAPI) -> None:
    plainly = {"Accept-Encoding": "identity"}
    async with served(app) as address, httpx.AsyncClient(base_url=address, headers=plainly) as client:
        for path, status in (
            ("/health/live", 200),
            ("/docs", 200),
            ("/v1/things/bug", 500),
            ("/nothing", 404),
        ):
            response = await client.get(path)
            assert response.status_code == status
            assert len(response.content) == int(response.headers["content-length"])
            assert "server" not in response.headers
        head = await client.head("/health/live")
        assert head.status_code in (200, 405)
