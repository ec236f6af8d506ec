"""A profile written and changed by hand."""

from __future__ import annotations

import re
from html import unescape

import httpx
import pytest

from schemas.company import Company
from services.intake.company_store import CompanyFilter
from tests.gateway.board.world import HOSTILE, World, hidden, join, visible

NEW = {
    "name": "Nova Kryo",
    "country": "SE",
    "size_class": "small",
    "capability-text-0": "Cryogenic valves for hydrogen",
    "capability-trl-0": "7",
    "capability-language-0": "en",
    "capability-text-1": "Värmeväxlare för helium",
    "capability-language-1": "Swedish",
    "reference-text-0": "Valves for a test stand",
    "reference-client-0": "ESS",
    "reference-year-0": "2024",
    "languages": "Swedish, en",
    "cpv": "42130000",
}


def filled(page: httpx.Response, action: str) -> dict[str, str]:
    """The fields of the form, as a browser would send them untouched."""
    fields = dict(hidden(page, action))
    for name, text in re.findall(r'<textarea[^>]*name="([^"]+)"[^>]*>([^<]*)</textarea>', page.text):
        fields[name] = unescape(text)
    for name, value in re.findall(
        r'<input (?![^>]*type="(?:hidden|checkbox)")[^>]*name="([^"]+)"[^>]*value="([^"]*)"', page.text
    ):
        fields[name] = unescape(value)
    for name, options in re.findall(r'<select[^>]*name="([^"]+)"[^>]*>(.*?)</select>', page.text, re.DOTALL):
        chosen = re.search(r'<option(?: value="([^"]*)")? selected>([^<]*)<', options)
        fields[name] = (chosen[1] or chosen[2]) if chosen else ""
    return fields


async def kept(market: World) -> list[Company]:
    return await market.core.intake.companies.page(market.principal("firm"), CompanyFilter(), limit=10)


async def only(market: World) -> Company:
    [found] = await kept(market)
    return found


async def test_a_profile_is_written_and_found(market: World) -> None:
    async with market.browser("firm") as browser:
        listing = await browser.get("/companies")
        assert 'href="/companies/new"' in listing.text
        page = await browser.get("/companies/new")
        assert filled(page, "/companies/new")["country"] == "FR", "that of the organisation"
        sent = filled(page, "/companies/new") | NEW
        answer = await browser.post("/companies/new", data=sent)
        again = await browser.post("/companies/new", data=sent)
        assert answer.status_code == again.status_code == 303
        assert answer.headers["location"] == again.headers["location"]
        seen = visible(await browser.get(answer.headers["location"]))
    made = await only(market)
    assert (made.name, made.country, made.state, made.size_class) == ("Nova Kryo", "SE", "active", "small")
    assert [(one.id, one.language, one.trl) for one in made.capabilities] == [
        ("c1", "en", 7),
        ("c2", "sv", None),
    ]
    assert [(one.id, one.client, one.year) for one in made.references] == [("x1", "ESS", 2024)]
    assert (made.languages, made.cpv) == (("sv", "en"), ("42130000",))
    assert "Cryogenic valves for hydrogen" in seen


async def test_a_draft_stays_one(market: World) -> None:
    async with market.browser("firm") as browser:
        await browser.post("/companies/new", data=NEW | {"draft": "yes"})
    assert (await only(market)).state == "draft"


async def test_what_the_form_does_not_show_stays(market: World) -> None:
    before = await market.company(
        name=f"Optiek {HOSTILE}",
        capabilities=[
            {
                "id": "laser",
                "text": f"Lasers {HOSTILE}",
                "language": "nl",
                "trl": 8,
                "stages": ["servicing"],
                "evidence": "a report",
                "certifications": ["ISO 9001"],
            },
            {"id": "c1", "text": "Mirrors"},
        ],
        references=[
            {"id": "x9", "text": "A telescope", "client": "ESO", "year": 2019, "stages": ["research"]}
        ],
        related_undertakings=["cmp_other"],
        ip_position="Two patents",
        website="https://optiek.example",
    )
    address = f"/companies/{before.id}/edit"
    async with market.browser("firm") as browser:
        assert f'href="{address}"' in (await browser.get(f"/companies/{before.id}")).text
        page = await browser.get(address)
        assert "<script>alert" not in page.text
        untouched = await browser.post(address, data=filled(page, address))
        assert untouched.status_code == 303
        assert await only(market) == before, "nothing changed, no version was made"
        sent = filled(page, address) | {"capability-text-1": "", "capability-text-2": "Prisms"}
        assert (await browser.post(address, data=sent)).status_code == 303
    after = await only(market)
    assert after.version == before.version + 1
    assert after.capabilities[0] == before.capabilities[0]
    assert [(one.id, one.text, one.language) for one in after.capabilities[1:]] == [("c1", "Prisms", "en")]
    assert after.references == before.references
    assert after.related_undertakings == before.related_undertakings


