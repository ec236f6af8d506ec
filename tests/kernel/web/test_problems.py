"""Every error is problem+json with a sentence that says what to do."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from services.kernel.problems import Conflict, NotFound, PreconditionFailed
from services.kernel.web.idempotency import IdempotencyKeyInFlight
from services.kernel.web.problems import responses_for


async def post(client: httpx.AsyncClient, body: Any, **keywords: Any) -> tuple[int, dict[str, Any]]:
    response = await client.post("/validate", json=body, **keywords)
    return response.status_code, response.json()


def is_problem(response: httpx.Response, status: int) -> dict[str, Any]:
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body["status"] == status
    assert body["title"]
    assert body["detail"].endswith((".", "?", "!"))
    return body


async def test_a_typed_problem(simple: httpx.AsyncClient) -> None:
    body = is_problem(await simple.get("/missing"), 404)
    assert body["type"].endswith("/problems/not-found")
    assert body["instance"] == "/missing"


async def test_what_the_framework_refuses(simple: httpx.AsyncClient) -> None:
    is_problem(await simple.get("/nowhere"), 404)
    response = await simple.delete("/missing")
    is_problem(response, 405)
    assert response.headers["allow"] == "GET"


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b'{"title": "\xff"}',
        b'{"title": 1' + b"0" * 5_000 + b"}",
        b"[" * 100_000,
        b'\xef\xbb\xbf{"a":1}',
    ],
)
async def test_a_body_that_is_no_json(simple: httpx.AsyncClient, content: bytes) -> None:
    response = await simple.post("/validate", content=content, headers={"Content-Type": "application/json"})
    assert response.status_code in (400, 422)
    is_problem(response, response.status_code)
    assert len(response.content) < 2_000


async def test_another_kind_of_body(simple: httpx.AsyncClient) -> None:
    response = await simple.post("/validate", content=b"<a/>", headers={"Content-Type": "text/xml"})
    is_problem(response, 415)


async def test_wrong_fields_are_named_by_pointer(simple: httpx.AsyncClient) -> None:
    status, body = await post(
        simple,
        {
            "titel": "x",
            "parts": [{"id": "a", "text": "t"}, {"id": 3, "text": "\x00"}],
            "a/b~c": 1,
            "buyer": "Not A Handle",
            "follow": {"kind": "own-profile"},
        },
    )
    assert status == 422
    said = {(error["pointer"], error["detail"]) for error in body["errors"]}
    assert ("/title", "This is required. Is 'titel' meant for it?") in said
    assert ("/parts/1/id", "This must be a text.") in said
    assert any(pointer == "/parts/1/text" and "control character" in detail for pointer, detail in said)
    assert any(pointer == "/a~1b~0c" for pointer, _ in said)
    assert any(pointer == "/buyer" for pointer, _ in said)
    assert ("/follow/company", "This is required.") in said
    assert body["detail"] == f"{len(body['errors'])} places are wrong: see errors."


async def test_a_wrong_code_is_a_problem_type_of_its_own(simple: httpx.AsyncClient) -> None:
    status, body = await post(simple, {"title": "x", "cpv": ["38423000", "3511"]})
    assert (status, body["title"]) == (422, "Unknown CPV code")
    assert body["type"].endswith("/problems/unknown-cpv")
    assert body["errors"][0]["pointer"] == "/cpv/1"
    assert "Did you mean 35110000" in body["errors"][0]["detail"]
    _, body = await post(simple, {"title": "x", "country": "Germany"})
    assert body["title"] == "Unknown country code"


async def test_wrong_parameters_are_named(simple: httpx.AsyncClient) -> None:
    status, body = await post(simple, {"title": "x"}, params={"limit": "many"})
    assert status == 422
    assert body["errors"] == [{"parameter": "limit", "detail": "This must be a whole number."}]


async def test_half_a_surrogate_pair_is_answered(simple: httpx.AsyncClient) -> None:
    response = await simple.post(
        "/validate",
        content=b'{"title": "\\ud800", "\\udfff": 1}',
        headers={"Content-Type": "application/json"},
    )
    is_problem(response, 422)


async def test_an_enormous_wrong_body_gets_a_short_answer(simple: httpx.AsyncClient) -> None:
    response = await simple.post("/validate", json={"title": "x", "parts": [{}] * 20_000, "k" * 9_999: 1})
    body = is_problem(response, 422)
    assert len(body["errors"]) == 50
    assert len(response.content) < 10_000


async def test_something_outside_is_down(simple: httpx.AsyncClient) -> None:
    response = await simple.get("/transient")
    body = is_problem(response, 503)
    assert response.headers["retry-after"] == "1"
    assert "vector store" not in body["detail"]


async def test_a_bug_is_a_problem_without_its_details(simple: httpx.AsyncClient) -> None:
    body = is_problem(await simple.get("/bug"), 500)
    assert "Zero" not in body["detail"]


def test_openapi_entries_share_a_status() -> None:
    entries = responses_for(NotFound, Conflict, IdempotencyKeyInFlight, PreconditionFailed)
    assert sorted(entries) == [404, 409, 412]
    assert "; or: " in entries[409]["description"]
    assert "application/problem+json" in entries[404]["content"]
