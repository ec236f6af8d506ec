"""The stream behind a page: news as lines of HTML, resumed without gap, seen by whom it concerns alone."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from services.gateway.board.live import Live
from services.gateway.feed import Feed
from services.kernel.problems import TooManyRequests
from tests.gateway.board.world import FROM_OUR_PAGE, HOSTILE, World
from tests.gateway.serving import served

DEADLINE_S = 20.0


@asynccontextmanager
async def live(market: World, who: str) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody's browser over real HTTP, the journal's tail running."""
    tail = asyncio.create_task(market.core.tail.run())
    async with (
        served(market.app) as url,
        market.browser(who) as other,
        httpx.AsyncClient(base_url=url, headers=FROM_OUR_PAGE, cookies=other.cookies, timeout=30.0) as client,
    ):
        yield client
    tail.cancel()
    await asyncio.gather(tail, return_exceptions=True)


class Reader:
    """Reads a stream of Server-Sent Events, some frames at a time."""

    def __init__(self, response: httpx.Response) -> None:
        self._lines = response.aiter_lines()

    async def next(self, count: int) -> list[tuple[str, str]]:
        """Ids and data of the next `count` frames."""
        found: list[tuple[str, str]] = []
        number = ""
        async with asyncio.timeout(DEADLINE_S):
            async for line in self._lines:
                name, _, value = line.partition(": ")
                if name == "id":
                    number = value
                elif name == "data":
                    found.append((number, value))
                    if len(found) == count:
                        break
        return found


def kinds(found: list[tuple[str, str]]) -> list[str]:
    return [kind[1] for _, data in found if (kind := re.search(r'data-kind="(\w+)"', data))]


async def test_the_page_and_its_stream_meet_without_gap(market: World) -> None:
    challenge = await market.challenge()
    async with live(market, "ilo") as browser:
        page = (await browser.get(f"/challenges/{challenge.id}")).text
        connect = re.search(r'sse-connect="([^"]*)"', page)
        assert connect is not None
        # what happens between the page and the stream comes on the stream
        match = await market.match(challenge, await market.company(name=f"Firm {HOSTILE}"))
        async with browser.stream("GET", connect[1]) as response:
            assert response.headers["content-type"].startswith("text/event-stream")
            reader = Reader(response)
            found = await reader.next(2)
            market.clock.advance(1)
            again = market.match(challenge, await market.company(name="Other"), 0.5)
            assert (await again).score == 0.5
            found += await reader.next(1)
    assert kinds(found) == ["new", "new"]
    assert f'data-match="{match.id}"' in found[1][1]
    assert "<script>" not in found[1][1]


async def test_a_reader_that_comes_back_goes_on_behind_what_it_has_seen(market: World) -> None:
    challenge = await market.challenge()
    first = await market.company(name="First")
    await market.match(challenge, first)
    async with live(market, "ilo") as browser:
        async with browser.stream("GET", f"/challenges/{challenge.id}/stream?after=0") as response:
            seen = await Reader(response).next(2)
        market.clock.advance(1)
        await market.match(challenge, first, 0.7)
        await market.matched(challenge)
        headers = {"last-event-id": seen[-1][0]}
        async with browser.stream(
            "GET", f"/challenges/{challenge.id}/stream?after=0", headers=headers
        ) as response:
            found = await Reader(response).next(3)
    assert kinds(seen) == ["new"]
    assert kinds(found) == ["changed", "settled"]


async def test_each_hears_of_its_own_suggestions_alone(market: World) -> None:
    challenge = await market.challenge()
    mine, theirs = await market.company("firm", name="Mine"), await market.company("rival", name="Theirs")
    for company in (theirs, mine):
        await market.match(challenge, company)
    await market.matched(challenge)
    async with live(market, "firm") as browser:
        async with browser.stream("GET", f"/challenges/{challenge.id}/stream?after=0") as response:
            found = await Reader(response).next(3)
        assert (await browser.get(f"/companies/{theirs.id}/stream?after=0")).status_code == 404
        async with browser.stream("GET", f"/companies/{mine.id}/stream?after=0") as response:
            own = await Reader(response).next(3)
    assert kinds(found) == ["new", "settled"]
    assert "Mine" in found[1][1]
    assert kinds(own) == ["amended", "new"], "who saw the draft hears that it was published"


async def test_who_is_not_signed_in_has_no_stream(market: World) -> None:
    challenge = await market.challenge()
    async with market.browser() as nobody:
        answer = await nobody.get(
            f"/challenges/{challenge.id}/stream", headers={"accept": "text/event-stream"}
        )
    assert answer.status_code == 401


async def test_one_session_holds_a_bounded_number_of_streams(market: World) -> None:
    pages = Live(Feed(market.core.database, market.core.tail), per_key=0)
    with pytest.raises(TooManyRequests):
        await pages.open(market.principal("ilo"), "chl_x", None)
