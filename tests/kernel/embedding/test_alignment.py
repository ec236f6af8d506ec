"""Words aligned from parallel texts."""

from __future__ import annotations

import pytest

from services.kernel.embedding.alignment import align, presence, pruned


def test_a_word_stands_for_the_term_it_comes_with() -> None:
    foreign, words = presence([["rote", "pumpe"], ["blaue", "pumpe"], ["rote", "tur"], ["blaue", "tur"]])
    english, terms = presence([["red", "pump"], ["blue", "pump"], ["red", "door"], ["blue", "door"]])

    table = align(foreign, english)

    likeliest = {word: terms[int(table[[place]].toarray().argmax())] for place, word in enumerate(words)}
    assert likeliest == {"rote": "red", "pumpe": "pump", "blaue": "blue", "tur": "door"}
    assert table.sum(axis=1) == pytest.approx([1.0] * len(words))
    assert pruned(table).toarray().max(axis=1).min() >= 230
