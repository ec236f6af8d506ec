"""Words and terms in the languages of the Union."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.embedding.words import PLURAL_MIN, stem, term_of, words


def terms(text: str) -> list[str]:
    return [word.term for word in words(text)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("lasers", "Laser"),
        ("batteries", "battery"),
        ("superconducting", "superconductor"),
        ("detectors", "detector"),
        ("pompes", "pompe"),
        ("Gehäuse", "GEHAUSE"),
        ("macchine", "macchina"),
        ("máquinas", "máquina"),
        ("magneter", "magnet"),
        ("вакуумна", "вакуумни"),
        ("σωλήνας", "σωλήνες"),
        ("Straße", "strasse"),
    ],
)
def test_forms_of_a_word_are_one_term(one: str, other: str) -> None:
    assert term_of(one) == term_of(other)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4 K", ["4k", "k"]),
        ("4K", ["4k", "k"]),
        ("10 MGy", ["10mgy", "mgy"]),
        ("0,1 mm", ["0.1mm", "mm"]),
        ("0.1", ["0.1"]),
        ("4 with", ["4", "with"]),
        ("20 companies", ["20", "compan"]),
        ("Nb3Sn", ["nb3sn"]),
        ("l'eau", ["l", "eau"]),
        ("CO2-free", ["co2", "free"]),
        ("§ — …", []),
    ],
)
def test_numbers_units_codes_and_elisions(text: str, expected: list[str]) -> None:
    assert terms(text) == expected


def test_a_number_with_its_unit_stands_over_both() -> None:
    text = "cooled to 4 K only"

    assert [(word.term, text[word.start : word.end]) for word in words(text)][2:4] == [
        ("4k", "4 K"),
        ("k", "K"),
    ]


def test_a_decomposed_accent_does_not_cut_a_word() -> None:
    composed = "contrôle qualité"
    decomposed = unicodedata.normalize("NFD", composed)

    assert terms(decomposed) == terms(composed)


@given(st.text(max_size=200))
def test_spans_lie_in_the_text_and_in_order(text: str) -> None:
    found = list(words(text))

    assert all(0 <= word.start < word.end <= len(text) and word.term for word in found)
    assert [word.start for word in found] == sorted(word.start for word in found)


@given(st.text(alphabet=st.characters(categories=["Ll"]), min_size=1, max_size=30))
def test_a_stem_keeps_the_beginning(word: str) -> None:
    stemmed = stem(word)

    assert word.startswith(stemmed)
    assert len(stemmed) >= min(PLURAL_MIN, len(word))
