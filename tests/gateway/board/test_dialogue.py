"""The market dialogue on the board: asked without a name, answered to everybody at once."""

from __future__ import annotations

import re

from tests.gateway.board.world import HOSTILE, World, hidden, visible


async def test_questions_are_asked_merged_and_answered_to_everybody(market: World) -> None:
    challenge = await market.challenge(title="Sensor")
    page = f"/challenges/{challenge.id}/dialogue"
    async with (
        market.browser("firm") as firm,
        market.browser("rival") as rival,
        market.browser("ilo") as ilo,
        market.browser() as nobody,
    ):
        for browser, text in ((firm, f"Which range? {HOSTILE}"), (rival, "From what to what?")):
            form = hidden(await browser.get(page), f"{page}/questions")
            for _ in range(2):  # pressed twice it is asked once
                sent = await browser.post(f"{page}/questions", data={**form, "text": text})
                assert sent.headers["location"] == f"{page}#yours"
        named = await rival.post(f"{page}/questions", data={"text": "May Rival visit you?"})
        assert (named.status_code, "The question names you" in visible(named)) == (422, True)
        assert "May Rival visit you?" in named.text, "what was written is there to be corrected"

        waiting = await ilo.get(page)
        assert "2 questions waiting" in visible(waiting)
        assert not any(name in visible(waiting) for name in ("Cryosense", "Rival"))
        first, second = re.findall(r'name="answer-(que_[^"]+)"', waiting.text)
        filled = {f"answer-{first}": "0.1 to 20 bar", f"same-{second}": first, "to-all": "Visits: 3 December"}
        form = hidden(waiting, f"{page}/entries")
        unworded = await ilo.post(f"{page}/entries", data={**form, **filled})
        assert (unworded.status_code, "give the wording" in visible(unworded)) == (422, True)
        assert "0.1 to 20 bar" in unworded.text
        empty = await ilo.post(f"{page}/entries", data=form)
        assert (empty.status_code, "Nothing is published" in visible(empty)) == (422, True)
        sent = await ilo.post(f"{page}/entries", data={**form, **filled, f"wording-{first}": "Which range?"})
        assert sent.headers["location"] == f"{page}#published"
        assert (await firm.post(f"{page}/entries", data={"to-all": "Hear me"})).status_code == 403

        for reader in (nobody, firm, rival, ilo):
            seen = visible(await reader.get(page))
            assert "1. Which range? 0.1 to 20 bar" in seen
            assert "2 asked this" in seen
            assert "2. To all Visits: 3 December" in seen
        assert "answered as 1" in visible(await firm.get(page))
        assert "Which range?" in visible(await nobody.get(f"/challenges/{challenge.id}"))
        assert "0 questions waiting" in visible(await ilo.get(page))
        assert "<script>alert" not in (await ilo.get(page)).text


async def test_a_challenge_is_followed_with_one_click(market: World) -> None:
    challenge = await market.challenge(title="Sensor")
    page = f"/challenges/{challenge.id}"
    async with market.browser("ess") as ess, market.browser() as nobody:
        assert "Follow this challenge" not in visible(await nobody.get(page))
        form = hidden(await ess.get(page), "/settings/subscriptions")
        assert (await ess.post("/settings/subscriptions", data=form)).status_code == 303
        assert "You follow this challenge" in visible(await ess.get(page))
        assert "The challenge “Sensor”" in visible(await ess.get("/settings"))


async def test_a_declined_question_is_told_to_who_asked_alone(market: World) -> None:
    challenge = await market.challenge(title="Sensor")
    page = f"/challenges/{challenge.id}/dialogue"
    async with market.browser("firm") as firm, market.browser("cern") as cern:
        await firm.post(f"{page}/questions", data={"text": "How much will you pay?"})
        found = re.search(rf'action="({page}/questions/que_[^"]+/decline)"', (await cern.get(page)).text)
        assert found is not None
        assert (await cern.post(found[1], data={"reason": "The budget is not public."})).status_code == 303
        assert "declined The budget is not public." in visible(await firm.get(page))
        assert "not public" not in (await cern.get(page)).text
