"""The pure parts of search: slips, relevance, excerpts, filters; and the language of a question."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.search import FoundWord, SearchKind
from services.indexing.collections import CHALLENGES, COMPANIES, LETTERS, MEANING, TEXT, WORDS
from services.indexing.names import of_name, of_query, share
from services.kernel.embedding.multilingual import MultilingualEncoder
from services.search.candidates import NAME, Near
from services.search.question import guess
from services.search.ranking import behind, narrowed, relevance, units
from services.search.reasons import EXCERPT, cosine, excerpt
from services.search.spelling import Spelling, slips
from services.search.wanted import Facet, Facts, Wanted

KNOWN = Spelling(["helium", "pressur", "sensor", "magnet", "pump", "nb3sn"])
LETTER = st.sampled_from("abc")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("heluim", "helium"),
        ("helum", "helium"),
        ("presur", "pressur"),
        ("sensr", "sensor"),
        ("pmup", "pump"),
        ("helium", None),
        ("nb3snx", None),
        ("xqzwvb", None),
        ("hel", None),
    ],
)
def test_a_slip_is_seen_through_and_a_known_word_left_alone(written: str, meant: str | None) -> None:
    assert KNOWN.meant(written) == meant


@given(st.text(LETTER, max_size=7), st.text(LETTER, max_size=7))
def test_slips_are_symmetric_and_bounded(one: str, other: str) -> None:
    count = slips(one, other)
    assert count == slips(other, one)
    assert (count == 0) == (one == other)
    assert abs(len(one) - len(other)) <= count <= max(len(one), len(other))


@given(st.text("abcdefgh ", min_size=1, max_size=40), st.text("abcdefgh ", min_size=1, max_size=40))
def test_the_index_compares_names_as_it_is_said(asked: str, name: str) -> None:
    assert cosine(of_query(asked), of_name(name)) == pytest.approx(share(asked, name), abs=1e-6)


def a_text(alias: str, entity: str, part: str, by: dict[str, float]) -> Near:
    return Near(alias, entity, part, Facts(("FR",), False, ("38000000",), (), 5), by)


def test_likeness_below_the_floors_counts_as_none_and_more_is_more() -> None:
    assert relevance(a_text(COMPANIES, "a", "c1", {TEXT: 0.27, MEANING: 0.37})) == 0.0
    assert relevance(a_text(COMPANIES, "a", NAME, {LETTERS: 0.5})) == 0.0
    assert relevance(a_text(COMPANIES, "a", NAME, {LETTERS: 1.0})) == 1.0
    assert relevance(a_text(COMPANIES, "a", "c1", {WORDS: 1.0, TEXT: 1.0, MEANING: 1.0})) == 1.0
    little = relevance(a_text(COMPANIES, "a", "c1", {WORDS: 0.3}))
    assert 0.0 < little < relevance(a_text(COMPANIES, "a", "c1", {WORDS: 0.3, MEANING: 0.5}))


def test_an_entity_is_there_once_and_its_texts_besides() -> None:
    found = [
        a_text(COMPANIES, "cmp", "c1", {WORDS: 0.4}),
        a_text(COMPANIES, "cmp", "c2", {WORDS: 0.6}),
        a_text(COMPANIES, "cmp", NAME, {LETTERS: 0.9}),
        a_text(CHALLENGES, "chl", "whole", {WORDS: 0.5}),
        a_text(CHALLENGES, "far", "whole", {TEXT: 0.1}),
    ]
    made = units(found)
    assert [(one.kind, one.key) for one in made] == [
        (SearchKind.company, "cmp"),
        (SearchKind.capability, "cmp/c2"),
        (SearchKind.challenge, "chl"),
        (SearchKind.capability, "cmp/c1"),
    ]
    by_default = narrowed(made, Wanted())
    assert [one.key for one in by_default] == ["cmp", "chl"]
    assert behind(by_default, by_default[0].position) == by_default[1:]


def test_what_is_not_known_does_not_pass_and_what_is_open_to_all_does() -> None:
    challenge = Facts((), True, (), ("design",), None)
    company = Facts(("FR",), False, ("38420000",), (), 7)
    assert Wanted(country="IT").passes(challenge)
    assert not Wanted(country="IT").passes(company)
    assert Wanted(cpv="384", trl_min=7).passes(company)
    assert not Wanted(trl_max=6).passes(company)
    assert not Wanted(trl_min=1).passes(challenge)
    assert Wanted(stage="design").passes(challenge)
    narrow = Wanted(SearchKind.company, "FR", "384", None, 3, 8)
    assert narrow.set == (Facet.kind, Facet.country, Facet.cpv, Facet.trl)
    assert narrow.but(Facet.trl).set == (Facet.kind, Facet.country, Facet.cpv)


@given(st.integers(0, 900), st.integers(1, 30), st.integers(100, 1_000))
def test_an_excerpt_keeps_the_first_word_in_sight(place: int, size: int, length: int) -> None:
    text = ("lorem ipsum " * 100)[:length]
    start = min(place, length - 1)
    end = min(length, start + size)
    word = FoundWord(word=text[start:end], at=(start, end), stands_for="x")
    shown, words = excerpt(text, [word])
    assert len(shown) <= EXCERPT + 4 + size
    assert [shown[slice(*one.at)] for one in words] == [word.word]


def test_the_language_of_a_question_is_guessed_from_the_labels() -> None:
    multilingual = MultilingualEncoder.shipped()
    for text, language in (
        ("vacuum pump", "en"),
        ("Vakuumpumpe", "de"),
        ("pompes à vide", "fr"),
        ("pompa próżniowa", "pl"),
        ("αντλία κενού", "el"),
        ("laser", "en"),
        ("…", "en"),
    ):
        assert guess(text, multilingual) == language, text
