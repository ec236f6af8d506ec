"""What a company's answers change, on its page; and the page on how a score comes about."""

from __future__ import annotations

import re
from datetime import timedelta

from services.matching import evidence, scoring
from services.matching.disclosure import disclosure
from services.matching.feedback_rules import NUDGE_MAX
from services.matching.worked_example import worked
from tests.gateway.board.world import World, visible

HELIUM = "We need to measure the pressure of liquid helium at 4 K with cryogenic sensors. It must be exact."


async def test_the_page_shows_what_answers_change_and_begins_anew(anywhere: World) -> None:
    market = anywhere
    company = await market.company()
    liked = await market.challenge(title="Pressure of helium", need=HELIUM)
    alike = await market.challenge(title="Helium gauges", need=HELIUM)
    first = await market.match(liked, company, 0.5)
    await market.match(alike, company, 0.55)
    address = f"/companies/{company.id}"
    async with market.browser("firm") as browser, market.browser("ilo") as officer:
        assert "What your answers change" not in visible(await browser.get(address))
        await browser.post(f"/matches/{first.id}/answer", data={"answer": "interested", "from": "match"})
        page = visible(await browser.get(address))
        assert "What your answers change" in page
        assert re.search(r"Helium gauges up by 0\.(0[1-9]|10), because it is like “Pressure of helium”", page)
        assert "↑ further up in your list: like “Pressure of helium”, which you were interested in" in page
        assert "0.55" in page, "the score is what it was"
        assert "What your answers change" not in visible(await officer.get(address))

        refused = await officer.post(f"{address}/feedback/reset")
        assert refused.status_code == 403
        market.clock.advance(timedelta(seconds=1).total_seconds())
        sent = await browser.post(f"{address}/feedback/reset")
        assert (sent.status_code, sent.headers["location"]) == (303, f"{address}#answers")
        page = visible(await browser.get(address))
        assert "What your answers change" not in page
        assert "✓ interested" in page, "the answer stays"


async def test_the_match_page_says_what_would_change_it(market: World) -> None:
    company, challenge = await market.company(), await market.challenge()
    match = await market.match(challenge, company)
    async with market.browser("firm") as browser:
        page = await browser.get(f"/matches/{match.id}")
    assert "What would change this" not in visible(page), "an older one does not say"
    assert 'href="/scores"' in page.text


async def test_the_page_on_scores_has_the_figures_of_the_code_and_what_was_measured(market: World) -> None:
    async with market.browser() as browser:
        page = visible(await browser.get("/scores"))
    for figure in (evidence.DISCOUNT, scoring.WHOLE, scoring.MANDATORY_FACTOR, scoring.PENALTY, NUDGE_MAX):
        assert f" {figure:g} " in page
    assert "BM25" in page
    assert "quality of the first fifty places" in page
    assert "Measured on collections whose right answers are known" in page
    for factor in disclosure().factors:
        assert factor.name in page
        assert factor.about in page
    for step in disclosure().steps:
        assert f"{step.about} {step.formula}" in page
    example = worked()
    assert f"= {example.score:.2f}, {example.strength}" in page
    for part in example.parts:
        assert f"Total {part.total:.3f}, r = (" in page
        assert f"answer r ÷ (r + 1) = {part.answer:.3f}." in page


async def test_searching_where_the_index_is_elsewhere_says_so(market: World) -> None:
    async with market.browser() as browser:
        empty = await browser.get("/search")
        assert empty.status_code == 200
        assert "What are you looking for?" in visible(empty)
        refused = await browser.get("/search?q=helium")
    assert refused.status_code == 503
    assert "LIAISON_VECTORS=server" in visible(refused)
