"""Consortia on the board: the picture with what nobody covers, the members' answers, and who is missing."""

from __future__ import annotations

import re

import pytest

from schemas.challenge import Challenge
from schemas.company import Company
from schemas.match import RequirementMatch
from schemas.organisation import Mandate
from services.gateway.board.views import completing
from tests.consortia.town import REQUIREMENTS
from tests.gateway.board.world import HOSTILE, World, hidden, visible


async def answers(market: World, challenge: Challenge, company: Company, **scores: float) -> None:
    requirements = tuple(
        RequirementMatch(
            id=one.id,
            text=one.text,
            kind=one.kind,
            mandatory=one.mandatory,
            score=scores.get(one.id, 0.0),
        )
        for one in challenge.requirements
    )
    await market.match(challenge, company, max(scores.values()), requirements=requirements)


async def review(market: World, challenge: Challenge) -> None:
    write = await market.core.reviewing.reviewing(challenge.id)
    assert write is not None
    async with market.core.database.write() as tx:
        await write(tx)


async def team_of_two(market: World) -> tuple[Challenge, str]:
    """Cryosense answers r1, the rival r2, nobody r3; the id of their consortium."""
    challenge = await market.challenge(requirements=REQUIREMENTS, title=f"Sensor {HOSTILE}")
    await answers(market, challenge, await market.company(name="Cryosense"), r1=0.9)
    await answers(market, challenge, await market.company("rival", name=f"Rad {HOSTILE}"), r2=0.8)
    await market.matched(challenge)
    await review(market, challenge)
    found = await market.core.consortia.of_challenge(market.principal("ilo"), challenge.id)
    return challenge, found.consortia[0].id


async def test_the_picture_names_what_nobody_covers_and_hides_who_the_others_are(anywhere: World) -> None:
    market = anywhere
    challenge, consortium = await team_of_two(market)
    async with market.browser("ilo") as browser:
        page = await browser.get(f"/challenges/{challenge.id}")
        seen = visible(page)
        assert "Who could do it together" in seen
        assert "2 companies from 1 country cover 2 of 3 requirements; missing: r3." in seen
        assert re.search(r'<tr class="open"><th scope="row"><b>r3</b>.*?✕ nobody', page.text, re.DOTALL)
        assert page.text.count("✕ nobody</span>") == 1
        assert "Wanted: A partner that answers r3" in seen
        assert HOSTILE not in page.text
        told = visible(await browser.get(f"/consortia/{consortium}"))
        assert "Cryosense" in told
        assert "Your answer" not in told, "only members answer"
    async with market.browser("firm") as browser:
        page = await browser.get(f"/challenges/{challenge.id}")
        assert "Consortia that need you" in visible(page)
        assert "Rad " not in page.text
        team = await browser.get(f"/consortia/{consortium}")
        assert "a company that you will know when all have consented" in visible(team)
        assert "Rad " not in team.text
    async with market.browser("cluster") as browser:
        assert "No consortium needs a company of yours" in visible(
            await browser.get(f"/challenges/{challenge.id}")
        )
        assert (await browser.get(f"/consortia/{consortium}")).status_code == 404
    async with market.browser() as browser:
        assert "Consortium of" not in (await browser.get(f"/challenges/{challenge.id}")).text


async def test_who_could_do_it_alone_is_asked_to_think_of_competition_law(market: World) -> None:
    """Each of the two covers both phases, and either is in one alone."""
    turns = {"change": "may-change", "members_max": 1}
    phases = [
        {"stage": "design", "composition": {"members_max": 1}},
        {"stage": "validation", "composition": turns},
    ]
    asked = [{"id": "r1", "text": "measure"}, {"id": "r2", "text": "survive"}]
    by_phase = [
        {**one, "phases": [phase]} for one, phase in zip(asked, ("design", "validation"), strict=True)
    ]
    challenge = await market.challenge(requirements=by_phase, phases=phases)
    first, second = await market.company(name="Cryosense"), await market.company("rival", name="Rad")
    await answers(market, challenge, first, r1=0.9, r2=0.4)
    await answers(market, challenge, second, r1=0.4, r2=0.9)
    await market.matched(challenge)
    await review(market, challenge)
    (team,) = (await market.core.consortia.of_challenge(market.principal("ilo"), challenge.id)).consortia
    assert [one.stages for one in team.members] == [("design",), ("validation",)]
    for handle in ("ilo", "firm"):
        shown = await market.core.consortia.get(market.principal(handle), team.id)
        assert shown.competing == ("A", "B")
        async with market.browser(handle) as browser:
            page = visible(await browser.get(f"/consortia/{team.id}"))
            assert "A and B could each do all of it alone." in page
            assert "validation" in page.casefold()


