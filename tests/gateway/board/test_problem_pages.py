"""Errors are pages for people and problem documents for programs."""

from __future__ import annotations

import pytest

from services.kernel.problems import Problem
from tests.gateway.board.world import World, visible


@pytest.mark.parametrize("address", ["/nothing", "/challenges/chl_x", "/v1/nothing", "/static/0/board.css"])
async def test_nothing_there(market: World, address: str) -> None:
    async with market.browser() as browser:
        page = await browser.get(address)
        assert page.status_code == 404
        assert page.headers["content-type"].startswith("text/html")
        assert "default-src 'self'" in page.headers["content-security-policy"]
        assert "There is nothing here" in visible(page)
        program = await browser.get(address, headers={"accept": "*/*"})
    assert program.status_code == 404
    assert program.headers["content-type"] == "application/problem+json"
    assert program.json()["title"] == "Not found"


async def test_not_allowed_says_what_it_takes(market: World) -> None:
    async with market.browser("firm") as browser:
        page = await browser.get("/announce")
    assert page.status_code == 403
    assert "To announce challenges you need the role bso or ilo" in visible(page)


async def test_a_bug_is_a_page_with_nothing_of_the_inside(
    market: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("secret of the inside")

    monkeypatch.setattr(market.core.intake.challenges, "page", broken)
    async with market.browser() as browser:
        page = await browser.get("/")
    assert page.status_code == 500
    assert "This went wrong on our side" in visible(page)
    assert "secret of the inside" not in page.text
    assert Problem.title not in page.text


async def test_a_session_that_ended_is_asked_to_sign_in_and_comes_back(market: World) -> None:
    async with market.browser() as browser:
        read = await browser.get("/settings/endpoints/end_x?after=1")
        assert read.status_code == 303
        assert read.headers["location"] == "/sign-in?next=%2Fsettings%2Fendpoints%2Fend_x%3Fafter%3D1"
        assert "www-authenticate" not in read.headers
        written = await browser.post("/settings/keys", data={"label": "x"})
        assert written.status_code == 401
        assert "Your session has ended" in visible(written)
        program = await browser.get("/v1/journal", headers={"accept": "application/json"})
        assert program.status_code == 401
        assert program.headers["www-authenticate"] == "Bearer"


async def test_a_misspelt_parameter_and_a_body_that_is_no_form(market: World) -> None:
    async with market.browser("ilo") as browser:
        page = await browser.get("/?contry=FR")
        assert page.status_code == 422
        assert "Did you mean 'country'?" in visible(page)
        assert (await browser.post("/announce/check", content=b"x")).status_code == 400
        assert (await browser.post("/announce/check", json={"title": "x"})).status_code == 400
        files = {"file": ("x", b"x", "text/plain")}
        assert (await browser.post("/announce/check", files=files)).status_code == 400
        assert (await browser.post("/companies/import", content=b"x" * 51_000_000)).status_code == 413
        assert (await browser.post("/announce", content=b"x" * 3_000_000)).status_code == 413
