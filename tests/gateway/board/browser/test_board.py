"""The board in a browser: what arrives while one looks, what a bar opens, keyboard, phone, light and dark."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.gateway.board.browser.conftest import NEED, Market, Opens, eventually

FIRST_LINE = """label => {
    const words = document.createRange()
    words.setStartAfter(label.querySelector("input"))
    words.setEndAfter(label.lastChild)
    return [...words.getClientRects()].find(line => line.width > 1)
}"""
"""Where the words of a choice begin."""

pytestmark = pytest.mark.browser

CONTRAST, FOCUS, WEIGHT = (
    Path(__file__).with_name(f"{name}.js").read_text("utf-8") for name in ("contrast", "focus", "weight")
)


def test_a_challenge_is_announced_and_the_page_fills_while_one_watches(opens: Opens, market: Market) -> None:
    page = opens(market.ilo).page
    page.goto("/announce")
    page.get_by_label("Title").fill("A pressure sensor for helium at 4 K")
    page.get_by_label("Need").fill(NEED)
    page.get_by_label("Last day for answers").fill("2035-03-01")
    page.get_by_role("button", name="Propose requirements").click()
    rows = page.locator(".requirement-row textarea")
    assert rows.first.input_value()
    expect(page.locator('[data-from="0"]')).not_to_have_class(re.compile("lit"))
    rows.first.focus()
    expect(page.locator('[data-from="0"]')).to_have_class(re.compile("lit"))
    page.get_by_role("button", name="Announce to everybody").click()
    expect(page).to_have_url(re.compile("/challenges/chl_"))
    # without loading anything again
    expect(page.locator(".suggestion", has_text="Cryosense SAS")).to_be_visible()
    expect(page.locator(".line").first).to_contain_text("suggestion")
    # what nobody answers stands above who answers
    news = page.locator(".news")
    expect(news).to_contain_text("underwater archaeology")
    assert top_of(news) < top_of(page.locator(".suggestion").first)


def test_what_is_new_announces_itself_and_nothing_jumps(opens: Opens, market: Market) -> None:
    challenge = market.service.challenge(market.ilo, title="Helium level", need=NEED, deadline="2035-04-01")
    eventually(market.service.settled)
    page = opens(market.ilo).page
    page.goto(f"/challenges/{challenge.id}")
    list_ = page.locator(".suggestion")
    before = list_.count()
    assert before
    page.locator(".bar").first.click()
    expect(page.locator(".why").first).to_contain_text("says")
    page.evaluate(
        "window.scrollBy({ top: 300, behavior: 'instant' })"
    )  # a turned wheel scrolls some frames later
    first = list_.first
    place = first.bounding_box()
    market.service.company(
        "Newcomer Oy", "Pressure sensors for liquid helium at 4 K, radiation-hard to 10 MGy", country="FI"
    )
    fresh = page.locator("#fresh")
    expect(fresh).to_be_visible()
    expect(fresh).to_have_text(re.compile("1 new"))
    assert list_.count() == before
    assert first.bounding_box() == place
    fresh.click()
    newcomer = page.locator(".suggestion", has_text="Newcomer Oy")
    expect(newcomer).to_contain_text("Finland")
    expect(newcomer.locator(".tag")).to_have_text("new")
    expect(fresh).to_be_hidden()
    expect(page.locator(".suggestion").nth(before)).to_be_attached()
    # the reasons that were open are open again
    expect(page.locator(".bar[aria-expanded=true]")).to_have_count(1)


def test_an_amendment_is_said_and_the_new_version_a_click_away(opens: Opens, market: Market) -> None:
    challenge = market.service.challenge(market.ilo, title="To be amended", need=NEED, deadline="2035-04-03")
    eventually(market.service.settled)
    page = opens(market.ilo).page
    page.goto(f"/challenges/{challenge.id}")
    expect(page.locator("#amended")).to_be_hidden()
    market.service.amend(market.ilo, challenge, title="Amended")
    expect(page.locator("#amended")).to_be_visible()
    page.get_by_role("link", name="Show the new version").click()
    expect(page.locator("h1")).to_have_text("Amended")
    page.get_by_text("What changed, word by word").click()
    expect(page.locator("ins").last).to_have_text("Amended")


def test_a_hidden_page_rests_and_goes_on_where_it_was(opens: Opens, market: Market) -> None:
    challenge = market.service.challenge(market.ilo, title="Hidden", need=NEED, deadline="2035-04-02")
    eventually(market.service.settled)
    page = opens(market.ilo).page
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/stream" in request.url else None)
    page.goto(f"/challenges/{challenge.id}")
    expect(page.locator(".suggestion").first).to_be_visible()
    turn = "hidden => { Object.defineProperty(document, 'hidden', { value: hidden, configurable: true }); "
    turn += "document.dispatchEvent(new Event('visibilitychange')); }"
    page.evaluate(turn, True)
    market.service.company("Quiet AB", "Helium pressure sensors at 4 K, radiation-hard", country="SE")
    eventually(market.service.settled)
    expect(page.locator("#fresh")).to_be_hidden()
    page.evaluate(turn, False)
    expect(page.locator("#fresh")).to_have_text(re.compile("1 new"))
    assert len(asked) == 2


def test_a_bar_opens_both_sentences_with_the_words_that_carry_it(opens: Opens, market: Market) -> None:
    page = opens(market.ilo).page
    page.goto(f"/challenges/{market.challenge}")
    row = page.locator(".suggestion").first
    bar = row.locator(".bar").first
    bar.click()
    why = row.locator(".why")
    expect(why).to_contain_text("CERN asks")
    expect(why).to_contain_text("says")
    expect(why.locator("mark").first).to_be_visible()
    expect(why).to_contain_text("eligible country")
    expect(bar).to_have_attribute("aria-expanded", "true")
    bar.click()
    expect(why).to_be_hidden()
    expect(bar).to_have_attribute("aria-expanded", "false")


def test_without_scripts_a_bar_leads_to_a_page(opens: Opens, market: Market) -> None:
    page = opens(market.ilo).page
    page.goto(f"/challenges/{market.challenge}")
    address = page.locator(".bar").first.get_attribute("href")
    assert address is not None
    page.goto(address)
    expect(page.locator("h2").first).to_have_text("Requirement by requirement")
    expect(page.locator("mark").first).to_be_visible()


def test_everything_is_reached_by_keyboard(opens: Opens, market: Market) -> None:
    page = opens(market.ilo).page
    page.goto(f"/challenges/{market.challenge}")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    expect(page.locator(".skip")).to_be_in_viewport()
    reached = []
    for _ in range(60):
        page.keyboard.press("Tab")
        name, is_seen = page.evaluate(FOCUS)
        reached.append(name)
        assert is_seen, f"no focus can be seen on {name}"
        if name.startswith("bar"):
            break
    assert reached[-1].startswith("bar")
    page.keyboard.press("Enter")
    expect(page.locator(".why").first).to_contain_text("asks")
    page.keyboard.press("Escape")
    expect(page.locator(".why").first).to_be_hidden()
    expect(page.locator(".bar").first).to_be_focused()


def top_of(part: Locator) -> float:
    box = part.bounding_box()
    assert box is not None
    return box["y"]


def paths(market: Market) -> list[str]:
    return [
        "/",
        f"/challenges/{market.challenge}",
        "/companies",
        "/announce",
        "/pairings",
        f"/pairings/{market.pairing}",
        "/settings",
        f"/settings/subscriptions/{market.subscription}",
        "/scores",
        "/search",
        "/search?q=pressure+in+helium",
        "/sign-in",
        "/nothing-here",
    ]


def test_on_a_phone_nothing_scrolls_sideways(opens: Opens, market: Market) -> None:
    visitor = opens(market.ilo, phone=True)
    page = visitor.page
    for path in paths(market):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
    page.goto(f"/challenges/{market.challenge}")
    page.locator(".bar").first.click()
    expect(page.locator(".why").first).to_contain_text("asks")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    visitor.complaints[:] = [one for one in visitor.complaints if "404" not in one]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_contrast_is_enough_everywhere(opens: Opens, market: Market, dark: bool) -> None:
    visitor = opens(market.ilo, dark=dark)
    page = visitor.page
    for path in paths(market):
        page.goto(path)
        if "challenges" in path:
            page.locator(".bar").first.click()
            expect(page.locator(".why").first).to_contain_text("asks")
        poor = page.evaluate(CONTRAST)
        assert poor == [], f"{path}: {poor}"
    visitor.complaints[:] = [one for one in visitor.complaints if "404" not in one]


def test_dark_is_dark(opens: Opens, market: Market) -> None:
    page = opens(dark=True).page
    page.goto("/")
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert max(int(part) for part in re.findall(r"\d+", background)[:3]) < 40


def test_times_are_in_the_zone_of_the_reader_and_name_it(opens: Opens, market: Market) -> None:
    page = opens().page
    page.goto(f"/challenges/{market.challenge}")
    closing = page.locator("time[datetime='2035-02-02T12:00:00Z']")
    expect(closing).to_have_text("2 Feb 2035, 13:00 CET")
    expect(closing).to_have_attribute("title", re.compile("Europe/Paris"))
    expect(page.locator("[data-left]")).to_have_text(re.compile(r"^[\d,]+ days left$"))


def test_a_requirement_lights_its_sentence(opens: Opens, market: Market) -> None:
    page = opens().page
    page.goto(f"/challenges/{market.challenge}")
    sentence = page.locator('.need [data-from="1"]')
    page.locator('.requirements [data-source="1"]').hover()
    expect(sentence).to_have_class(re.compile("lit"))
    page.locator("h1").hover()
    expect(sentence).not_to_have_class(re.compile("lit"))


def test_the_page_of_a_company_fills_too(opens: Opens, market: Market) -> None:
    company = market.service.company("Mirrors BV", "Deformable mirrors for adaptive optics of telescopes")
    eventually(market.service.settled)
    page = opens(market.firm).page
    page.goto(f"/companies/{company.id}")
    expect(page.locator("#market")).to_contain_text("None for now")
    market.service.challenge(
        market.ilo,
        title="Deformable mirror for adaptive optics",
        need="The telescope needs a deformable mirror with 5000 actuators for adaptive optics.",
        deadline="2035-05-01",
    )
    expect(page.locator(".suggestion")).to_contain_text("Deformable mirror for adaptive optics")
    expect(page.locator("#market .line")).to_contain_text("1 challenge")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_profile_is_written_on_a_phone_and_challenges_come(
    opens: Opens, market: Market, dark: bool
) -> None:
    visitor = opens(market.firm, phone=True, dark=dark)
    page = visitor.page
    page.goto("/companies")
    page.get_by_role("link", name="Write a profile").click()
    page.get_by_label("Name").fill(f"Kryo {'Nacht' if dark else 'Tag'} AB")
    page.get_by_label("Country").select_option("SE")
    page.locator("#capability-text-0").fill("Pressure gauges for liquid helium at 4 K")
    page.get_by_text("Website, codes, languages, rights").click()
    page.get_by_label("CPV codes").fill("3511")
    page.get_by_role("button", name="Save the profile").click()
    expect(page.get_by_label("CPV codes")).to_have_attribute("aria-invalid", "true")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate(CONTRAST) == []
    page.get_by_label("CPV codes").fill("")
    page.get_by_role("button", name="Save the profile").click()
    expect(page).to_have_url(re.compile("/companies/cmp_"))
    expect(page.locator("#market")).to_contain_text("Pressure in helium")
    page.get_by_role("link", name="Change it").click()
    page.locator("#capability-text-1").fill("Bread and cakes")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#profile ~ ol")).to_contain_text("Bread and cakes")
    visitor.complaints[:] = [one for one in visitor.complaints if "422" not in one]


def test_an_endpoint_is_made_tried_out_and_its_log_moves_by_itself(opens: Opens, market: Market) -> None:
    page = opens(market.firm).page
    page.goto("/settings")
    page.get_by_label("Address").fill("http://localhost:9999/hook")
    page.get_by_role("button", name="Add, and show its secret").click()
    expect(page.locator(".secret")).to_have_text(re.compile("^whsec_"))
    page.get_by_text("I have it: send a test").click()
    page.get_by_role("button", name="Send a test").click()
    expect(page.locator("#log-entries")).to_contain_text("endpoint tested")
    # nobody listens there: the first attempt fails, and the log says so without being loaded again
    expect(page.locator("#log-entries td[data-label=attempts]").first).not_to_have_text("0")


def test_two_buyers_lead_a_pairing_on_its_way(opens: Opens, market: Market) -> None:
    ess, ilo = opens(market.ess).page, opens(market.ilo).page
    ess.goto("/pairings")
    lane = ess.get_by_role("region", name="Pairings by state").locator(".lane").first
    expect(lane).to_contain_text("candidate")
    lane.get_by_role("link", name="Pressure in helium").click()
    expect(ess).to_have_url(re.compile(market.pairing))
    expect(ess.locator(".compared tbody tr").first).to_contain_text("helium")
    ess.get_by_role("button", name="We want the next step: confirmed").click()
    expect(ess.get_by_role("button", name="Take our wish back")).to_be_visible()
    ilo.goto(f"/challenges/{market.challenge}")
    ilo.get_by_role("link", name="ESS, candidate").click()
    expect(ilo.locator("#way ~ p")).to_contain_text("ESS asks for confirmed")
    ilo.get_by_role("button", name="We want the next step: confirmed").click()
    expect(ilo.locator(".way [aria-current=step]")).to_have_text("confirmed")
    ilo.locator("#toolbox ~ .sides summary").nth(1).click()
    ilo.get_by_label("What", exact=True).fill("Send the agreement")
    ilo.get_by_label("Due").fill("2035-01-31")
    ilo.get_by_role("button", name="Add").locator("visible=true").click()
    expect(ilo.locator(".entries").nth(1)).to_contain_text("31 January 2035: Send the agreement")
    expect(ilo.locator(".log li").last).to_contain_text("noted, by ILO")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_challenge_is_led_to_its_decision_on_a_phone(opens: Opens, market: Market, dark: bool) -> None:
    challenge = market.service.challenge(market.ilo, title="To decide", need=NEED, deadline="2035-04-04")
    page = opens(market.ilo, phone=True, dark=dark).page
    page.goto(f"/challenges/{challenge.id}")
    page.get_by_text("Lead it on").click()
    page.get_by_role("button", name="Close the consultation").click()
    here = page.locator(".way li[aria-current=step]")
    expect(here).to_contain_text("consultation closed")
    page.get_by_text("Publish the report").click()
    page.get_by_text("Decide", exact=True).first.click()
    assert page.evaluate(CONTRAST) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_label("What was decided").select_option("tender")
    page.get_by_label("Why").fill("Three can do it.")
    page.get_by_label("Notice of the procedure").fill("https://ted.europa.eu/1")
    page.get_by_role("button", name="Decide").click()
    expect(here).to_contain_text("decided")
    expect(page.locator("#decision")).to_contain_text("a call for tenders")
    assert page.evaluate(CONTRAST) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_first_view_is_light_and_fast(opens: Opens, market: Market) -> None:
    page = opens(market.ilo).page
    for path in ("/", f"/challenges/{market.challenge}"):
        weights = []
        for _ in range(3):  # the best of them: another test may have the machine
            page.goto(path, wait_until="load")
            weights.append(page.evaluate(WEIGHT))
        assert 0 < weights[0]["bytes"] < 100_000, path
        assert min(weight["ms"] for weight in weights) < 1_000, path


def test_signing_out_ends_it(opens: Opens, market: Market) -> None:
    page: Page = opens(market.ilo).page
    page.goto("/")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()
    page.goto("/settings")
    expect(page).to_have_url(re.compile("/sign-in"))


@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
def test_what_to_follow_stands_beside_its_button(opens: Opens, market: Market, phone: bool) -> None:
    page = opens(market.cluster, phone=phone).page
    page.goto("/settings")
    labels = page.locator(".follow label").all()
    assert len(labels) >= 3
    for label in labels:
        button, line = label.locator("input").bounding_box(), label.evaluate(FIRST_LINE)
        assert button
        assert line["left"] >= button["x"] + button["width"], "the words stand below it"
        assert line["top"] <= button["y"] + button["height"] / 2 <= line["bottom"]