async def test_members_consent_and_go_on_together_by_button(market: World) -> None:
    _, consortium = await team_of_two(market)
    page = f"/consortia/{consortium}"
    for handle in ("firm", "rival"):
        async with market.browser(handle) as browser:
            form = hidden(await browser.get(page), f"{page}/answer")
            sent = await browser.post(f"{page}/answer", data={**form, "answer": "consent"})
            assert (sent.status_code, sent.headers["location"]) == (303, f"{page}#answer")
    async with market.browser("firm") as browser:
        seen = visible(await browser.get(page))
        assert "All 2 members have consented and know each other now." in seen
        assert "Rad " in seen
        form = hidden(await browser.get(page), f"{page}/answer")
        await browser.post(f"{page}/answer", data={**form, "answer": "confirm"})
        assert "✓ goes on" in visible(await browser.get(page))
        wrong = await browser.post(f"{page}/answer", data=form)
        assert (wrong.status_code, "Press one of the buttons" in visible(wrong)) == (422, True)


async def test_who_declines_is_out_and_another_site_s_form_is_refused(market: World) -> None:
    challenge, consortium = await team_of_two(market)
    page = f"/consortia/{consortium}"
    async with market.browser("firm") as browser:
        foreign = {"sec-fetch-site": "cross-site"}
        refused = await browser.post(f"{page}/answer", data={"answer": "decline"}, headers=foreign)
        assert refused.status_code == 403
        sent = await browser.post(f"{page}/answer", data={"answer": "decline", "note": "busy"})
        assert sent.headers["location"] == f"/challenges/{challenge.id}#consortia"
    async with market.browser("ilo") as browser:
        seen = visible(await browser.get(page))
        assert "A member declined, and nobody could take its role." in seen
        assert "busy" not in seen


async def test_a_team_begins_on_the_board_and_asks_who_is_missing(market: World) -> None:
    challenge, _ = await team_of_two(market)
    page = f"/challenges/{challenge.id}/team"
    async with market.browser("firm") as browser:
        first = await browser.get(page)
        form = {**hidden(first, page), "do": "show"}
        nobody = await browser.post(page, data=form)
        assert (nobody.status_code, "Choose at least one company" in visible(nobody)) == (422, True)
        (mine,) = re.findall(r'name="member" value="(cmp_[^"]*)"', first.text)
        shown = await browser.post(page, data={**form, "member": mine})
        assert "covering" in visible(shown)
        assert "Rad " not in shown.text
        zero = await browser.post(page, data={**form, "member": mine, "members_max": "0"})
        assert zero.status_code == 422
        asked = {**hidden(shown, page), "do": "ask", "member": mine}
        sent = await browser.post(page, data=asked)
        assert sent.status_code == 303
        again = await browser.post(page, data=asked)
        assert again.headers["location"] == sent.headers["location"], "pressed twice it is asked once"
        assert "you have consented" in visible(await browser.get(sent.headers["location"]))
    async with market.browser("ilo") as browser:
        assert (await browser.get(page)).status_code == 403
    company = (await market.core.intake.companies.get(market.principal("firm"), mine)).id
    await market.core.directory.members.join(market.principal("firm"), "cluster", company, Mandate())
    async with market.browser("cluster") as browser:
        refused = await browser.post(page, data={**form, "member": mine})
        assert "Begin with a company that you speak for" in visible(refused)


async def test_companies_to_begin_with_are_found_among_more_than_a_page_shows(
    market: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(completing, "COMPANIES_SHOWN", 3)
    monkeypatch.setattr(completing, "FEW", 2)
    challenge = await market.challenge(requirements=REQUIREMENTS)
    first = await market.company(name="Zeta, of long ago")
    for number in range(3):
        await market.company(name=f"Mechanics {number}")
    page = f"/challenges/{challenge.id}/team"
    async with market.browser("firm") as browser:
        shown = await browser.get(page)
        assert "Zeta" not in visible(shown)
        assert "The first 3; find the others" in visible(shown)
        (chosen,) = re.findall(r'value="(cmp_[^"]*)"> Mechanics 1', shown.text)
        found = await browser.post(page, data={"do": "find", "find": "zeta", "member": chosen})
        assert found.status_code == 200
        assert "1 found" in visible(found)
        assert re.search(rf'value="{chosen}" checked', found.text), "what is chosen stays chosen"
        assert first.id in found.text
        assert "Mechanics 0" not in visible(found)
        none = await browser.post(page, data={"do": "find", "find": "nothing of this", "member": "cmp_x"})
        assert "No company of yours has these words." in visible(none)