async def test_what_is_wrong_is_told_in_its_place_and_nothing_is_lost(market: World) -> None:
    async with market.browser("firm") as browser:
        wrong = {
            "cpv": "3511",
            "website": "optiek",
            "capability-trl-0": "7",
            "capability-language-1": "Elvish",
            "reference-year-0": "19",
        }
        page = await browser.post("/companies/new", data=NEW | wrong)
        assert page.status_code == 422
        for place in ("cpv", "website", "capability-1", "reference-0"):
            assert f'id="{place}-wrong"' in page.text
        assert "begins with https://" in visible(page)
        shown = filled(page, "/companies/new")
        mended = {"cpv": "", "website": "", "capability-language-1": "sv", "reference-year-0": "2019"}
        assert {name: shown[name] for name in NEW | wrong} == NEW | wrong
        assert (await browser.post("/companies/new", data=shown | mended)).status_code == 303
    assert (await only(market)).references[0].year == 2019


async def test_rows_are_added_and_nothing_is_written_by_that(market: World) -> None:
    async with market.browser("firm") as browser:
        page = await browser.post("/companies/new", data=NEW | {"name": "", "more": "yes"})
        assert page.status_code == 200
        shown = filled(page, "/companies/new")
        texts = [shown[f"capability-text-{place}"] for place in range(4)]
        assert texts == [NEW["capability-text-0"], NEW["capability-text-1"], "", ""]
    assert not await kept(market)


async def test_who_was_slower_overwrites_nothing_and_keeps_what_it_wrote(market: World) -> None:
    before = await market.company(capabilities=[{"id": "c1", "text": "Mirrors"}])
    address = f"/companies/{before.id}/edit"
    async with market.browser("firm") as one, market.browser("firm") as other:
        mine, theirs = ({"capability-text-0": text} for text in ("Prisms", "Lenses"))
        shown = filled(await one.get(address), address)
        assert (await other.post(address, data=shown | theirs)).status_code == 303
        assert (await other.post(address, data=shown | theirs)).status_code == 303, "the button, twice"
        refused = await one.post(address, data=shown | mine)
        assert refused.status_code == 412
        assert "Somebody changed this profile while you wrote" in visible(refused)
        assert (await only(market)).capabilities[0].text == "Lenses"
        written = filled(refused, address)
        assert written["capability-text-0"] == "Prisms"
        assert (await one.post(address, data=written)).status_code == 303
    assert (await only(market)).capabilities[0].text == "Prisms"


async def test_who_may_not_change_it_is_told_why(market: World, subtests: pytest.Subtests) -> None:
    company = await market.company()
    await join(market, company)
    address = f"/companies/{company.id}/edit"
    for who, status in {"rival": 404, "ilo": 403, "cluster": 403, "admin": 200}.items():
        async with market.browser(who) as browser:
            with subtests.test(who):
                page = await browser.get(address)
                assert page.status_code == status
                assert (await browser.post(address, data=NEW)).status_code == (
                    412 if status == 200 else status
                )
    async with market.browser("ilo") as browser:
        assert (await browser.get("/companies/new")).status_code == 403
        assert 'href="/companies/new"' not in (await browser.get("/companies")).text
        assert (await browser.post("/companies/new", data=NEW)).status_code == 403


async def test_a_company_that_is_here_already_is_named(market: World) -> None:
    there = await market.company(name="Nova Kryo", country="SE")
    async with market.browser("firm") as browser:
        page = await browser.post("/companies/new", data=NEW)
        assert page.status_code == 409
        assert there.id in visible(page)
        assert filled(page, "/companies/new")["capability-text-0"] == NEW["capability-text-0"]
