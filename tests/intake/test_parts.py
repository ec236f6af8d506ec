"""Which texts of a profile get a vector."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from schemas.company import Company
from schemas.text import CAPABILITY_MAX
from services.intake.parts import PASSAGE_MAX, Part, company_parts, passages, stated_as

ULID = "01KAJ2Q6ZV0000000000000000"


def company(**given: Any) -> Company:
    return Company.model_validate(
        {
            "id": f"cmp_{ULID}",
            "version": 1,
            "state": "active",
            "owner": f"org_{ULID}",
            "changed_at": datetime(2026, 11, 21, tzinfo=UTC),
            "name": "Kelvin SARL",
            "country": "FR",
            **given,
        }
    )


def test_a_text_that_is_there_twice_counts_once() -> None:
    profile = company(
        capabilities=[
            {"id": "c1", "text": "Cryocoolers down to 4 K"},
            {"id": "c2", "text": "cryocoolers  down to 4 K"},
            {"id": "c3", "text": "Helium leak testing"},
        ],
        references=[
            {"id": "x1", "text": "Cryocoolers down to 4 K"},
            {"id": "x2", "text": "A cooler for ESRF"},
        ],
    )

    assert company_parts(profile) == [
        Part("c1", "Cryocoolers down to 4 K"),
        Part("c3", "Helium leak testing"),
        Part("x2", "A cooler for ESRF"),
    ]


SENTENCE = "We build {} for accelerators, tested at 4 K and delivered with a report of every measurement. "
LONG = "".join(SENTENCE.format(f"part number {number}") for number in range(20)).strip()


def test_a_long_text_is_cut_between_sentences_into_pieces_of_about_one_length() -> None:
    found = passages(LONG)

    assert len(found) == 2
    assert max(map(len, found)) <= PASSAGE_MAX
    assert min(map(len, found)) > 0.7 * max(map(len, found))
    assert all(passage.startswith("We build") and passage.endswith(".") for passage in found)
    assert " ".join(found) == LONG


def test_a_text_that_the_model_reads_whole_is_not_cut() -> None:
    text = LONG[:PASSAGE_MAX]
    assert passages(text) == [text]


@given(
    st.lists(
        st.sampled_from(
            ["word ", "W", "end. ", "item;", "\n- ", "list:", "\n\n", "é", "4 K", "(x) ", " " * 400]
        ),
        min_size=50,
        max_size=900,
    ).map(lambda pieces: "".join(pieces)[:CAPABILITY_MAX])
)
def test_passages_are_quotations_in_order_short_enough_and_complete(text: str) -> None:
    found = passages(text)
    at = 0
    for passage in found:
        assert len(passage) <= PASSAGE_MAX
        at = text.index(passage, at) + len(passage)
    if len(found) > 1:
        kept = sum(character.isalpha() for passage in found for character in passage)
        assert kept >= 0.9 * sum(character.isalpha() for character in text)


def test_passages_are_named_after_what_they_were_cut_from() -> None:
    profile = company(
        capabilities=[{"id": "c1", "text": LONG}, {"id": "c1#2", "text": "Helium leak testing"}],
        references=[{"id": "x", "text": LONG.replace("part", "piece")}],
    )

    parts = company_parts(profile)

    assert [part.id for part in parts] == ["c1", "c1#3", "c1#2", "x", "x#2"]
    assert [part.stated_as for part in parts] == ["c1", "c1", "c1#2", "x", "x"]


def test_a_passage_that_is_there_twice_counts_once() -> None:
    profile = company(capabilities=[{"id": "c1", "text": LONG}, {"id": "c2", "text": LONG}])
    assert [part.stated_as for part in company_parts(profile)] == ["c1", "c1"]


def test_whose_a_passage_is_is_told_by_its_id_alone() -> None:
    long = "We build pumps for helium. " * 60
    profile = company(
        capabilities=[{"id": "a", "text": long}, {"id": "a#2", "text": "Vacuum gauges"}],
        references=[{"id": "r#1", "text": f"{long}In Hamburg."}],
    )
    stated = {one.id for one in profile.capabilities} | {one.id for one in profile.references}
    parts = company_parts(profile)
    assert len(parts) > len(stated)
    assert [stated_as(part.id, stated) for part in parts] == [part.stated_as for part in parts]
