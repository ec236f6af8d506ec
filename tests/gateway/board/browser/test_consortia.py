"""Consortia in a browser: they arrive while one watches, stand out where nobody covers, and are answered by
keyboard."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.gateway.board.browser.conftest import Market, Opens, eventually

pytestmark = pytest.mark.browser

CONTRAST = Path(__file__).with_name("contrast.js").read_text("utf-8")
REQUIREMENTS = [
    {"id": "r1", "text": "Cryogenic pressure sensors for liquid helium lines at 4 K"},
    {"id": "r2", "text": "Ultra-high vacuum chambers of stainless steel, leak tested"},
    {"id": "r3", "text": "Underwater archaeology of medieval shipwrecks"},
]


def announced(market: Market, title: str) -> str:
    made = market.service.challenge(
        market.ilo,
        title=title,
        need="A helium vessel with its instruments.",
        requirements=REQUIREMENTS,
        phases=[{"stage": "development"}, {"stage": "manufacturing"}],
        deadline="2035-03-01",
    )
    return made.id


def widest(page: Page) -> int:
    found: int = page.evaluate("document.documentElement.scrollWidth")
    return found


def test_consortia_arrive_while_one_watches_and_what_nobody_covers_stands_out(
    opens: Opens, market: Market
) -> None:
    challenge = announced(market, "A vessel of helium")
    page = opens(market.ilo).page
    page.goto(f"/challenges/{challenge}")
    team = page.locator("#teams .team").first
    expect(team).to_be_visible()  # without loading anything again
    rows = team.locator("tr.open")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("✕ nobody")
    expect(rows.first).to_contain_text("development")
    covered = team.locator("tbody tr").first.locator("td.sum")
    assert rows.first.locator(".nobody").evaluate("one => getComputedStyle(one).borderTopStyle") == "dashed"
    expect(covered).not_to_contain_text("nobody")
    assert page.evaluate(CONTRAST) == []


def test_a_member_answers_by_keyboard_and_on_a_phone(opens: Opens, market: Market) -> None:
    challenge = announced(market, "Another vessel of helium")
    eventually(market.service.settled)
    page = opens(market.firm, phone=True).page
    page.goto(f"/challenges/{challenge}")
    assert widest(page) <= 390
    page.locator("#teams .team h3 a").first.click()
    expect(page).to_have_url(re.compile("/consortia/con_"))
    assert widest(page) <= 390
    for _ in range(2):  # the firm keeps both profiles
        consent = page.get_by_role("button", name="Consent").first
        consent.focus()
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile("#answer$"))
    expect(page.locator(".lead")).to_contain_text("introduced")
    assert page.evaluate(CONTRAST) == []


def test_who_is_missing_is_asked_from_the_page_of_a_challenge(opens: Opens, market: Market) -> None:
    challenge = announced(market, "A third vessel of helium")
    eventually(market.service.settled)
    page = opens(market.firm).page
    page.goto(f"/challenges/{challenge}")
    page.get_by_role("link", name="Begin a team and see who is missing").click()
    page.get_by_label("Vakuumtechnik Süd").check()
    page.get_by_role("button", name="Show who is missing").click()
    expect(page.locator(".team").first).to_contain_text("2 members")
    page.get_by_role("button", name="Ask the best ones").click()
    expect(page).to_have_url(re.compile("/consortia/con_"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("Consortium of 2")
