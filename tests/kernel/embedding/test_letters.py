"""Words as their letters."""

from __future__ import annotations

import unicodedata

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.embedding.letters import BUCKETS, CHARACTERS_READ, WORD_MAX, buckets, cut, damped, grams


def test_words_are_folded_and_numbers_single_letters_and_other_scripts_are_none() -> None:
    assert cut("Kühlung für 4 K-Magnete, a ΨΥΞΗ в насосы 超伝導 磁石 3D") == [
        "kuhlung",
        "fur",
        "magnete",
        "ψυξη",
        "насосы",
    ]


def test_however_accents_are_encoded() -> None:
    text = "Nádrže na odpadní vodu, čerpadlá, Ψύξη"
    assert cut(unicodedata.normalize("NFD", text)) == cut(text)


def test_ngrams_have_the_ends_of_the_word() -> None:
    assert grams("pump") == ["<pu", "pum", "ump", "mp>", "<pum", "pump", "ump>", "<pump", "pump>"]


def test_a_word_said_often_weighs_more_but_not_as_often() -> None:
    assert damped(["b", "a", "a"]) == [("a", 1.0 + np.log(2.0)), ("b", 1.0)]


@given(st.text())
def test_any_text_has_words_of_bounded_length_and_known_buckets(text: str) -> None:
    for word in cut(text):
        assert len(word) <= WORD_MAX
        found = buckets(word)
        assert (np.diff(found) > 0).all()
        assert 0 <= found[0] <= found[-1] < BUCKETS


def test_what_is_read_is_bounded() -> None:
    assert cut("pump " * CHARACTERS_READ) == cut(("pump " * CHARACTERS_READ)[:CHARACTERS_READ])
    assert cut("x" * 1_000) == ["x" * WORD_MAX]
