"""Needs by their vectors, on the challenges of the demo."""

from __future__ import annotations

from datetime import date

import pytest

from schemas.challenge import Challenge
from services.demo import dataset
from services.kernel.embedding.multilingual import MultilingualEncoder
from services.pairing.vectors import NeedVectors
from tests.pairing.needs import a_challenge


@pytest.fixture(scope="module")
def vectors() -> NeedVectors:
    return NeedVectors(MultilingualEncoder.shipped)


@pytest.fixture(scope="module")
def needs() -> list[Challenge]:
    texts = [one.content(date(2026, 11, 27)) for one in dataset.load().challenges]
    return [
        a_challenge(number, title=one.title, need=one.need, language=one.language)
        for number, one in enumerate(texts[:24], start=1)
    ]


def test_the_order_is_of_all_and_the_similarity_of_two(vectors: NeedVectors, needs: list[Challenge]) -> None:
    first, *others = needs
    found = vectors.alike(first, others)
    assert {other.id for _, other in found} == {other.id for other in others}
    assert found == vectors.alike(first, others[::-1]), "it does not matter in which order they come"
    alone = {other.id: vectors.similarities(first, [other])[0] for other in others}
    assert {other.id: similarity for similarity, other in found} == alone
    assert alone == {other.id: vectors.similarities(other, [first])[0] for other in others}
    assert vectors.alike(first, []) == []


def test_who_has_neighbours_in_common_comes_first(vectors: NeedVectors, needs: list[Challenge]) -> None:
    moved = 0
    for place, one in enumerate(needs):
        others = needs[:place] + needs[place + 1 :]
        similar = [similarity for similarity, _ in vectors.alike(one, others)]
        moved += similar != sorted(similar, reverse=True)
        assert max(similar) in similar[:5]
    assert moved
