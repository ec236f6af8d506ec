"""The way of a challenge on its page: everybody sees where it stands, its own people lead it."""

from __future__ import annotations

from datetime import date
from typing import Any

import httpx
import pytest

from schemas.challenge import Challenge, ChallengeState, ChallengeStep
from tests.gateway.board.world import HOSTILE, World, hidden, visible


async def lead(market: World, challenge: Challenge, to: str, **said: Any) -> Challenge:
    step = ChallengeStep.model_validate({"to": to, **said})
    return await market.core.intake.challenges.step(
        market.principal("ilo"), challenge.id, step, lambda _: None
    )


async def send(browser: httpx.AsyncClient, challenge: Challenge, **fields: str) -> httpx.Response:
    """As the page that is open now sends it: the version that it shows goes along."""
    page = await browser.get(f"/challenges/{challenge.id}")
    action = f"/challenges/{challenge.id}/step"
    return await browser.post(action, data={**hidden(page, action), **fields})


async def test_its_own_people_lead_a_challenge_to_a_decision_that_everybody_reads(anywhere: World) -> None:
    market = anywhere
    challenge = await market.challenge()
    address = f"/challenges/{challenge.id}"
    async with market.browser("cern") as buyer, market.browser() as nobody:
        page = await buyer.get(address)
        assert '<li aria-current="step">announced' in page.text
        assert "Give it up" in visible(page), "whoever was asked is to be heard"
        assert "choose …" not in visible(page)
        assert (await send(buyer, challenge, to="consultation-closed")).status_code == 303
        page = await buyer.get(address)
        assert '<li aria-current="step">consultation closed' in page.text
        assert "Close the consultation" not in visible(page)
        dialogue = f"{address}/dialogue"
        assert f'action="{dialogue}/entries"' in (await buyer.get(dialogue)).text, "it is answered still"
        report = "https://cern.example/report"
        assert (await send(buyer, challenge, to="reported", title="What we heard", url=report)).is_redirect
        said = {"outcome": "tender", "reason": f"Three can do it. {HOSTILE}"}
        assert (await send(buyer, challenge, to="decided", **said)).is_redirect
        assert "Add to the decision" in visible(await buyer.get(address))
        notice = "https://ted.europa.eu/1"
        later = await send(buyer, challenge, to="decided", outcome="tender", notice=notice)
        assert later.is_redirect
        over = await buyer.get(dialogue)
        seen = await nobody.get(address)
        versions = await nobody.get(f"{address}/versions")
        listed = await nobody.get("/?state=decided")
        open_ones = await nobody.get("/")
    assert "The challenge is decided: its dialogue is over." in visible(over)
    assert f'action="{dialogue}/entries"' not in over.text
    assert "Decided: a call for tenders. Notice of the procedure" in visible(seen)
    assert f'<a href="{notice}"' in seen.text
    assert f'<a href="{report}" rel="noopener noreferrer">What we heard</a>' in seen.text
    assert "Three can do it." in visible(seen)
    assert "<script>alert" not in seen.text
    assert "days left" not in visible(seen)
    assert f'action="{address}/step"' not in seen.text
    assert "✓ consultation closed" in visible(seen)
    assert "consulting" not in visible(seen).split("The way")[1].split("✓")[0], "it was left out"
    assert "outcome: tender" in visible(versions)
    assert "decided: a call for tenders" in visible(listed)
    assert challenge.title in visible(listed)
    assert challenge.title not in visible(open_ones)


async def test_a_step_from_a_page_that_is_not_up_to_date_overwrites_nothing(market: World) -> None:
    challenge = await market.challenge()
    action = f"/challenges/{challenge.id}/step"
    async with market.browser("ilo") as ilo:
        old = hidden(await ilo.get(f"/challenges/{challenge.id}"), action)
        await lead(market, challenge, "consulting")
        refused = await ilo.post(action, data={**old, "to": "consultation-closed"})
        assert refused.status_code == 412
        now = await market.core.intake.challenges.get(None, challenge.id)
    assert now.state is ChallengeState.consulting


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"to": "decided", "reason": "Why not"}, "Choose what was decided."),
        ({"to": "decided", "outcome": "buy", "notice": "https://ted.europa.eu/1"}, "only a tender has one"),
        ({"to": "reported", "url": "ftp://cern.example"}, "https"),
    ],
)
async def test_what_is_wrong_is_said_beside_what_was_typed(
    market: World, fields: dict[str, str], told: str
) -> None:
    challenge = await lead(market, await market.challenge(), "consultation-closed")
    async with market.browser("ilo") as ilo:
        page = await send(ilo, challenge, **fields)
    assert page.status_code == 422
    assert told in visible(page)
    for name in ("reason", "notice", "url"):
        assert fields.get(name, "") in page.text
    assert '<details class="add" open>' in page.text


async def test_others_see_the_way_and_lead_nothing(market: World) -> None:
    challenge = await market.challenge()
    for who in ("firm", "ess", None):
        async with market.browser(who) as browser:
            page = await browser.get(f"/challenges/{challenge.id}")
            assert 'aria-current="step"' in page.text
            assert "Close the consultation" not in visible(page)
    async with market.browser("ess") as other:
        action = f"/challenges/{challenge.id}/step"
        refused = await other.post(action, data={"to": "consultation-closed", "version": "1"})
    assert refused.status_code == 403


async def test_after_the_deadline_the_consultation_is_to_be_closed_and_not_opened(market: World) -> None:
    challenge = await market.challenge(deadline=date(2026, 12, 1))
    market.clock.advance(20 * 86_400)
    async with market.browser("ilo") as ilo:
        page = visible(await ilo.get(f"/challenges/{challenge.id}"))
    assert "Close the consultation" in page
    assert "Open the consultation" not in page


async def test_a_step_is_no_reason_to_wait_for_matching_again(market: World) -> None:
    challenge = await market.challenge()
    await market.matched(challenge)
    await lead(market, challenge, "consulting")
    async with market.browser("ilo") as ilo:
        page = visible(await ilo.get(f"/challenges/{challenge.id}"))
    assert "No company answers this challenge yet" in page
