"""How alike two needs are: symmetric, bounded, and judged by what both sides have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.embedding.encoder import unit
from services.kernel.embedding.fixed_point import as_float64, quantise
from services.kernel.embedding.lexical import LexicalEncoder
from services.kernel.embedding.multilingual import MultilingualEncoder
from services.kernel.vectors.port import Sparse
from services.pairing.similarity import ENGLISH, MEANING, Floats, Needs, encoded, similarities, stacked

SENTENCES = (
    "Cleaning of offices and windows",
    "Window cleaning for two laboratories",
    "Liquid helium for superconducting magnets",
    "Helium flüssig, für Magnete",
    "— … —",
    "Printing and binding of reports",
)
LEXICAL = LexicalEncoder.shipped()
"""Read here, not in the first example of a property, which has a deadline."""
WEIGHTS = st.dictionaries(
    st.sampled_from([MEANING, ENGLISH, "bridge"]), st.sampled_from([0.25, 0.5, 1.0, 2.0]), min_size=1
)


@st.composite
def stacks(draw: st.DrawFn) -> Needs:
    """Needs with two dense families and words; in the second dense family some have no vector."""
    count = draw(st.integers(0, 7))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    absent = draw(st.lists(st.booleans(), min_size=count, max_size=count))
    bridge = _dense(random, count, 5)
    bridge[np.array(absent, dtype=bool)] = 0.0
    texts = draw(st.lists(st.sampled_from(SENTENCES), min_size=count, max_size=count))
    return Needs(count, {MEANING: _dense(random, count, 12), ENGLISH: _words(texts), "bridge": bridge})


def _dense(random: np.random.Generator, count: int, dimensions: int) -> Floats:
    return as_float64(quantise(unit(random.normal(size=(count, dimensions)).astype(np.float32))))


def _words(texts: list[str]) -> list[Sparse]:
    return [LEXICAL.document(text) for text in texts]


@given(stacks(), stacks(), WEIGHTS)
def test_it_is_the_same_from_both_sides_bit_for_bit_and_bounded(
    ours: Needs, theirs: Needs, weights: dict[str, float]
) -> None:
    found = similarities(ours, theirs, weights)

    assert found.shape == (ours.count, theirs.count)
    assert (found == similarities(theirs, ours, weights).T).all()
    assert ((found >= -1.0) & (found <= 1.0)).all()


@given(stacks(), WEIGHTS, st.sampled_from([2.0, 4.0, 0.5]))
def test_only_the_ratio_of_the_weights_counts(needs: Needs, weights: dict[str, float], factor: float) -> None:
    scaled = {name: weight * factor for name, weight in weights.items()}

    assert (similarities(needs, needs, weights) == similarities(needs, needs, scaled)).all()


@given(stacks(), stacks())
def test_a_pair_is_as_alike_alone_as_among_others(ours: Needs, theirs: Needs) -> None:
    found = similarities(ours, theirs)

    for row in range(ours.count):
        for column in range(theirs.count):
            assert similarities(_one(ours, row), _one(theirs, column))[0, 0] == found[row, column]


def _one(needs: Needs, place: int) -> Needs:
    return Needs(1, {name: rows[place : place + 1] for name, rows in needs.families.items()})


@given(stacks())
def test_a_need_is_most_alike_to_itself(needs: Needs) -> None:
    assert np.diag(similarities(needs, needs)) == pytest.approx(np.ones(needs.count), abs=2e-3)


def test_it_is_the_weighted_mean_of_the_cosines() -> None:
    one = Needs(1, {"a": np.array([[1.0, 0.0]]), "b": np.array([[0.0, 1.0]])})
    other = Needs(1, {"a": np.array([[0.5, 0.0]]), "b": np.array([[0.0, -1.0]])})

    assert similarities(one, other, {"a": 1.0, "b": 0.5})[0, 0] == pytest.approx((0.5 - 0.5) / 1.5)
    assert similarities(one, other, {"a": 3.0, "b": 1.0})[0, 0] == pytest.approx((1.5 - 1.0) / 4.0)


def test_who_has_no_vector_in_a_family_is_judged_by_the_others() -> None:
    nothing = np.zeros((1, 2))
    one = Needs(1, {"a": np.array([[0.5, 0.5]]), "b": nothing})
    other = Needs(1, {"a": np.array([[0.5, 0.5]]), "b": np.array([[1.0, 0.0]])})
    silent = Needs(1, {"a": nothing, "b": nothing})

    assert similarities(one, other, {"a": 1.0, "b": 8.0})[0, 0] == 0.5
    assert similarities(one, other, {"b": 8.0})[0, 0] == 0.0
    assert similarities(one, silent, {"a": 1.0, "b": 8.0})[0, 0] == 0.0


def test_words_are_compared_as_cosines() -> None:
    first, second, third = (_words([text]) for text in ("helium helium magnets", "magnets", "printing"))
    by_hand = sum(
        float(a) * float(b)
        for index, a in zip(first[0].indices, first[0].values, strict=True)
        for other, b in zip(second[0].indices, second[0].values, strict=True)
        if index == other
    )

    assert 0.0 < by_hand < 1.0
    assert (
        similarities(Needs(1, {ENGLISH: first}), Needs(1, {ENGLISH: second}), {ENGLISH: 0.5})[0, 0] == by_hand
    )
    assert similarities(Needs(1, {ENGLISH: first}), Needs(1, {ENGLISH: third}), {ENGLISH: 0.5})[0, 0] == 0.0


def test_what_does_not_fit_together_is_named() -> None:
    needs = Needs(1, {"a": np.zeros((1, 2))})
    with pytest.raises(ValueError, match="1 needs, but 2 vectors of the family 'a'"):
        Needs(1, {"a": np.zeros((2, 2))})
    with pytest.raises(ValueError, match=r"no vectors of the family 'b'; they have \['a'\]"):
        similarities(needs, needs, {"b": 1.0})
    with pytest.raises(ValueError, match="dense on both sides"):
        similarities(needs, Needs(1, {"a": _words(["helium"])}), {"a": 1.0})


@dataclass(frozen=True, slots=True)
class Said:
    title: str
    need: str
    language: str | None


def test_needs_are_compared_across_languages() -> None:
    encoder = MultilingualEncoder.shipped()
    asked = [
        Said("Reinigung von Büros", "Reinigung der Büros und Fenster zweier Gebäude.", "de"),
        Said("Transport scolaire", "Services d'autobus pour le transport des élèves.", "fr"),
        Said("…", "", None),
    ]
    english = [
        Said("School buses", "Bus services that bring pupils to school.", "en"),
        Said("Office cleaning", "Cleaning of offices and windows in two buildings.", "en"),
    ]
    ours, theirs, none = (
        stacked([encoded(encoder, one) for one in some], encoder.dimensions) for some in (asked, english, [])
    )
    found = similarities(ours, theirs)

    assert found[:2].argmax(axis=1).tolist() == [1, 0]
    assert (found[2] == 0.0).all()
    assert none.count == 0
