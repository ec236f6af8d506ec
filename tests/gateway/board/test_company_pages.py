"""Companies: whom one sees, what one is told of them, and tables brought in."""

from __future__ import annotations

import re

import pytest

from schemas.delivery import EndpointContent
from services.gateway.board.views.company import lacking
from services.intake.freshness import CONFIRMED_FOR
from tests.conftest import MovableClock
from tests.gateway.board.world import HOSTILE, World, a_match, hidden, join, visible

TABLE = (
    b"name;country;capability\n"
    b"Nova Kryo;Sweden;Cryogenic valves for hydrogen\n"
    b";FR;Nobody's capability\n"
    b"Nova Kryo;Sweden;Helium recovery\n"
    b"Third;Atlantis;Sunken things\n"
)


def names(text: str) -> set[str]:
    return set(re.findall(r'<a href="/companies/cmp_[0-9A-Z]+">([^<]*)</a>', text))


READ = {
    "firm": {"Mine"},
    "rival": {"Theirs"},
    "cluster": {"Mine"},
    "ilo": {"Mine", "Theirs"},
    "admin": {"Mine", "Theirs"},
}


async def test_each_sees_its_own_companies(market: World, subtests: pytest.Subtests) -> None:
    mine, theirs = await market.company("firm", name="Mine"), await market.company("rival", name="Theirs")
    await join(market, mine)
    for who, readable in READ.items():
        async with market.browser(who) as browser:
            with subtests.test(who):
                assert names((await browser.get("/companies")).text) == readable
                for one in (mine, theirs):
                    for part in ("", "/suggestions"):
                        answer = await browser.get(f"/companies/{one.id}{part}")
                        assert answer.status_code == (200 if one.name in readable else 404)
                    if one.name not in readable:
                        assert (await browser.get(f"/companies/{one.id}/stream")).status_code == 404


async def test_the_page_of_a_company_shows_its_challenges_gates_gaps_and_profile(market: World) -> None:
    company = await market.company(
        capabilities=[
            {"id": "c1", "text": f"cryogenic {HOSTILE}", "trl": 7, "certifications": ["ISO 9001"]},
        ],
        references=[{"id": "x1", "text": "Sensors for XFEL", "client": "DESY", "year": 2019}],
        nuts="FRK24",
    )
    for title in ("One", "Two"):
        await market.match(await market.challenge(title=title), company)
    async with market.browser("firm") as browser:
        page = await browser.get(f"/companies/{company.id}")
    seen = visible(page)
    assert "<script>alert" not in page.text
    assert "2 challenges, best first" in seen
    assert "TRL 7 · ISO 9001" in seen
    assert "DESY · 2019" in seen
    assert "Isère (FRK24)" in seen
    assert "readiness (TRL) not known" in seen
    assert "nowhere in the profile: flange (2)" in seen
    assert "No webhook of yours has told of this company yet" in seen


async def test_a_company_without_texts_is_said_to_be_impossible_to_find(anywhere: World) -> None:
    market = anywhere
    silent = await market.company(name="Silent", capabilities=[])
    await market.company(name="Loud")
    async with market.browser("firm") as browser:
        page = await browser.get("/companies")
        assert "✕ cannot be found" in visible(page)
        assert "1 has neither capability nor reference" in visible(page)
        assert names((await browser.get("/companies?show=cannot-be-found")).text) == {"Silent"}
        assert "This company cannot be found." in visible(await browser.get(f"/companies/{silent.id}"))


async def test_what_was_told_by_webhook_is_listed(anywhere: World) -> None:
    market = anywhere
    from services.courier.enqueue import NewMessage, enqueue
    from services.kernel import journal

    company = await market.company()
    await market.match(await market.challenge(title="The line"), company)
    firm = market.principal("firm")
    endpoint = await market.core.endpoints.create(firm, EndpointContent(url="http://localhost:9999/hook"))
    async with market.core.database.write() as tx:
        events = await journal.read(tx, after=0, limit=100, types={"liaison.match.suggested.v1"})
        await enqueue(
            tx,
            [NewMessage(endpoint.id, None, one.id, one.type, b"{}") for one in events],
            now=market.clock.now(),
        )
    async with market.browser("firm") as browser:
        page = await browser.get(f"/companies/{company.id}")
    assert "suggested for The line, 0.83 pending" in visible(page)
    async with market.browser("ilo") as browser:
        assert "No webhook of yours" in visible(await browser.get(f"/companies/{company.id}"))


