"""The list of challenges: for everybody, newest first, narrowed by words, buyer, country and code."""

from __future__ import annotations

import re
from datetime import date

import pytest

from tests.gateway.board.world import HOSTILE, World, visible


def titles(text: str) -> list[str]:
    return re.findall(r'<h2><a href="/challenges/chl_[0-9A-Z]+">([^<]*)</a></h2>', text)


async def test_an_empty_board_says_what_will_appear_and_how(market: World) -> None:
    async with market.browser() as nobody, market.browser("ilo") as ilo:
        page = await nobody.get("/")
        assert page.status_code == 200
        assert "No challenge is open yet" in visible(page)
        assert "liaison announce FILE" in visible(page)
        assert 'href="/announce"' in (await ilo.get("/")).text
        assert 'href="/announce"' not in page.text


async def test_everybody_sees_open_challenges_newest_first_with_buyer_deadline_and_days(
    market: World,
) -> None:
    await market.challenge(title="First")
    await market.challenge(title="Second", eligible_countries=["FR", "CH"])
    async with market.browser() as nobody:
        page = await nobody.get("/")
    assert titles(page.text) == ["Second", "First"]
    seen = visible(page)
    assert "CERN" in seen
    assert "72 days left" in seen
    assert "1 February 2027" in seen
    assert "2 Feb 2027, 12:00 UTC" in seen  # when that day has ended everywhere
    assert "open to France, Switzerland" in seen
    assert "open to every country" in seen


async def test_the_list_is_there_as_a_feed_and_a_calendar_narrowed_as_it_is(market: World) -> None:
    await market.challenge()
    async with market.browser() as nobody:
        for query, rest in (("", ""), ("?cpv=384&words=4+K&closed=yes", "?cpv=384&amp;words=4+K")):
            page = await nobody.get(f"/{query}")
            for path, media in (
                ("announcements.atom", "application/atom+xml"),
                ("deadlines.ics", "text/calendar"),
            ):
                address = f"/feeds/{path}{rest}"
                found = re.findall(
                    rf'<link rel="alternate" type="{re.escape(media)}"[^>]*href="([^"]*)"', page.text
                )
                assert found == [address]
                assert f'<a href="{address}" type="{media}">' in page.text


async def test_what_is_over_is_shown_on_request_alone(market: World) -> None:
    await market.challenge(title="Soon over", deadline=date(2026, 11, 22))
    market.clock.advance(3 * 86_400)
    async with market.browser() as nobody:
        assert titles((await nobody.get("/")).text) == []
        page = await nobody.get("/?closed=yes")
    assert titles(page.text) == ["Soon over"]
    assert "closed" in visible(page)


NARROWED = [
    ("words=helium+pressure", ["Pressure"]),
    ("words=HELIUM", ["Pressure"]),
    ("words=helium+mirror", []),
    ("buyer=cern", ["Mirror", "Pressure"]),
    ("buyer=ess", []),
    ("buyer=nobody-knows", []),
    ("country=FR", ["Mirror", "Pressure"]),
    ("country=CH", ["Pressure"]),
    ("cpv=38636", ["Mirror"]),
    ("cpv=38636110-1", ["Mirror"]),
    ("cpv=99", []),
    ("words=&buyer=&country=&cpv=", ["Mirror", "Pressure"]),
    ("words=%25", []),
]


async def test_the_list_is_narrowed(anywhere: World, subtests: pytest.Subtests) -> None:
    market = anywhere
    await market.challenge(title="Pressure", need="A helium line needs a pressure sensor.")
    await market.challenge(
        title="Mirror",
        need="A deformable mirror for a telescope.",
        cpv=["38636110"],
        eligible_countries=["FR"],
    )
    async with market.browser() as nobody:
        for query, found in NARROWED:
            page = await nobody.get(f"/?{query}")
            with subtests.test(query):
                assert page.status_code == 200
                assert titles(page.text) == found
                assert found or "Nothing here fits" in visible(page)


async def test_the_list_goes_on_behind_twenty(market: World) -> None:
    for number in range(21):
        await market.challenge(title=f"Number {number}")
    async with market.browser() as nobody:
        first = await nobody.get("/?words=Number")
        assert titles(first.text) == [f"Number {number}" for number in range(20, 0, -1)]
        older = re.search(r'<a href="([^"]*)" rel="next">', first.text)
        assert older is not None
        second = await nobody.get(older[1].replace("&amp;", "&"))
    assert titles(second.text) == ["Number 0"]
    assert 'rel="next"' not in second.text
    assert ">Newest</a>" in second.text


async def test_numbers_of_suggestions_are_those_one_may_see(anywhere: World) -> None:
    market = anywhere
    challenge = await market.challenge()
    await market.match(challenge, await market.company("firm"))
    await market.match(challenge, await market.company("rival", name="Rival"))
    for browsing, count in (("ilo", "Suggestions 2"), ("firm", "Suggestion 1"), ("cern", "Suggestions 2")):
        async with market.browser(browsing) as browser:
            assert count in visible(await browser.get("/")), browsing
    for who in (None, "ess", "cluster"):
        async with market.browser(who) as browser:
            page = await browser.get("/")
        assert re.search(r"Suggestions? \d", visible(page)) is None, who


async def test_hostile_texts_stay_texts(market: World) -> None:
    challenge = await market.challenge(title=f"Title {HOSTILE}", need=f"We need {HOSTILE} at 4 K.")
    async with market.browser() as nobody:
        for address in (f"/?words={HOSTILE}", "/", f"/challenges/{challenge.id}"):
            page = await nobody.get(address)
            assert page.status_code == 200
            assert "<script>alert" not in page.text
            assert "<img" not in page.text
            assert "{{ 7*7 }}" in page.text or "words=" in address


async def test_the_first_view_is_light_and_everything_is_kept_by_browsers(market: World) -> None:
    for number in range(20):
        await market.challenge(title=f"Number {number}", need="A need of some words. " * 40)
    async with market.browser() as nobody:
        page = await nobody.get("/")
        files = re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text)
        assert len(files) == 3
        answers = [await nobody.get(file) for file in files]
    weight = len(page.content) + sum(len(one.content) for one in answers)
    assert weight < 100_000, "uncompressed"
    assert all("immutable" in one.headers["cache-control"] for one in answers)
    policy = page.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert " style=" not in page.text
    assert "<style" not in page.text
