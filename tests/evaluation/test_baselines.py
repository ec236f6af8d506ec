"""What the product is compared with, by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from services.evaluation.baselines import Baseline, Bm25, Dense, Mean, TextScorer, text_scorer
from services.evaluation.bundle import Bundle, BundleChallenge, BundleCompany, BundleText
from services.evaluation.choices import Method
from services.kernel.embedding.port import EmbeddingModel, Vectors

K1, B = 1.5, 0.75


def silent(what: str, done: int, total: int) -> None:
    pass


class Directions:
    """Texts on a plane: a text that is a number of degrees lies in that direction."""

    model = EmbeddingModel("directions", "directions", 2)

    async def embed(self, texts: Sequence[str]) -> Vectors:
        angles = np.radians([float(text.split()[0]) for text in texts])
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)

    async def close(self) -> None:
        pass


async def test_the_best_single_cosine_and_the_mean_vector() -> None:
    asked, answering = [["0", "90"], ["90"]], [["60", "300"], ["10", "170"], []]

    dense = await Dense(Directions(), silent).score(asked, answering)
    mean = await Mean(Directions(), silent).score(asked, answering)

    cosines = [[_cosine(60), _cosine(10)], [_cosine(30), _cosine(80)]]
    assert dense[:, :2] == pytest.approx(np.array(cosines), abs=1e-6)
    assert np.isneginf(dense[:, 2]).all()
    assert np.isneginf(mean[:, 2]).all()


def _cosine(degrees: float) -> float:
    return math.cos(math.radians(degrees))


async def test_bm25_is_the_formula() -> None:
    texts = [["helium magnet", "magnet magnet coil"], ["paper"]]

    found = await Bm25().score([["magnet helium magnet"], ["unheard"], ["—"]], texts)

    documents = [["helium", "magnet"], ["magnet", "magnet", "coil"], ["paper"]]
    expected = max(_by_hand(documents, one, ["helium", "magnet"]) for one in documents[:2])
    assert found[0] == pytest.approx([expected, 0.0], abs=1e-6)
    assert (found[1:] == 0.0).all()
    assert (await Bm25().score([["helium"]], [["— …"], []]) <= 0.0).all()


def _by_hand(documents: list[list[str]], document: list[str], query: list[str]) -> float:
    """Robertson and Zaragoza 2009, with the inverse document frequency of Lucene."""
    mean_length = sum(map(len, documents)) / len(documents)
    total = 0.0
    for term in query:
        having = sum(term in one for one in documents)
        idf = math.log(1 + (len(documents) - having + 0.5) / (having + 0.5))
        times = document.count(term)
        total += idf * times / (times + K1 * (1 - B + B * len(document) / mean_length))
    return total


@pytest.mark.parametrize("method", [Method.bm25, Method.dense, Method.mean_vector])
async def test_a_company_without_texts_is_not_ranked(method: Method) -> None:
    bundle = Bundle(
        "small",
        (BundleChallenge("p", "0", "degrees", "en"), BundleChallenge("q", "90", "degrees", "en")),
        (_company("far", "180 degrees"), _company("silent", " "), _company("near", "0 degrees")),
        {},
    )

    found = await Baseline.of(bundle, text_scorer(method, Directions(), silent))

    assert {one.id for one in await found.rank("p")} == {"far", "near"}
    assert (await found.rank("p"))[0].id == "near"
    assert (await found.scores("near"))["p"] >= (await found.scores("near"))["q"]


def _company(name: str, text: str) -> BundleCompany:
    return BundleCompany(name, name, (BundleText("1", text, "en"),))


def test_the_product_is_no_baseline() -> None:
    scorer: TextScorer = text_scorer(Method.bm25, Directions(), silent)
    assert scorer == Bm25()
    with pytest.raises(KeyError):
        text_scorer(Method.liaison, Directions(), silent)
