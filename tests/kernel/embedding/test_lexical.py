"""Sparse vectors of words: exact, normalised, and with stop words of all languages near zero."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.embedding.lexical import IDF_MIN, WEIGHT_SCALE, LexicalEncoder
from services.kernel.embedding.words import term_of
from services.kernel.vectors.port import Sparse

SHIPPED = LexicalEncoder.shipped()

FUNCTION_WORDS = {
    "bg": "на и за с от",
    "cs": "a v na se pro",
    "da": "og i til af for",
    "de": "und der die das für",
    "el": "και του της για με",
    "en": "the of and in for",
    "es": "de la los para y",
    "et": "ja on",
    "fi": "ja on",
    "fr": "de les des pour et",
    "hr": "i za na u",
    "hu": "és az a",
    "it": "di della per il e",
    "lt": "ir",
    "lv": "un ar",
    "mt": "ta u",
    "nl": "van de het een en",
    "pl": "w i na do z",
    "pt": "de para com dos e",
    "ro": "de si cu pentru",
    "sk": "a na v pre",
    "sl": "in za na v",
    "sv": "och i för av att",
}


def cosine(one: Sparse, other: Sparse) -> float:
    _, ours, theirs = np.intersect1d(one.indices, other.indices, return_indices=True)
    return float(one.values[ours].astype(np.float64) @ other.values[theirs].astype(np.float64))


@pytest.mark.parametrize("language", sorted(FUNCTION_WORDS))
def test_function_words_of_every_language_leave_no_trace(language: str) -> None:
    for word in FUNCTION_WORDS[language].split():
        assert SHIPPED.idf(term_of(word)) < 2.0, word


@pytest.mark.parametrize("word", ["robot", "drug", "sensor", "cryostat", "magnet", "vacuum", "laser"])
def test_words_of_content_keep_their_weight(word: str) -> None:
    assert SHIPPED.idf(term_of(word)) > 5.0


def test_an_unknown_word_weighs_most() -> None:
    assert SHIPPED.idf("qqqzzz") >= max(
        SHIPPED.idf(term_of(word)) for word in ("cryostat", "niobium", "robot")
    )


@given(st.text(max_size=300))
def test_a_vector_is_sorted_positive_of_length_one_and_in_whole_steps(text: str) -> None:
    vector = SHIPPED.document(text)

    assert vector.indices.dtype == np.uint32
    assert vector.values.dtype == np.float32
    assert (np.diff(vector.indices.astype(np.int64)) > 0).all()
    assert (vector.values > 0).all()
    steps = vector.values.astype(np.float64) * WEIGHT_SCALE
    assert (steps == np.rint(steps)).all()
    if vector.values.size:
        assert math.isclose(float(np.linalg.norm(vector.values)), 1.0, abs_tol=1e-3)


@given(st.text(max_size=200))
def test_terms_carry_the_weights_of_the_vector(text: str) -> None:
    weights = sorted({(term.term, term.weight) for term in SHIPPED.terms(text) if term.weight > 0})

    assert np.allclose(sorted(weight for _, weight in weights), np.sort(SHIPPED.document(text).values))


def test_words_of_no_content_make_an_empty_vector() -> None:
    assert SHIPPED.document("of the and").indices.size == 0
    assert SHIPPED.document("").indices.size == 0


def test_the_same_need_in_other_forms_is_alike_and_another_is_not() -> None:
    need = SHIPPED.query("Superconducting magnets for detectors at 4 K")

    assert cosine(need, need) == pytest.approx(1.0, abs=1e-3)
    assert cosine(need, SHIPPED.document("a detector magnet, superconductor at 4K")) > 0.7
    assert cosine(need, SHIPPED.document("Organic bread and catering for the conference")) == 0.0


def test_idf_is_given_per_term_and_rare_words_weigh_more() -> None:
    encoder = LexicalEncoder({"pump": 2.0, "cryost": 8.0, "of": IDF_MIN / 2}, unknown=9.0)

    weights = {term.term: term.weight for term in encoder.terms("pump of cryostat pump")}

    assert weights["of"] == 0.0
    assert weights["cryost"] == pytest.approx(8.0 / math.hypot(8.0, 2.0 * (1 + math.log(2))), abs=1e-4)


def test_a_fingerprint_tells_tables_apart() -> None:
    one = LexicalEncoder({"pump": 2.0}, unknown=9.0)

    assert one.fingerprint == LexicalEncoder({"pump": 2.0}, unknown=9.0).fingerprint
    assert (
        len({one.fingerprint, LexicalEncoder({"pump": 2.5}, unknown=9.0).fingerprint, SHIPPED.fingerprint})
        == 3
    )
