"""A challenge: the need for everybody, who answers for those who may see it."""

from __future__ import annotations

import re

import pytest

from services.gateway.board.views.need import stretches
from services.gateway.board.wording import one_in
from services.kernel.web.preconditions import ANY_VERSION
from services.matching.calibration import likelihood
from tests.gateway.board.world import HOSTILE, World, join, visible


async def test_everybody_reads_the_need_and_each_requirement_in_its_place(market: World) -> None:
    challenge = await market.challenge(cpv=["38423000"], trl_start=4, trl_target=7)
    async with market.browser() as nobody:
        page = await nobody.get(f"/challenges/{challenge.id}")
    seen = visible(page)
    assert challenge.title in seen
    for place, one in enumerate(challenge.requirements):
        assert one.text in seen
        assert one.source is not None
        source = challenge.need[slice(*one.source)]
        found = re.search(rf'<span data-from="{place}">([^<]*)</span>', page.text)
        assert found is not None
        assert found[1] == source
    assert "38423000" in seen
    assert "4 → 7" in seen
    assert "Who answers" not in seen
    assert "/stream" not in page.text


async def test_who_announced_it_sees_the_market(anywhere: World) -> None:
    market = anywhere
    challenge = await market.challenge()
    await market.matched(challenge)
    for name, score in (("Beta", 0.5), ("Alpha", 0.83), ("Gamma", 0.31)):
        company = await market.company(name=name, country="FR" if name != "Gamma" else "DK")
        await market.match(challenge, company, score)
    async with market.browser("ilo") as ilo:
        page = await ilo.get(f"/challenges/{challenge.id}")
    seen = visible(page)
    assert "3 suggestions among 3 companies, from 2 countries: 1 strong, 1 good, 1 possible" in seen
    assert re.findall(r">(Alpha|Beta|Gamma)</a></h3>", page.text) == ["Alpha", "Beta", "Gamma"]
    assert "strong 0.83" in seen
    assert f"{one_in(round(likelihood(0.83), 4))} such pairs was right in the trial" in seen
    assert "🇩🇰 Denmark" in seen.replace("🇩🇰  ", "🇩🇰 ")
    # the last requirement is answered by nobody: news at the top, before the picture and the list
    assert seen.index("Nobody answers this requirement") < seen.index("3 suggestions")
    assert "<td>83</td>" in re.sub(r'<td class="s\d+">', "<td>", page.text)
    assert "readiness (TRL) not known" in seen
    assert "How a score comes about" in seen
    assert not re.search(r"\b(winner|shortlist|select|award)\b", seen, re.IGNORECASE)


SEEN = {
    "admin": {"Mine", "Theirs"},
    "ilo": {"Mine", "Theirs"},
    "cern": {"Mine", "Theirs"},
    "firm": {"Mine"},
    "rival": {"Theirs"},
    "cluster": {"Mine"},
    "ess": set(),
}


async def test_each_sees_its_own_suggestions_alone(market: World, subtests: pytest.Subtests) -> None:
    challenge = await market.challenge()
    mine, theirs = await market.company("firm", name="Mine"), await market.company("rival", name="Theirs")
    await join(market, mine)
    await join(market, theirs, receive=False)
    matches = {one.name: await market.match(challenge, one) for one in (mine, theirs)}
    for who, names in SEEN.items():
        async with market.browser(who) as browser:
            for part in ("", "/suggestions", "/suggestions/more"):
                page = await browser.get(f"/challenges/{challenge.id}{part}")
                with subtests.test(who, part=part):
                    assert set(re.findall(r">(Mine|Theirs)</a></h3>", page.text)) == names
            for name, match in matches.items():
                expected = 200 if name in names else 404
                whole = await browser.get(f"/matches/{match.id}")
                why = await browser.get(f"/matches/{match.id}/why?requirement={match.requirements[0].id}")
                with subtests.test(who, of=name):
                    assert (whole.status_code, why.status_code) == (expected, expected)


