"""Announcements and deadlines without a key: a feed and a calendar that others' programs read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from email.utils import format_datetime

import httpx
import pytest

from services.gateway.syndication import atom
from services.gateway.syndication.kept import Kept
from services.gateway.syndication.public import routes
from services.kernel.database import Database
from tests.conftest import START, MovableClock
from tests.gateway.syndication.reading import events, feed
from tests.intake.people import World, a_challenge, anything, build, principal
from tests.intake.serving import api

PUBLIC_URL = "https://liaison.test"
ANNOUNCEMENTS, DEADLINES = "/feeds/announcements.atom", "/feeds/deadlines.ics"
DEADLINE = date(2027, 2, 1)
UMLAUTS = "Drucksensor für „4 K“; <Helium> & mehr, bis 20 bar — " + "ä" * 60


@pytest.fixture
async def world(database: Database, clock: MovableClock) -> World:
    return await build(database, clock)


@pytest.fixture
async def anybody(world: World) -> AsyncIterator[httpx.AsyncClient]:
    async with api(world, [routes(world.intake.publication, Kept(), PUBLIC_URL)]) as served:
        yield served.client


async def announce(world: World, *, draft: bool = False, **fields: object) -> str:
    made = await world.intake.challenges.announce(principal(world.cern), a_challenge(**fields), draft=draft)
    return made.id


async def test_the_feed_has_every_announcement_once_as_it_is_now(
    world: World, clock: MovableClock, anybody: httpx.AsyncClient
) -> None:
    assert feed(await anybody.get(ANNOUNCEMENTS)).entries == []
    first = await announce(world, title=UMLAUTS, language="de", cpv=["38423000"])
    clock.advance(60)
    second = await announce(world, title="A valve \uffff")
    await announce(world, draft=True, title="Not told yet")
    clock.advance(60)
    await world.intake.challenges.withdraw(principal(world.cern), second, "No money.", anything)

    read = feed(await anybody.get(ANNOUNCEMENTS))
    assert read.feed.links[1].href == PUBLIC_URL + ANNOUNCEMENTS
    gone, announced = read.entries
    assert gone.title == "Withdrawn: A valve \ufffd · CERN · 2027-02-01"
    assert announced.title == f"{UMLAUTS} · CERN · 2027-02-01"
    assert announced.title_detail.language == "de"
    assert announced.link == f"{PUBLIC_URL}/challenges/{first}"
    assert announced.id == atom.urn(first)
    assert announced.author == "CERN"
    assert announced.summary.startswith("We need to measure pressure between 0.1 and 20 bar")
    assert [one.term for one in announced.tags] == ["38423000"]
    assert announced.updated == announced.published == "2026-11-21T09:00:00Z"
    assert (gone.published, gone.updated) == ("2026-11-21T09:01:00Z", "2026-11-21T09:02:00Z")


async def test_who_holds_the_present_one_is_told_so(
    world: World, clock: MovableClock, anybody: httpx.AsyncClient
) -> None:
    await announce(world)
    tags = {}
    for path in (ANNOUNCEMENTS, DEADLINES):
        first = await anybody.get(path)
        clock.advance(60)
        second = await anybody.get(path)
        assert second.content == first.content, "the same state, the same bytes, whenever it is asked"
        tag, modified = first.headers["etag"], first.headers["last-modified"]
        tags[path] = tag
        assert first.headers["cache-control"] == "public, max-age=60"
        for held in (
            {"if-none-match": tag},
            {"if-none-match": f'"x", W/{tag}'},
            {"if-modified-since": modified},
        ):
            answer = await anybody.get(path, headers=held)
            assert (answer.status_code, answer.content) == (304, b"")
            assert answer.headers["etag"] == tag
        early = format_datetime(datetime(2026, 1, 1, tzinfo=UTC), usegmt=True)
        for other in ({"if-none-match": '"x"', "if-modified-since": modified}, {"if-modified-since": early}):
            assert (await anybody.get(path, headers=other)).status_code == 200
        assert (await anybody.get(path, headers={"if-modified-since": "yesterday"})).status_code == 200
        head = await anybody.head(path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == str(len(first.content))
        assert head.headers["etag"] == tag
    await announce(world, title="Another")
    for path, tag in tags.items():
        assert (await anybody.get(path, headers={"if-none-match": tag})).status_code == 200


async def test_both_are_narrowed_as_the_list_is(world: World, anybody: httpx.AsyncClient) -> None:
    await announce(world, title="One", cpv=["38423000"], eligible_countries=["FR"])
    await announce(world, title="Two", cpv=["73120000"], language="fr", eligible_countries=["DE"])
    for asked, titles in (
        ({"cpv": "384"}, ["One"]),
        ({"country": "DE"}, ["Two"]),
        ({"language": "fr"}, ["Two"]),
        ({"words": "PRESSURE two"}, ["Two"]),
        ({"buyer": "cern"}, ["Two", "One"]),
        ({"buyer": "nobody"}, []),
    ):
        read = feed(await anybody.get(ANNOUNCEMENTS, params=asked))
        assert [one.title.split(" · ")[0] for one in read.entries] == titles, asked
        due = events(await anybody.get(DEADLINES, params=asked))
        assert sorted(str(one["summary"]) for one in due) == sorted(
            f"Last day for answers: {title} (CERN)" for title in titles
        )
    wrong = await anybody.get(ANNOUNCEMENTS, params={"contry": "FR"})
    assert (wrong.status_code, wrong.json()["errors"][0]["parameter"]) == (422, "contry")


async def test_the_calendar_has_the_days_to_come(
    world: World, clock: MovableClock, anybody: httpx.AsyncClient
) -> None:
    phases = [
        {"stage": "prototype", "starts": "2027-03-01", "ends": "2027-05-31"},
        {"stage": "validation", "starts": "2027-06-01"},
        {"stage": "servicing"},
    ]
    one = await announce(world, title=UMLAUTS, phases=phases)
    await announce(world, title="Soon", deadline=date(2026, 12, 1))
    patch = a_challenge(title=UMLAUTS, phases=phases, deadline=date(2027, 2, 2), buyer=world.cern.id)
    clock.advance(60)
    await world.intake.challenges.amend(principal(world.cern), one, patch, anything)

    soon, deadline, prototype, validation = events(await anybody.get(DEADLINES))
    assert str(soon["summary"]) == "Last day for answers: Soon (CERN)"
    assert str(deadline["summary"]) == f"Last day for answers: {UMLAUTS} (CERN)"
    assert deadline["dtstart"].params["VALUE"] == "DATE"
    assert (deadline["dtstart"].dt, deadline["dtend"].dt) == (date(2027, 2, 2), date(2027, 2, 3))
    assert (deadline["uid"], deadline["sequence"]) == (f"{one}.deadline@liaison", 2)
    assert deadline["dtstamp"].dt == START.replace(minute=1)
    assert deadline["url"] == f"{PUBLIC_URL}/challenges/{one}"
    assert "0.1 and 20 bar" in deadline["description"]
    assert not deadline.walk("VALARM"), "who looks at all of them is not woken by each"
    assert (prototype["dtstart"].dt, prototype["dtend"].dt) == (date(2027, 3, 1), date(2027, 6, 1))
    assert prototype["uid"] == f"{one}.prototype-1@liaison"
    assert str(validation["summary"]).startswith("Validation begins: ")

    held = (await anybody.get(DEADLINES)).headers["last-modified"]
    clock.advance(14 * 86_400)
    later = await anybody.get(DEADLINES, headers={"if-modified-since": held})
    assert [str(each["uid"]) for each in events(later)] == [
        str(each["uid"]) for each in (deadline, prototype, validation)
    ]
