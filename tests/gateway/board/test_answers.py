"""The company's answer on the board: forms with and without scripts, figures for the liaison officer."""

from __future__ import annotations

import re

import pytest

from schemas.match import DismissalReason, MatchState
from tests.gateway.board.world import HOSTILE, World, join, visible


async def test_a_company_answers_changes_its_mind_and_takes_it_back(anywhere: World) -> None:
    market = anywhere
    company, challenge = await market.company(), await market.challenge()
    match = (await market.match(challenge, company)).id
    page, firm = f"/matches/{match}", market.principal("firm")
    async with market.browser("firm") as browser:
        shown = visible(await browser.get(page))
        assert "Not for us" in shown
        assert "with this score in the trial on research projects one in 8 really took part" in shown
        assert (await market.core.matches.get(firm, match)).state is MatchState.seen

        sent = await browser.post(
            f"{page}/answer", data={"answer": "interested", "from": "match", "note": "N1"}
        )
        assert (sent.status_code, sent.headers["location"]) == (303, f"{page}#answer")
        assert "✓ interested" in visible(await browser.get(page))
        assert "N1" in (await browser.get(page)).text

        listed = {"reason": "too_far", "from": "company", "note": "N1"}
        sent = await browser.post(f"{page}/answer", data=listed)
        assert (sent.status_code, sent.headers["location"]) == (303, f"/companies/{company.id}#{match}")
        told = visible(await browser.get(f"/companies/{company.id}"))
        assert "✕ not for us: too far from what we do" in told
        found = await market.core.matches.get(firm, match)
        assert found.answer is not None
        assert (found.answer.reason, found.answer.note) == (DismissalReason.too_far, "N1")

        await browser.post(f"{page}/answer", data={"answer": "back", "from": "match"})
        assert "✕" not in visible(await browser.get(f"/companies/{company.id}"))
        assert (await market.core.matches.get(firm, match)).answer is None


async def test_with_scripts_the_form_alone_is_replaced(market: World) -> None:
    company, challenge = await market.company(), await market.challenge()
    match = (await market.match(challenge, company)).id
    async with market.browser("firm") as browser:
        part = await browser.post(
            f"/matches/{match}/answer",
            data={"answer": "interested", "from": "company"},
            headers={"hx-request": "true"},
        )
    assert part.status_code == 200
    assert part.text.lstrip().startswith(f'<form class="answer" id="answer-{match}"')
    assert "autofocus" in part.text
    assert "Take back" in part.text


@pytest.mark.parametrize(
    ("who", "status"), [("ilo", 403), ("admin", 403), ("cluster", 403), ("ess", 404), ("rival", 404)]
)
async def test_nobody_else_answers_or_counts_as_looking(market: World, who: str, status: int) -> None:
    company, challenge = await market.company(), await market.challenge()
    match = (await market.match(challenge, company)).id
    if who == "cluster":
        await join(market, company)
    async with market.browser(who) as browser:
        answer = await browser.post(f"/matches/{match}/answer", data={"answer": "interested"})
        assert answer.status_code == status
        page = await browser.get(f"/matches/{match}")
        if status == 403:
            assert "Not for us" not in page.text
        else:
            assert page.status_code == 404
    found = await market.core.matches.get(market.admin, match)
    assert found.answer is None
    assert found.state is (MatchState.seen if who == "cluster" else MatchState.suggested)


async def test_a_form_without_a_known_answer_changes_nothing(market: World) -> None:
    match = (await market.match(await market.challenge(), await market.company())).id
    async with market.browser("firm") as browser:
        for wrong in ({"from": "match"}, {"answer": "perhaps"}, {"reason": "bored"}, {"answer": "dismissed"}):
            assert (await browser.post(f"/matches/{match}/answer", data=wrong)).status_code == 422
        foreign = {"sec-fetch-site": "cross-site"}
        refused = await browser.post(
            f"/matches/{match}/answer", data={"answer": "interested"}, headers=foreign
        )
        assert refused.status_code == 403
    assert (await market.core.matches.get(market.admin, match)).answer is None


async def test_the_liaison_officer_sees_figures_and_answers_and_never_why(market: World) -> None:
    challenge = await market.challenge()
    mine, theirs = await market.company(), await market.company("rival", name="Rival SA")
    await market.matched(challenge)
    match = (await market.match(challenge, mine)).id
    other = (await market.match(challenge, theirs, 0.7)).id
    async with market.browser("firm") as firm, market.browser("rival") as rival:
        await firm.post(f"/matches/{match}/answer", data={"answer": "interested", "note": HOSTILE})
        await rival.post(f"/matches/{other}/answer", data={"reason": "no_capacity", "note": "Until spring"})
        own = await rival.get(f"/challenges/{challenge.id}")
        assert "✕ not for us" in visible(own)
        assert "interested" not in visible(own).replace("interested in", "")
        escaped = await firm.get(f"/matches/{match}")
        assert HOSTILE not in escaped.text
    async with market.browser("ilo") as browser:
        page = await browser.get(f"/challenges/{challenge.id}")
        text = visible(page)
        assert "0 notified 2 opened 1 interested 1 not for them" in text
        assert "✓ interested" in text
        order = re.findall(r'id="(mat_[0-9A-Z]+)"', page.text)
        assert order == [match, other], "by score, whatever was answered"
        for read in (page, await browser.get(f"/matches/{other}")):
            assert "capacity" not in visible(read)
            assert "Until spring" not in read.text


async def test_what_is_over_shows_its_answer_and_asks_for_none(market: World) -> None:
    company, challenge = await market.company(), await market.challenge()
    match = (await market.match(challenge, company)).id
    async with market.browser("firm") as browser:
        await browser.post(f"/matches/{match}/answer", data={"answer": "interested", "note": "Call them"})
        market.clock.advance(400 * 86_400)
        page = await browser.get(f"/matches/{match}")
        assert "✓ interested" in visible(page)
        assert "Call them" in visible(page)
        assert "Not for us" not in page.text
        late = await browser.post(f"/matches/{match}/answer", data={"reason": "too_far"})
        assert late.status_code == 409
