"""Searching in a browser: from the header, narrowed in place, by keyboard, and without scripts."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, expect

from tests.gateway.board.browser.conftest import Market, Opens

pytestmark = pytest.mark.browser


def test_from_any_page_by_keyboard_to_what_is_found_and_narrowed(opens: Opens, market: Market) -> None:
    page = opens(market.ilo).page
    page.goto("/settings")
    page.get_by_role("search").get_by_label("Search").fill("presure in heluim")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/search\?q=presure"))
    results = page.locator(".results > li")
    expect(results.first).to_contain_text("helium")
    expect(page.locator(".hint").first).to_contain_text("“heluim” is read as helium")
    expect(page.locator("mark", has_text=re.compile("pressure", re.IGNORECASE)).first).to_be_visible()
    many = results.count()

    page.evaluate("window.sameDocument = true")
    page.locator("#country-DK").focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("country=DK"))
    expect(page.locator("#country-DK")).to_have_attribute("aria-current", "true")
    expect(results).not_to_have_count(many)
    expect(page.locator(".results", has_text="Elektronik Nord ApS")).to_be_visible()
    expect(page.locator(".results", has_text="Cryosense SAS")).to_have_count(0)
    assert page.evaluate("window.sameDocument"), "the page is not loaded anew"
    page.get_by_label(re.compile("Denmark, take away")).click()
    expect(results).to_have_count(many)


def test_another_language_finds_it_and_the_words_say_why(opens: Opens, market: Market) -> None:
    page = opens(market.ilo).page
    page.goto("/search?q=Vakuumkammern")
    first = page.locator(".results > li").first
    expect(first).to_contain_text("Vakuumtechnik Süd")
    page.goto("/search?q=chambre+à+vide&kind=company")
    expect(page.locator(".results > li", has_text="Vakuumtechnik Süd")).to_contain_text("stands for")


def test_asking_again_keeps_the_filters_and_what_is_not_known_narrows_nothing(
    opens: Opens, market: Market
) -> None:
    page = opens(market.ilo).page
    page.goto("/search?q=helium+pressure&country=Narnia&kind=company")
    results = page.locator(".results > li")
    expect(page.locator(".hint", has_text="Narnia")).to_have_text(
        "“Narnia” is not known as a country, so it narrows nothing."
    )
    expect(page.locator("a.tag")).to_have_text(["What: Companies ✕"])
    many = results.count()
    assert many > 1

    page.locator("#country-DK").click()
    expect(results).to_have_count(1)
    expect(page.locator(".hint", has_text="Narnia")).to_have_count(0)
    page.get_by_role("form", name="Search again").get_by_role("searchbox").fill("electronics")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"q=electronics&kind=company&country=DK$"))
    expect(results).to_have_count(1)
    page.get_by_label(re.compile("Denmark, take away")).click()
    expect(page).to_have_url(re.compile(r"q=electronics&kind=company$"))
    expect(page.locator("input[form=again]")).to_have_count(1)
    expect(page.locator("input[form=again]")).to_have_attribute("name", "kind")
    page.goto("/search?q=helium+pressure&trl_min=5")
    expect(page.locator("a.tag")).to_have_text(["Readiness: TRL 5 or more ✕"])


def test_nothing_found_says_what_to_do(opens: Opens, market: Market) -> None:
    page = opens().page
    page.goto("/search")
    expect(page.locator(".empty")).to_contain_text("For example")
    page.goto("/search?q=xqzwv")
    expect(page.locator(".empty")).to_contain_text("Nothing like that is here")
    expect(page.locator(".empty")).to_contain_text("sign in")
    page.goto("/search?q=helium+pressure&country=FR&kind=company")
    expect(page.locator(".results")).to_have_count(0)
    page = opens(market.ilo).page
    page.goto("/search?q=bread+and+cakes&country=FR&kind=company")
    expect(page.locator(".empty")).to_contain_text("Without the country")


def test_without_scripts_all_of_it_works(browser: Browser, market: Market) -> None:
    context = browser.new_context(base_url=market.service.url, java_script_enabled=False)
    page = context.new_page()
    page.goto(market.service.link(market.ilo))
    page.goto("/")
    page.locator("#find").fill("helium pressure")
    page.locator("#find").press("Enter")
    page.locator("#country-FR").click()
    expect(page).to_have_url(re.compile("country=FR"))
    expect(page.locator(".results")).to_contain_text("Cryosense SAS")
    context.close()


def test_who_looks_is_told_of_new_challenges_like_it(opens: Opens, market: Market) -> None:
    page = opens(market.ilo).page
    page.goto("/search?q=beam+windows+of+beryllium")
    page.get_by_role("button", name="Tell me of new challenges like this").click()
    expect(page).to_have_url(re.compile(r"/settings#subscriptions"))
    row = page.locator("tr", has_text="New challenges near “beam windows of beryllium”")
    expect(row).to_be_visible()
    page.goto("/search?q=beam+windows+of+beryllium")
    expect(page.locator(".hint", has_text="are told to you")).to_be_visible()
    expect(page.get_by_role("button", name="Tell me of new challenges like this")).to_have_count(0)
    page.goto("/settings")
    row.get_by_role("button", name="Remove").click()
    expect(row).to_have_count(0)
