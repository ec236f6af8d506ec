"""Who is speaking, by key and by session."""

from __future__ import annotations

import httpx
import pytest
from starlette.responses import Response

from services.kernel.web.session import SESSION_COOKIE, Sessions
from tests.kernel.web.application import bearer

SESSIONS = Sessions("x" * 40, secure=False)


@pytest.mark.parametrize(
    ("method", "path", "key", "status"),
    [
        ("GET", "/read", "lia_reader", 200),
        ("GET", "/read", "lia_writer", 200),
        ("POST", "/write", "lia_reader", 403),
        ("POST", "/write", "lia_writer", 200),
        ("POST", "/write", "lia_admin", 200),
        ("GET", "/manage", "lia_writer", 403),
        ("GET", "/manage", "lia_manager", 200),
        ("GET", "/administer", "lia_manager", 403),
        ("GET", "/administer", "lia_admin", 200),
        ("GET", "/read", "lia_unknown", 401),
        ("GET", "/anybody", "lia_unknown", 401),
    ],
)
async def test_scopes_and_roles(
    simple: httpx.AsyncClient, method: str, path: str, key: str, status: int
) -> None:
    response = await simple.request(method, path, headers=bearer(key))
    assert response.status_code == status


@pytest.mark.parametrize("header", [None, "Basic YTpi", "Bearer", "Bearer nonsense", "lia_writer", "bearer"])
async def test_without_a_key(simple: httpx.AsyncClient, header: str | None) -> None:
    response = await simple.get("/read", headers={"Authorization": header} if header is not None else {})
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert "Authorization: Bearer lia_" in response.json()["detail"]


async def test_anybody_may_come(simple: httpx.AsyncClient) -> None:
    assert (await simple.get("/anybody")).json() == "nobody"
    assert (await simple.get("/anybody", headers=bearer("lia_other"))).json() == "org_b"


def cookie(value: str, **headers: str) -> dict[str, str]:
    return {"Cookie": f"{SESSION_COOKIE}={value}", **headers}


async def test_a_session_reads_and_writes_from_our_own_pages(simple: httpx.AsyncClient) -> None:
    sealed = SESSIONS.seal("lia_writer")
    assert (await simple.get("/read", headers=cookie(sealed))).json() == "org_a"
    for headers in ({"Sec-Fetch-Site": "same-origin"}, {"Origin": "http://test"}):
        assert (await simple.post("/write", headers=cookie(sealed, **headers))).status_code == 200
    for headers in (
        {},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://test"},
        {"Sec-Fetch-Site": "same-site"},
    ):
        assert (await simple.post("/write", headers=cookie(sealed, **headers))).status_code == 403


@pytest.mark.parametrize(
    "value",
    [
        "nonsense",
        "",
        pytest.param(SESSIONS.seal("lia_revoked"), id="of a key that was revoked"),
        pytest.param(Sessions("y" * 40, secure=True).seal("lia_writer"), id="sealed with another secret"),
    ],
)
async def test_a_session_that_does_not_count_is_nobody(simple: httpx.AsyncClient, value: str) -> None:
    assert (await simple.get("/anybody", headers=cookie(value))).json() == "nobody"
    assert (await simple.get("/read", headers=cookie(value))).status_code == 401


def test_the_cookie_is_kept_from_scripts_and_other_sites() -> None:
    response = Response()
    Sessions("x" * 40, secure=True).begin(response, "lia_writer")
    set_cookie = response.headers["set-cookie"]
    assert "lia_writer" not in set_cookie
    for flag in ("HttpOnly", "Secure", "SameSite=lax", "Path=/"):
        assert flag in set_cookie
