"""A row put into a profile: what it does not say stays, what it says again stays the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.company import CAPABILITIES_MAX, CompanyContent
from services.intake.importing.merging import Unfit, merged
from services.intake.importing.row import Row
from tests.intake.importing.files import rows_of


def row(text: str) -> Row:
    [found] = rows_of(text.encode())
    return found


def put(text: str, before: CompanyContent | None = None) -> CompanyContent:
    return merged(row(text), before, language="fr")


def test_a_new_profile_gets_ids_and_the_files_language() -> None:
    profile = put("name;country;capabilities;references\nA;FR;x|y;z\n")
    assert [(one.id, one.text, one.language) for one in profile.capabilities] == [
        ("c1", "x", "fr"),
        ("c2", "y", "fr"),
    ]
    assert [(one.id, one.text) for one in profile.references] == [("ref1", "z")]


def test_what_was_known_of_a_text_is_kept() -> None:
    before = CompanyContent.model_validate(
        {
            "name": "A",
            "country": "FR",
            "website": "https://a.example",
            "capabilities": [
                {"id": "own", "text": "x  of\ny", "trl": 7, "evidence": "patent"},
                {"id": "c1", "text": "gone"},
            ],
            "references": [{"id": "r", "text": "kept"}],
        }
    )
    after = put("name;country;capabilities;TRL\nA;FR;new|x of y;8\n", before)
    assert [(one.id, one.text, one.trl, one.evidence) for one in after.capabilities] == [
        ("c2", "new", 8, None),
        ("own", "x of y", 8, "patent"),
    ]
    assert (after.website, after.references) == (before.website, before.references)


def test_an_equal_row_changes_nothing() -> None:
    text = 'name;country;capabilities;website\nA;FR;"  x \u200b|y";a.example\n'
    first = put(text)
    assert put(text, first) == first


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name;Pays\nA;Frnace\n", "Pays: 'Frnace' is not"),
        ("name;capabilities\nA;x\n", "country: is missing"),
        ("name;country;CPV\nA;FR;38423000 3511\n", "CPV 2.: '3511' is not a CPV 2008 code. Did you mean"),
        (f"name;country;Skills\nA;FR;ok|{'x' * 5_000}\n", "Skills 2. text: The text has 5000 characters"),
        ("name;country;size\nA;FR;KMU\n", "size: should be 'micro'"),
        ("name;country;TRL;capabilities\nA;FR;0;x\n", "capabilities 1. trl"),
        ("name;country\nA\tB;FR\n", "name: The text contains, at character 2, a line break or tab"),
    ],
)
def test_what_is_wrong_is_told_in_the_files_own_headings(text: str, said: str) -> None:
    with pytest.raises(Unfit) as caught:
        put(text)
    assert said in str(caught.value)


def test_only_the_first_faults_are_told() -> None:
    with pytest.raises(Unfit, match=r"; and 2 more\.$"):
        put("name;country;cpv\nA;FR;1 2 3 4 5\n")


def test_too_many_capabilities_are_refused_not_cut() -> None:
    many = "|".join(f"text {n}" for n in range(CAPABILITIES_MAX + 1))
    with pytest.raises(Unfit):
        put(f"name;country;capabilities\nA;FR;{many}\n")


texts = st.lists(st.sampled_from(["a", "b", "c", "d", "e"]), max_size=6)


@given(st.lists(texts, min_size=1, max_size=5))
def test_ids_stay_with_their_texts_and_are_unique(imports: list[list[str]]) -> None:
    profile: CompanyContent | None = None
    known: dict[str, str] = {}
    for found in imports:
        profile = put(f"name;country;capabilities\nA;FR;{'|'.join(found)}\n", profile)
        now = {one.text: one.id for one in profile.capabilities}
        if found:
            assert list(now) == list(dict.fromkeys(found))
        assert all(now[text] == known[text] for text in now.keys() & known.keys())
        known = now
