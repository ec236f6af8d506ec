"""What a company's answers change, on its page; and the page on how a score comes about."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from schemas.match import Improvement
from services.matching import evidence, scoring
from services.matching.disclosure import disclosure
from services.matching.feedback_rules import NUDGE_MAX
from services.matching.scoring import GOOD
from services.matching.worked_example import worked
from tests.gateway.board.world import World, join, visible

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
        settings = await browser.get("/settings")
        said = visible(settings)
        assert "Challenges like those that it was interested in count a little more" in said
        assert f"by {NUDGE_MAX:.2f} at the most: for its threshold, the order of its digests" in said
        assert "“interested” changes nothing" not in said
        assert f'href="{address}#answers"' in settings.text
        assert 'id="answers"' in (await browser.get(address)).text

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


async def test_a_sentence_is_advised_for_a_gap_alone_and_the_profile_offered_to_who_may_change_it(
    market: World, subtests: pytest.Subtests
) -> None:
    company = await market.company()
    await join(market, company)
    challenge = await market.challenge(
        requirements=[
            {"id": "r1", "text": "Pressure of helium", "mandatory": True},
            {"id": "r2", "text": "A training course"},
        ]
    )
    made = await market.match(challenge, company)
    profile = f'href="/companies/{company.id}#profile"'
    advice, praise = "one sentence about it as a capability of its own", "there is no gap here to fill"
    for score, other, advised, lesser, offered in (
        (GOOD - 0.01, 0.9, True, False, True),
        (GOOD, 0.9, False, False, False),
        (GOOD, GOOD - 0.01, False, True, True),
    ):
        with subtests.test(score=score, other=other):
            market.clock.advance(1)
            scores = (score, other)
            await market.match(
                challenge,
                company,
                id=made.id,
                requirements=tuple(
                    one.model_copy(update={"score": reached})
                    for one, reached in zip(made.requirements, scores, strict=True)
                ),
                improvement=Improvement(
                    requirement="r1",
                    text="Pressure of helium",
                    mandatory=True,
                    score=score,
                    missing=("flange",),
                ),
            )
            async with market.browser("firm") as browser:
                page = await browser.get(f"/matches/{made.id}")
                shown = await browser.get(f"/companies/{company.id}")
            said = visible(page)
            assert "The mandatory requirement answered least is r1" in said
            assert (advice in said, praise in said) == (advised, not advised)
            assert ("Answered less, and not mandatory: r2." in said) == lesser
            assert (profile in page.text) == offered
            assert 'id="profile"' in shown.text
            assert "Change it, bring in a table" in visible(shown)
    for who in ("ilo", "cluster"):  # the cluster receives, and does not act
        async with market.browser(who) as browser:
            page = await browser.get(f"/matches/{made.id}")
            shown = await browser.get(f"/companies/{company.id}")
        assert praise in visible(page)
        assert profile not in page.text
        assert "Change it, bring in a table" not in visible(shown)


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
