"""Pairings on the board: a column a state, two needs side by side, what a buyer's side can do."""

from __future__ import annotations

import re
from typing import Any

import httpx

from schemas.challenge import ChallengeContent
from tests.gateway.board.world import HOSTILE, World, hidden, visible
from tests.pairing.market import POMPES, PUMPS


async def _joined(market: World, **more: Any) -> str:
    """The buyer of the ILO announces; ESS says on the page that it needs that too."""
    content = ChallengeContent.model_validate({**PUMPS, "need": f"{PUMPS['need']} {HOSTILE}", **more})
    challenge = await market.core.intake.challenges.announce(market.principal("ilo"), content)
    async with market.browser("ess") as ess:
        page = await ess.get(f"/challenges/{challenge.id}")
        assert "We need this too" in visible(page)
        answer = await _send(ess, page, f"/challenges/{challenge.id}/join", buyer="ess")
        again = await _send(ess, page, f"/challenges/{challenge.id}/join", buyer="ess")
    assert answer.status_code == 303
    assert again.headers["location"] == answer.headers["location"], "a button pressed twice has one effect"
    return answer.headers["location"]


async def _send(browser: httpx.AsyncClient, page: httpx.Response, path: str, **fields: str) -> httpx.Response:
    form = re.search(rf'action="{path}"[^>]*>.*?name="once" value="([^"]+)"', page.text, re.DOTALL)
    once = {"once": form[1]} if form else {}
    return await browser.post(path, data={**once, **fields})


async def test_an_observer_joins_and_both_lead_the_pairing(market: World) -> None:
    address = await _joined(market)
    async with market.browser("ess") as ess, market.browser("cern") as cern, market.browser("firm") as firm:
        page = await ess.get(address)
        seen = visible(page)
        assert PUMPS["title"] in seen
        assert "What speaks for it" in seen
        assert "<script>alert" not in page.text
        assert (await firm.get(address)).status_code == 404
        assert "Pairings" not in visible(await firm.get("/"))

        board = await cern.get("/pairings")
        assert "candidate 1" in visible(board)
        asked = await _send(ess, page, f"{address}/step", to="confirmed")
        assert asked.status_code == 303
        assert "ESS asks for confirmed" in visible(await cern.get(address))
        theirs = await cern.get(address)
        await _send(cern, theirs, f"{address}/step", to="confirmed")
        assert "We want the next step: financing" in visible(await ess.get(address))

        no_reason = await cern.post(f"{address}/step", data={"to": "dissolved"})
        assert (no_reason.status_code, "Say why" in visible(no_reason)) == (422, True)
        broken = await cern.post(f"{address}/document", data={"title": "Draft", "url": "ftp://x"})
        assert broken.status_code == 422
        for kind, fields in (
            ("person", {"role": "Legal", "mailbox": "legal@cern.example"}),
            ("deadline", {"title": "Agreement", "due": "2027-05-01"}),
            ("document", {"title": "Draft", "url": "https://cern.example/draft"}),
            ("kpi", {"name": "Savings", "value": "3,5", "target": "10", "unit": "%"}),
        ):
            added = await cern.post(f"{address}/{kind}", data=fields)
            assert added.status_code == 303, added.text
        page = await ess.get(address)
        seen = visible(page)
        for said in ("legal@cern.example", "1 May 2027: Agreement", "Draft", "Savings: 3.5 of 10 %"):
            assert said in seen
        done = re.search(r'action="([^"]+/done)"', page.text)
        assert done is not None
        assert (await ess.post(done[1], data={"done": "yes", "version": "2"})).status_code == 412
        assert (await ess.post(done[1], data=hidden(page, done[1]))).status_code == 303
        assert "Agreement done" in visible(await cern.get(address))
        removed = re.search(r'action="([^"]+/person/[^"]+/remove)"', page.text)
        assert removed is not None
        assert (await ess.post(removed[1], data={"sure": "yes"})).status_code == 303
        assert "legal@cern.example" not in (await cern.get(address)).text

        await cern.post(f"{address}/step", data={"to": "dissolved", "reason": "No budget"})
        assert "Dissolved: No budget" in visible(await ess.get(address))
        assert "No pairing yet" in visible(await ess.get("/pairings"))
        assert "dissolved 1" in visible(await ess.get("/pairings?dissolved=yes"))


async def test_needs_and_codes_are_shown_in_the_language_of_the_reader(market: World) -> None:
    address = await _joined(
        market, translations=[{name: POMPES[name] for name in ("language", "title", "need")}]
    )
    async with market.browser("ess") as ess:
        for headers, said in (
            ({}, "Pumps"),
            ({"accept-language": "de-AT,en;q=0.5"}, "Pumpen"),
            ({"accept-language": "tlh,fr;q=0.9"}, "Pompes"),
        ):
            assert said in visible(await ess.get(address, headers=headers))
        french = visible(await ess.get(f"{address}?language=fr"))
        assert POMPES["title"] in french
        assert "as the buyer translates it" in french
        assert "Pompy" in visible(await ess.get(f"{address}?language=pl"))


async def test_a_plan_is_sent_from_the_page(market: World) -> None:
    table = f"reference;title;description;year\na;{POMPES['title']};{POMPES['need']};2027\nb;;;2027\n"
    async with market.browser("ilo") as ilo:
        empty = visible(await ilo.get("/pairings"))
        assert "No pairing yet" in empty
        assert "Template" in empty
        file = {"file": ("plan.csv", table, "text/csv")}
        sent = await ilo.post("/plans/import", files=file, data={"buyer": "cern", "readers": "buyers"})
        seen = visible(sent)
        assert "plan: 1 created" in seen
        assert "line 3" in seen
        again = await ilo.post("/plans/import", files=file, data={"buyer": "cern", "readers": "buyers"})
        assert "0 created, 0 updated, 1 unchanged" in visible(again)
        nothing = await ilo.post("/plans/import", files={"file": ("", b"")}, data={"buyer": "cern"})
        assert (nothing.status_code, "Choose the file" in visible(nothing)) == (422, True)
        workbook = await ilo.get("/plans/template?format=xlsx")
        assert workbook.content.startswith(b"PK")
    async with market.browser("ess") as ess:
        seen = visible(await ess.get("/pairings"))
        assert "Planned by other buyers" in seen
        planned = re.search(r'<a href="(/challenges/[^"]+)" lang', (await ess.get("/pairings")).text)
        assert planned is not None
        assert "We need this too" in visible(await ess.get(planned[1]))
    async with market.browser("firm") as firm:
        refused = await firm.post("/plans/import", files=file, data={"buyer": "cern"})
        assert refused.status_code == 403
