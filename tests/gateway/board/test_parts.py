"""What pages are made of: cut texts, marked words, the picture, differences, words for numbers and days."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.board import wording
from services.gateway.board.suggestions import after
from services.gateway.board.views.explanation import pieces
from services.gateway.board.views.need import stretches
from services.gateway.board.views.picture import picture
from services.gateway.board.views.versions import WORDS_MAX, compare
from services.intake.completion import last_open_day
from services.kernel.problems import NotFound
from services.matching.depth import depth
from tests.conftest import MovableClock
from tests.gateway.board.world import World, a_match

SPANS = st.lists(st.none() | st.tuples(st.integers(-3, 40), st.integers(-3, 40)), max_size=6)


@given(st.text(max_size=30), SPANS)
def test_a_text_is_cut_and_never_changed(text: str, spans: list[tuple[int, int] | None]) -> None:
    assert "".join(one.text for one in pieces(text, spans)) == text
    assert "".join(one.text for one in stretches(text, spans)) == text


@given(st.text(min_size=1, max_size=30), st.integers(0, 30), st.integers(0, 30))
def test_what_is_marked_is_the_span(text: str, start: int, end: int) -> None:
    marked = "".join(one.text for one in pieces(text, [(start, end)]) if one.marked)
    assert marked == (text[start:end] if start < end <= len(text) else "")


@given(st.text(alphabet="ab \n", max_size=40), st.text(alphabet="ab \n", max_size=40))
def test_a_difference_leads_from_the_one_text_to_the_other(before: str, after_: str) -> None:
    runs = compare(before, after_)
    assert "".join(one.text for one in runs if one.kind != "added") == before
    assert "".join(one.text for one in runs if one.kind != "removed") == after_


def test_very_long_texts_are_shown_whole() -> None:
    long = "a b " * WORDS_MAX
    assert [one.kind for one in compare(long, long + "c")] == ["removed", "added"]


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ("2026-11-21T09:00", "72 days left"),
        ("2027-01-31T23:59", "1 day left"),
        ("2027-02-01T00:00", "last day"),
        ("2027-02-02T11:59", "last day"),  # the day has not ended everywhere
        ("2027-02-02T12:00", "closed"),
    ],
)
def test_days_left(now: str, said: str) -> None:
    at = datetime.fromisoformat(now).replace(tzinfo=UTC)
    assert wording.left(date(2027, 2, 1), at) == said
    assert (said == "closed") == (date(2027, 2, 1) < last_open_day(at))


@given(st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)), st.integers(0, 40))  # noqa: DTZ001
def test_closed_is_what_intake_calls_closed(now: datetime, ahead: int) -> None:
    at = now.replace(tzinfo=UTC)
    deadline = (at + timedelta(days=ahead - 3)).date()
    assert (at >= wording.closes(deadline)) == (deadline < last_open_day(at))


def test_words() -> None:
    assert wording.count(1, "company", "companies") == "1 company"
    assert wording.count(4311, "company", "companies") == "4,311 companies"
    assert wording.countries(()) == "every country"
    assert wording.countries(("FR", "CH")) == "France, Switzerland"
    assert wording.countries(("FR", "CH", "DE", "DK")) == "4 countries"
    assert wording.event("liaison.cluster.member-joined.v1") == "cluster member joined"
    assert wording.excerpt("word " * 100, 20).endswith(" …")
    assert [wording.level(value) for value in (0.0, 0.04, 0.05, 0.94, 1.0)] == [0, 0, 1, 9, 10]
    assert [wording.one_in(share) for share in (0.129, 0.0025, 0.0)] == ["one in 8", "one in 400", "none"]
    assert "<b>" not in wording.lines("<b>\n</b>")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-1, "0 ms"),
        (0.0404, "40 ms"),
        (2.34, "2.3 s"),
        (60, "1 min 0 s"),
        (252, "4 min 12 s"),
        (11_100, "3 h 5 min"),
        (187_300, "2 d 4 h"),
    ],
)
def test_how_long_something_took(seconds: float, said: str) -> None:
    assert wording.took(timedelta(seconds=seconds)) == said


async def test_the_picture_has_a_line_per_requirement_and_a_column_per_company(
    market: World, clock: MovableClock
) -> None:
    challenge = await market.challenge()
    companies = [await market.company(name=f"Firm {number}") for number in range(25)]
    found = [a_match(challenge, one, 0.9 - number / 100, clock) for number, one in enumerate(companies)]
    market_depth = depth(one.model_dump(mode="json") for one in found)
    drawn = picture(challenge.requirements, found, market_depth)
    assert drawn is not None
    assert len(drawn.companies) == 20
    assert [line.requirement.id for line in drawn.lines] == [one.id for one in challenge.requirements]
    assert [cell.hundredths for cell in drawn.lines[0].cells[:3]] == [90, 89, 88]
    assert {cell.hundredths for cell in drawn.lines[-1].cells} == {None}
    assert drawn.lines[0].answers.companies == 25
    assert drawn.lines[-1].answers.companies == 0
    assert picture(challenge.requirements, found[:1], market_depth) is None


@pytest.mark.parametrize("cursor", ["x", "WyJhIl0", "W10", "bnVsbA", "WyJhIiwxXQ"])
def test_an_address_that_no_page_has_made_is_refused(cursor: str) -> None:
    with pytest.raises(NotFound):
        after(cursor)
