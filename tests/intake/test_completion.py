"""What is filled in where a challenge was left open."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.challenge import Draft, Requirement
from schemas.organisation import Organisation, OrganisationKind
from schemas.text import NEED_MAX
from services.intake.completion import check, completed, last_open_day, proposal, revised
from services.kernel.identifiers import new_id
from services.kernel.problems import InvalidInput
from tests.intake.people import NEED, a_challenge

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
BUYER = Organisation(
    id=new_id("org"),
    version=1,
    handle="cern",
    name="CERN",
    kind=OrganisationKind.bso,
    eligible_countries=("CH", "FR"),
    created_at=NOW,
)

visible = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cf"]), min_size=1).filter(
    lambda text: any(letter.isalnum() for letter in text)
)


@settings(max_examples=200)
@given(visible, visible, st.sampled_from(["en", "fr", "el", "bg"]))
def test_every_text_gets_requirements_with_their_spans(title: str, need: str, language: str) -> None:
    content = completed(a_challenge(title=title[:300], need=need, language=language), BUYER)
    assert content.buyer == BUYER.id
    assert content.eligible_countries == ("CH", "FR")
    assert [one.id for one in content.requirements] == [f"r{n + 1}" for n in range(len(content.requirements))]
    assert content.requirements
    for one in content.requirements:
        assert one.source is not None
        start, end = one.source
        assert 0 <= start < end <= len(content.need)
    check(content, NOW)


def test_the_longest_text_is_cut_too() -> None:
    need = (NEED + " ") * 200
    content = completed(a_challenge(need=need[:NEED_MAX]), BUYER)
    assert 0 < len(content.requirements) <= 50


def test_what_is_given_stays() -> None:
    given_ = (Requirement(id="x", text="y"),)
    content = completed(a_challenge(requirements=given_, eligible_countries=["DK"]), BUYER)
    assert (content.requirements, content.eligible_countries) == (given_, ("DK",))


@pytest.mark.parametrize(
    ("now", "day"),
    [
        (datetime(2026, 11, 21, 11, 59, tzinfo=UTC), date(2026, 11, 20)),
        (datetime(2026, 11, 21, 12, 0, tzinfo=UTC), date(2026, 11, 21)),
    ],
)
def test_a_day_ends_last_at_utc_minus_12(now: datetime, day: date) -> None:
    assert last_open_day(now) == day


def test_every_wrong_place_is_told() -> None:
    parts = [{"id": "a", "text": "x", "source": [3, 2]}, {"id": "b", "text": "x", "source": [0, 3]}]
    with pytest.raises(InvalidInput) as caught:
        check(a_challenge(deadline=date(2020, 1, 1), requirements=parts), NOW)
    assert [error.pointer for error in caught.value.errors] == ["/deadline", "/requirements/0/source"]


def test_a_proposal_reads_readiness_and_stage() -> None:
    found = proposal(Draft(title="A sensor", need=NEED + " Start at TRL 3 and achieve TRL 6 by research."))
    assert (found.trl_start, found.trl_target) == (3, 6)
    assert found.requirements


def test_spans_follow_the_text() -> None:
    need = "First sentence stays. Second one goes."
    parts = [
        {"id": "a", "text": "First", "source": [0, 21]},
        {"id": "b", "text": "Second", "source": [22, 38]},
        {"id": "c", "text": "Mine"},
    ]
    before = a_challenge(need=need, requirements=parts)
    after = revised(before, {"need": "First sentence stays. Another one came."})
    assert [one.source for one in after.requirements] == [(0, 21), None, None]
    assert revised(before, {"title": "T"}).requirements == before.requirements
    assert revised(before, {"requirements": ()}).requirements == ()
