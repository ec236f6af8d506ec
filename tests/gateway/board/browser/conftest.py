"""Chromium, driven by Playwright, against the whole service."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.gateway.board.browser.service import Service, service

NAMES = ("chromium", "chromium-browser", "google-chrome")
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 900}
DEADLINE_S = 20.0
"""Far beyond what anything here takes; Playwright's own five seconds can be too few beside other tests."""
FIRMS = {
    "Cryosense SAS": (
        "FR",
        "Cryogenic pressure sensors for liquid helium lines, calibrated at 4 K",
        "Strain gauges",
    ),
    "Elektronik Nord ApS": (
        "DK",
        "Radiation-hard readout electronics for pressure sensors in helium at 4 K",
    ),
    "Vakuumtechnik Süd": ("DE", "Ultra-high vacuum chambers of stainless steel, leak tested"),
    "Bäckerei Meier": ("AT", "Bread and cakes for canteens"),
}
PRESSURE = "We need to measure the pressure in liquid helium at 4 K, between 0.1 and 10 bar."
NEED = (
    "We need to measure pressure between 0.1 and 20 bar in liquid helium at 4 K. "
    "The sensor must withstand radiation of 10 MGy. "
    "It should be delivered with a training course on underwater archaeology."
)


@dataclass(frozen=True, slots=True)
class Market:
    service: Service
    ilo: str
    firm: str
    cluster: str
    challenge: str
    """A challenge that is matched already: its id."""
    ess: str
    """Another buyer's key."""
    pairing: str
    """Of the challenge with a need of that buyer: its id."""
    subscription: str
    """Of the liaison officer, with something that waits for its weekly digest: its id."""


@pytest.fixture(scope="module")
def chromium() -> str:
    """The browser's executable. Without one the tests are skipped, but not in CI."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        reason = f"none of {', '.join(NAMES)} is installed: the board is not tried in a browser"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    expect.set_options(timeout=DEADLINE_S * 1_000)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield started
        started.close()


@pytest.fixture(scope="module")
def market(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    with service(tmp_path_factory.mktemp("board")) as one:
        one.organisation("cern", "bso")
        ilo = one.organisation("ilo", "ilo", appointed_to=["cern"])
        firm = one.organisation("firm", "company")
        cluster = one.organisation("cluster", "cluster")
        for name, (country, *capabilities) in FIRMS.items():
            one.company(name, *capabilities, country=country)
        eventually(one.settled)
        weekly = one.subscription(ilo, follow={"kind": "bso", "buyer": "cern"}, timing="weekly")
        challenge = one.challenge(ilo, title="Pressure in helium", need=NEED, deadline="2035-02-01")
        eventually(one.settled)
        ess = one.organisation("ess", "bso")
        one.challenge(ess, buyer="ess", title="Pressure of helium", need=PRESSURE, deadline="2035-03-01")
        eventually(one.settled)
        (pairing,) = one.pairings(ess)
        yield Market(one, ilo, firm, cluster, challenge.id, ess, pairing, weekly)


@dataclass
class Visitor:
    """A browser window and everything it complained about."""

    page: Page
    complaints: list[str]


Opens = Callable[..., Visitor]


@pytest.fixture
def opens(browser: Browser, market: Market) -> Iterator[Opens]:
    """Opens a window, signed in with a key if one is given; fails at the end if a page complained."""
    contexts: list[BrowserContext] = []
    visitors: list[Visitor] = []

    def open_window(key: str | None = None, *, phone: bool = False, dark: bool = False) -> Visitor:
        context = browser.new_context(
            base_url=market.service.url,
            viewport=PHONE if phone else DESK,  # type: ignore[arg-type]
            color_scheme="dark" if dark else "light",
            timezone_id="Europe/Paris",
            locale="en-GB",
        )
        context.set_default_timeout(DEADLINE_S * 1_000)
        contexts.append(context)
        visitor = Visitor(context.new_page(), [])
        visitor.page.on("pageerror", lambda error: visitor.complaints.append(str(error)))
        visitor.page.on(
            "console",
            lambda said: visitor.complaints.append(said.text) if said.type in ("error", "warning") else None,
        )
        visitors.append(visitor)
        if key is not None:
            visitor.page.goto(market.service.link(key))
        return visitor

    yield open_window
    for context in contexts:
        context.close()
    assert [complaint for visitor in visitors for complaint in visitor.complaints] == []


def eventually(holds: Callable[[], bool], deadline_s: float = DEADLINE_S) -> None:
    until = time.monotonic() + deadline_s
    while not holds():
        assert time.monotonic() < until, "still not so"
        time.sleep(0.02)
