"""Signing in with a key or a link, signing out, and pages that need it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.organisation import KeyContent
from services.gateway.board.sign_in_links import LINK_LIFETIME, LINKS_MAX, SignInLinks
from services.gateway.board.views.sign_in import local
from tests.conftest import MovableClock
from tests.gateway.board.world import FROM_OUR_PAGE, World, visible


async def test_a_key_begins_a_session_and_signing_out_ends_it(market: World) -> None:
    async with market.browser() as browser:
        refused = await browser.get("/settings")
        assert refused.status_code == 303
        assert refused.headers["location"] == "/sign-in?next=%2Fsettings"
        page = await browser.get(refused.headers["location"])
        assert 'name="next" value="/settings"' in page.text
        answer = await browser.post("/sign-in", data={"key": market.keys["firm"], "next": "/settings"})
        assert answer.status_code == 303
        assert answer.headers["location"] == "/settings"
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
        assert market.keys["firm"] not in cookie
        assert "Cryosense" in visible(await browser.get("/settings"))
        await browser.post("/sign-out", data={"x": ""})
        assert (await browser.get("/settings")).status_code == 303


async def test_a_wrong_key_is_refused_with_its_reason(market: World) -> None:
    async with market.browser() as browser:
        for key, reason in (("lia_wrong", "This key is not known"), ("x", "begin with 'lia_'"), ("", "lia_")):
            page = await browser.post("/sign-in", data={"key": key})
            assert page.status_code == 401
            assert reason in visible(page)
        assert "liaison_session" not in browser.cookies


async def test_revoking_the_key_ends_the_session(market: World) -> None:
    issued = await market.core.directory.keys.issue(market.principal("firm"), KeyContent(label="board"))
    async with market.browser() as browser:
        await browser.post("/sign-in", data={"key": issued.secret})
        assert (await browser.get("/companies")).status_code == 200
        await market.core.directory.keys.revoke(market.principal("firm"), issued.id)
        assert (await browser.get("/companies")).status_code == 303
        assert (await browser.get("/")).status_code == 200


async def test_a_link_signs_in_once(market: World) -> None:
    path = market.core.links.make(market.keys["firm"])
    async with market.browser() as one, market.browser() as other:
        answer = await one.get(path)
        assert answer.status_code == 303
        assert (await one.get("/companies")).status_code == 200
        again = await other.get(path)
        assert again.status_code == 401
        assert "has been used" in visible(again)
        assert (await one.get(path)).headers["location"] == "/"


@pytest.mark.parametrize("site", ["cross-site", "same-site", None])
async def test_forms_of_other_sites_are_refused(market: World, site: str | None) -> None:
    headers = {**FROM_OUR_PAGE, "origin": "https://elsewhere.example"}
    del headers["sec-fetch-site"]
    if site:
        headers["sec-fetch-site"] = site
    async with market.browser("ilo") as browser:
        browser.headers.clear()
        for address in ("/sign-in", "/sign-out", "/announce", "/announce/check", "/settings/keys"):
            answer = await browser.post(address, data={"key": market.keys["firm"]}, headers=headers)
            assert answer.status_code == 403, address
            assert "set-cookie" not in answer.headers


def test_links_end_by_time_and_by_number(clock: MovableClock) -> None:
    links = SignInLinks(clock)
    first = links.make("lia_first").rsplit("/", 1)[1]
    for _ in range(LINKS_MAX):
        late = links.make("lia_late").rsplit("/", 1)[1]
    assert links.use(first) is None
    clock.advance(LINK_LIFETIME.total_seconds())
    assert links.use(late) is None


@given(st.text(max_size=30) | st.from_regex(r"[/\\]{0,3}(http:|//)?[a-z./\\:@?#]{0,12}", fullmatch=True))
def test_nobody_is_sent_to_another_site(address: str) -> None:
    found = local(address)
    assert found == "/" or (found == address and found.startswith("/") and found[1:2] not in ("/", "\\"))