async def test_a_table_comes_in_and_bad_rows_are_listed_with_their_reason(market: World) -> None:
    async with market.browser("cluster") as browser:
        upload = {"file": ("members.csv", TABLE, "text/csv")}
        page = await browser.post("/companies/import", files=upload, data={"language": "en"})
        seen = visible(page)
        assert page.status_code == 200, seen
        assert "members.csv is in" in seen
        assert re.search(r"New 1 ", seen)
        assert "Atlantis" in seen
        assert len(re.findall(r'<tr><td class="number">\d+</td>', page.text)) == 2
        assert names((await browser.get("/companies")).text) == {"Nova Kryo"}
        again = await browser.post("/companies/import", files=upload, data={"language": "en"})
        assert re.search(r"New 0 Updated 0 Unchanged 1 ", visible(again))


@pytest.mark.parametrize("content", [b"", b"\x00\x01\x02", b"a;b\n1;2\n"])
async def test_a_file_that_is_no_table_is_refused_with_a_sentence(market: World, content: bytes) -> None:
    async with market.browser("cluster") as browser:
        page = await browser.post("/companies/import", files={"file": ("x.csv", content, "text/csv")})
        assert page.status_code == 422
        assert "Nothing came in" in visible(page)
        nothing = await browser.post("/companies/import", data={"language": "en"})
        assert nothing.status_code == 422


async def test_who_may_not_keep_profiles_brings_none_in(market: World) -> None:
    async with market.browser("ilo") as browser:
        assert "Bring in a table" not in (await browser.get("/companies")).text
        page = await browser.post("/companies/import", files={"file": ("x.csv", TABLE, "text/csv")})
    assert page.status_code == 403


async def test_a_stale_profile_says_since_when_and_is_confirmed_by_a_button(
    anywhere: World, clock: MovableClock
) -> None:
    market = anywhere
    company = await market.company(name="Quiet")
    await join(market, company)
    clock.advance(CONFIRMED_FOR.total_seconds() + 86_400)
    await market.company(name="Fresh")
    assert await market.core.staleness.run() == 1
    await market.match(await market.challenge(deadline=clock.now().date()), company)
    address, form = f"/companies/{company.id}", f"/companies/{company.id}/confirm"
    async with market.browser("cluster") as browser:
        listed = await browser.get("/companies?show=stale")
        assert names(listed.text) == {"Quiet"}
        assert "? stale last confirmed 21 November 2026" in visible(listed)
        assert "1 went stale" in visible(listed)
        page = await browser.get(address)
        assert "Nobody has changed or confirmed this profile since 21 November 2026" in visible(page)
        assert form not in page.text  # it receives, and does not act
        assert (await browser.post(form, data={"version": "2"})).status_code == 403
    async with market.browser("ilo") as browser:
        [challenge] = await market.core.intake.challenges.open_challenges()
        listed = await browser.get(f"/challenges/{challenge.id}")
        assert "? stale, last confirmed 21 November 2026" in visible(listed)
    async with market.browser("firm") as browser:
        sent = dict(hidden(await browser.get(address), form))
        assert (await browser.post(form, data={**sent, "version": "1"})).status_code == 412
        sent = dict(hidden(await browser.get(address), form))
        for _ in range(2):  # the button is pressed twice
            answer = await browser.post(form, data=sent)
            assert (answer.status_code, answer.headers["location"]) == (303, address)
        page = await browser.get(address)
        assert "active, version 3" in visible(page)
        assert form not in page.text  # enough for today
        assert names((await browser.get("/companies?show=stale")).text) == set()


async def test_drafts_come_in_by_a_table_and_are_published_on_their_pages(market: World) -> None:
    async with market.browser("cluster") as browser:
        upload = {"file": ("members.csv", TABLE, "text/csv")}
        await browser.post("/companies/import", files=upload, data={"language": "en", "draft": "yes"})
        listed = await browser.get("/companies?show=drafts")
        assert "1 is a draft" in visible(listed)
        [address] = re.findall(r'<a href="(/companies/cmp_[^"]*)">Nova Kryo', listed.text)
        page = await browser.get(address)
        assert "This is a draft." in visible(page)
        async with market.browser("ilo") as stranger:
            assert (await stranger.get(address)).status_code == 404
            await browser.post(f"{address}/publish", data=hidden(page, f"{address}/publish"))
            assert (await stranger.get(address)).status_code == 200
        assert "draft" not in visible(await browser.get(address))


async def test_lacking_counts_challenges_not_requirements(market: World, clock: MovableClock) -> None:
    company = await market.company()
    first, second = await market.challenge(title="A"), await market.challenge(title="B")
    suggestions = [a_match(one, company, 0.8, clock) for one in (first, second)]
    assert lacking(suggestions) == [("flange", 2)]
    assert lacking(suggestions[:1]) == []