async def test_a_bar_opens_the_two_sentences_with_the_words_that_carry_it(market: World) -> None:
    challenge = await market.challenge()
    company = await market.company(capabilities=[{"id": "c1", "text": f"cryogenic sensors {HOSTILE}"}])
    match = await market.match(challenge, company)
    async with market.browser("ilo") as ilo:
        page = await ilo.get(f"/challenges/{challenge.id}")
        bar = re.search(r'<a class="bar[^"]*"[^>]*hx-get="([^"]*)"', page.text)
        assert bar is not None
        why = await ilo.get(bar[1])
        whole = await ilo.get(f"/matches/{match.id}")
    for part in (why, whole):
        assert part.status_code == 200
        assert "<script>alert" not in part.text
        assert f"<mark>{challenge.requirements[0].text[:4]}</mark>" in part.text
        assert "<mark>cryo</mark>genic" in part.text
        assert "The profile states no TRL." in part.text
    assert "nowhere in the profile: flange" in visible(whole)
    assert "too far to count as an answer" in visible(whole)


async def test_while_matching_is_under_way_the_page_says_so(market: World) -> None:
    await market.company()
    challenge = await market.challenge()
    async with market.browser("ilo") as ilo:
        assert "matching 1 company …" in visible(await ilo.get(f"/challenges/{challenge.id}"))
        await market.matched(challenge)
        assert "No company answers this challenge yet" in visible(
            await ilo.get(f"/challenges/{challenge.id}")
        )


async def test_more_than_a_page_goes_on_without_gap_or_repetition(market: World) -> None:
    challenge = await market.challenge()
    for number in range(45):
        company = await market.company(name=f"Firm {number:02}")
        await market.match(challenge, company, 0.9 - 0.01 * (number // 2))
    names: list[str] = []
    async with market.browser("ilo") as ilo:
        address: str | None = f"/challenges/{challenge.id}/suggestions"
        while address:
            page = await ilo.get(address.replace("&amp;", "&"))
            names += re.findall(r">(Firm \d\d)</a></h3>", page.text)
            more = re.search(r'hx-get="(/challenges/[^"]*/more[^"]*)"', page.text)
            address = more[1] if more else None
    assert len(names) == 45
    assert len(set(names)) == 45


async def test_what_came_since_is_marked_as_new(market: World) -> None:
    challenge = await market.challenge()
    await market.match(challenge, await market.company(name="Old"))
    since = market.clock.now().isoformat()
    market.clock.advance(60)
    await market.match(challenge, await market.company(name="Young"))
    async with market.browser("ilo") as ilo:
        page = await ilo.get(f"/challenges/{challenge.id}/suggestions", params={"since": since})
    found = dict(re.findall(r">(Old|Young)</a></h3>.*?(new</span>|class=\"strength)", page.text, re.DOTALL))
    assert found["Young"].startswith("new")
    assert not found["Old"].startswith("new")


@pytest.mark.parametrize("address", ["chl_nonsense", "chl_00000000000000000000000000", "%F0%9F%92%A9", "a'b"])
async def test_a_challenge_that_is_not_there_is_a_page_that_says_so(market: World, address: str) -> None:
    async with market.browser() as nobody:
        page = await nobody.get(f"/challenges/{address}")
    assert page.status_code == 404
    assert "There is nothing here" in visible(page)


async def test_versions_show_what_changed_word_by_word(market: World) -> None:
    challenge = await market.challenge()
    amended = challenge.need.replace("within 1 %", "within 2 %")
    await market.core.intake.challenges.amend(
        market.principal("ilo"),
        challenge.id,
        lambda old: old.model_copy(update={"need": amended, "requirements": ()}),
        ANY_VERSION.check,
    )
    async with market.browser() as nobody:
        page = await nobody.get(f"/challenges/{challenge.id}")
        assert f"/challenges/{challenge.id}/versions" in page.text
        versions = await nobody.get(f"/challenges/{challenge.id}/versions")
    assert "<del>1</del><ins>2</ins>" in versions.text
    assert "The first version." in versions.text


def test_stretches_put_together_are_the_need_however_spans_overlap() -> None:
    need = "abcdefghij"
    found = stretches(need, [(0, 4), (2, 6), None, (8, 99), (6, 10)])
    assert "".join(one.text for one in found) == need
    assert [(one.text, one.requirements) for one in found] == [
        ("ab", (0,)),
        ("cd", (0, 1)),
        ("ef", (1,)),
        ("ghij", (4,)),
    ]
