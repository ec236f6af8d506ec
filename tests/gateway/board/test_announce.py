"""From a paragraph to a challenge in two steps."""

from __future__ import annotations

import re
from html import unescape

import httpx
import pytest

from schemas.challenge import RequirementKind
from services.intake.challenge_store import ChallengeFilter
from tests.gateway.board.world import HOSTILE, World, hidden, visible
from tests.intake.people import NEED

FIELDS = {
    "title": "Radiation-hard pressure sensor",
    "need": NEED,
    "buyer": "cern",
    "deadline": "2027-02-01",
    "language": "en",
}


def corrected(page: httpx.Response) -> dict[str, str]:
    """The fields of the second step, as a browser would send them untouched."""
    fields = dict(hidden(page, "/announce"))
    for name, text in re.findall(r'<textarea[^>]*name="(text-\d+)"[^>]*>([^<]*)</textarea>', page.text):
        fields[name] = unescape(text)
    for name, options in re.findall(r'<select name="(kind-\d+)">(.*?)</select>', page.text, re.DOTALL):
        chosen = re.search(r"<option selected>([^<]*)<", options)
        fields[name] = chosen[1] if chosen else "capability"
    for name in re.findall(r'name="(mandatory-\d+)" value="yes" checked', page.text):
        fields[name] = "yes"
    return fields


async def test_who_announces_chooses_among_its_buyers(market: World) -> None:
    async with market.browser("ilo") as ilo, market.browser("firm") as firm, market.browser() as nobody:
        page = await ilo.get("/announce")
        assert re.findall(r'<option value="([a-z]+)"(?: selected)?>CERN', page.text) == ["cern"]
        assert "ESS" not in visible(page)
        assert (await firm.get("/announce")).status_code == 403
        assert (await nobody.get("/announce")).status_code == 303
        assert (await firm.post("/announce/check", data=FIELDS)).status_code == 403


async def test_a_text_is_proposed_corrected_and_announced(market: World) -> None:
    async with market.browser("ilo") as ilo:
        check = await ilo.post("/announce/check", data=FIELDS)
        assert check.status_code == 200
        fields = corrected(check)
        texts = [value for name, value in fields.items() if name.startswith("text-") and value]
        assert len(texts) >= 3
        fields |= {
            "text-0": "measure pressure at 4 K",
            "kind-1": "constraint",
            "mandatory-1": "yes",
            "drop-2": "yes",
        }
        fields[f"text-{len(texts)}"] = "be delivered with a calibration certificate"
        answer = await ilo.post("/announce", data=fields)
        assert answer.status_code == 303
        made = await market.core.intake.challenges.get(None, answer.headers["location"].rsplit("/", 1)[1])
        assert [one.id for one in made.requirements] == [f"r{n}" for n in range(1, len(texts) + 1)]
        assert made.requirements[0].text == "measure pressure at 4 K"
        assert made.requirements[0].source is not None
        assert made.requirements[1].kind is RequirementKind.constraint
        assert made.requirements[1].mandatory
        assert texts[2] not in {one.text for one in made.requirements}
        assert made.requirements[-1].text == "be delivered with a calibration certificate"
        assert (await ilo.get(answer.headers["location"])).status_code == 200


async def test_an_untouched_requirement_keeps_what_was_read_from_it(market: World) -> None:
    async with market.browser("ilo") as ilo:
        fields = corrected(await ilo.post("/announce/check", data=FIELDS))
        answer = await ilo.post("/announce", data=fields)
    by_board = await market.core.intake.challenges.get(None, answer.headers["location"].rsplit("/", 1)[1])
    by_text = await market.challenge(title=FIELDS["title"])
    assert by_board.requirements == by_text.requirements


async def test_pressed_twice_it_is_announced_once(market: World) -> None:
    async with market.browser("ilo") as ilo:
        fields = corrected(await ilo.post("/announce/check", data=FIELDS))
        first = await ilo.post("/announce", data=fields)
        second = await ilo.post("/announce", data=fields)
    assert first.headers["location"] == second.headers["location"]
    assert len(await market.core.intake.challenges.page(None, ChallengeFilter(), limit=10)) == 1


WRONG = [
    ("deadline", "2020-01-01", "has passed"),
    ("deadline", "", "required"),
    ("deadline", "soon", "date"),
    ("title", "", "required"),
    ("title", "x" * 301, "301 characters"),
    ("need", "", "required"),
    ("need", "a\x07b", "control character"),
    ("buyer", "ces", "no buyer that is known here"),
    ("eligible_countries", "France, Frankreich", "Frankreich"),
    ("cpv", "3511", "35110000"),
    ("trl_start", "12", "less than or equal to 9"),
]


async def test_what_is_wrong_is_said_beside_its_field(market: World, subtests: pytest.Subtests) -> None:
    async with market.browser("ilo") as ilo:
        for field, value, said in WRONG:
            page = await ilo.post("/announce/check", data={**FIELDS, field: value})
            with subtests.test(field, value=value):
                assert page.status_code == 422
                found = re.search(rf'id="{field}-wrong">([^<]*)<', page.text)
                assert found is not None, visible(page)
                assert said in unescape(found[1])
                assert FIELDS["title"] in page.text or field == "title"


async def test_who_does_not_speak_for_the_buyer_is_refused(market: World) -> None:
    async with market.browser("ilo") as ilo:
        page = await ilo.post("/announce/check", data={**FIELDS, "buyer": "ess"})
    assert page.status_code == 403
    assert "you announce for: cern" in visible(page)


async def test_the_way_back_keeps_what_was_written_and_rows_can_be_added(market: World) -> None:
    async with market.browser("ilo") as ilo:
        fields = corrected(await ilo.post("/announce/check", data={**FIELDS, "title": f"T {HOSTILE}"}))
        back = await ilo.post("/announce/text", data=fields)
        assert back.status_code == 200
        assert "<script>alert" not in back.text
        assert NEED in unescape(back.text)
        fields["text-0"] = "changed by hand"
        more = await ilo.post("/announce/check", data=fields)
        assert corrected(more)["text-0"] == "changed by hand"


async def test_a_wrong_requirement_is_said_in_its_row(market: World) -> None:
    async with market.browser("ilo") as ilo:
        fields = corrected(await ilo.post("/announce/check", data=FIELDS))
        fields["text-1"] = "x" * 2_001
        page = await ilo.post("/announce", data=fields)
    assert page.status_code == 422
    row = re.search(
        r'<fieldset class="requirement-row wrong" data-source="1">.*?</fieldset>', page.text, re.S
    )
    assert row is not None
    assert "2001 characters" in row[0]
