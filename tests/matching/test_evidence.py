"""Similarities, backgrounds, and how well a company answers a part."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from services.kernel.embedding.fixed_point import quantise
from services.matching.evidence import (
    BACKGROUND_WEIGHT,
    COUNTED_MAX,
    DISCOUNT,
    LEVEL,
    NEIGHBOURS,
    NO_BACKGROUND,
    TYPICAL_LEVEL,
    UNBOUNDED,
    Background,
    Texts,
    answers,
    measure_background,
    offsets,
    similarities,
    totals,
    word_cosines,
)
from tests.matching.generated import SEEDS, texts

LEVELS = np.array([LEVEL])


def answer(*above: float) -> float:
    """Of one company with capabilities so far above the background."""
    similarity = np.array([[LEVEL + one for one in above]])
    return float(answers(similarity, LEVELS, offsets([len(above)]))[0, 0])


class TestSimilarities:
    @given(st.integers(0, 12), st.integers(0, 12), SEEDS, SEEDS)
    def test_words_are_compared_the_same_way_from_both_sides(
        self, n: int, m: int, one: int, other: int
    ) -> None:
        ours, theirs = texts(n, one), texts(m, other)

        slow = np.array([[_cosine(ours, i, theirs, j) for j in range(m)] for i in range(n)]).reshape(n, m)

        assert (word_cosines(ours, theirs) == slow).all()
        assert (word_cosines(theirs, ours) == slow.T).all()
        assert (word_cosines(ours.sorted_by_term(), theirs) == slow).all()
        assert (word_cosines(ours, theirs.sorted_by_term()) == slow).all()

    @given(st.integers(1, 9), st.integers(1, 9), SEEDS, SEEDS)
    def test_a_similarity_is_the_same_alone_and_in_a_stack(
        self, n: int, m: int, one: int, other: int
    ) -> None:
        ours, theirs, strangers = texts(n, one), texts(m, other), texts(5, one ^ other)

        stacked = similarities(Texts.join([strangers, ours]), Texts.join([theirs, strangers]))

        assert (stacked[5:, :m] == similarities(ours, theirs)).all()
        assert (similarities(ours, theirs) == similarities(theirs, ours).T).all()

    def test_each_text_has_its_words(self) -> None:
        with pytest.raises(ValueError, match="2 dense vectors, but 0 word vectors"):
            Texts.of(quantise(np.zeros((2, 3), dtype=np.float32)), [])


def _cosine(ours: Texts, i: int, theirs: Texts, j: int) -> float:
    mine = dict(zip(ours.terms[ours.rows == i].tolist(), ours.weights[ours.rows == i].tolist(), strict=True))
    other = zip(
        theirs.terms[theirs.rows == j].tolist(), theirs.weights[theirs.rows == j].tolist(), strict=True
    )
    return float(sum(mine.get(term, 0.0) * weight for term, weight in other))


class TestBackground:
    def test_it_is_the_level_of_the_hundredth_text_of_a_large_index(self) -> None:
        found = [0.9 - place / 1000 for place in range(150)]

        assert measure_background(found, 20_000) == Background(0.801, 20_000)
        assert measure_background(found[::-1], 20_000) == measure_background(found, 20_000)

    def test_in_a_small_index_it_is_read_higher_up_and_hardly_believed(self) -> None:
        background = measure_background([0.9, 0.8, 0.1], 3)

        assert background == Background(0.9, 3)
        assert background.offset == pytest.approx(LEVEL, abs=1e-3)

    @pytest.mark.parametrize("indexed", [0, 3])
    def test_nothing_found_is_no_background(self, indexed: int) -> None:
        assert measure_background([], indexed) == NO_BACKGROUND
        assert NO_BACKGROUND.offset == LEVEL

    @given(st.lists(st.floats(-1, 1), min_size=1, max_size=200), st.integers(1, 10**7))
    def test_it_takes_or_adds_a_bounded_part(self, found: list[float], indexed: int) -> None:
        offset = measure_background(found, indexed).offset

        assert LEVEL - BACKGROUND_WEIGHT * (1 + TYPICAL_LEVEL) <= offset <= LEVEL + BACKGROUND_WEIGHT

    def test_a_part_near_to_everything_loses_more(self) -> None:
        vague = measure_background([0.7] * NEIGHBOURS, 20_000)
        special = measure_background([0.3] * NEIGHBOURS, 20_000)

        assert vague.offset > measure_background([TYPICAL_LEVEL] * NEIGHBOURS, 20_000).offset > special.offset


SIMILARITIES = st.lists(st.floats(-1, 1.5), min_size=1, max_size=40)


class TestAnswers:
    @given(SIMILARITIES, st.floats(0, 0.5))
    def test_they_lie_between_0_and_1(self, similarity: list[float], level: float) -> None:
        found = answers(np.array([similarity]), np.array([level]), offsets([len(similarity)]))

        assert 0.0 <= found[0, 0] < 1.0

    @given(SIMILARITIES, st.data())
    def test_they_rise_with_every_similarity(self, similarity: list[float], data: st.DataObject) -> None:
        place = data.draw(st.integers(0, len(similarity) - 1))
        raised = [*similarity]
        raised[place] += data.draw(st.floats(0, 0.5))
        before, after = (
            float(answers(np.array([one]), LEVELS, offsets([len(one)]))[0, 0]) for one in (similarity, raised)
        )

        assert after >= before - 1e-12

    @given(SIMILARITIES, st.randoms(use_true_random=False))
    def test_the_order_of_the_capabilities_does_not_matter(
        self, similarity: list[float], random: object
    ) -> None:
        shuffled = [*similarity]
        getattr(random, "shuffle")(shuffled)  # noqa: B009 - hypothesis types it as object

        assert answer(*shuffled) == answer(*similarity)

    @given(st.lists(SIMILARITIES, min_size=1, max_size=12))
    def test_a_company_is_answered_the_same_alone_and_among_others(
        self, companies: list[list[float]]
    ) -> None:
        stacked = np.array([[value for one in companies for value in one]])

        together = answers(stacked, LEVELS, offsets([len(one) for one in companies]))

        alone = [answers(np.array([one]), LEVELS, offsets([len(one)]))[0, 0] for one in companies]
        assert together[0].tolist() == alone

    def test_a_second_capability_counts_and_an_unrelated_one_does_not(self) -> None:
        assert answer(0.4) < answer(0.4, 0.3) < answer(0.4, 0.4) < answer(0.4, 0.4, 0.4)
        assert answer(0.4, -0.3) == answer(0.4)

    @given(st.floats(0.1, 1.0), st.integers(1, 500))
    def test_one_text_far_above_outweighs_any_number_of_others(self, above: float, many: int) -> None:
        """The bound that keeps popularity from being the score: the cube root of 1 / (1 - DISCOUNT)."""
        bound = (1.0 / (1.0 - DISCOUNT)) ** (1 / 3)

        assert answer(*[above / bound] * many) < answer(above)

    def test_no_more_than_the_best_count(self) -> None:
        assert answer(*[0.3] * COUNTED_MAX) == answer(*[0.3] * (COUNTED_MAX + 200))

    def test_without_the_bound_every_capability_counts_in_full(self) -> None:
        many = np.full((1, COUNTED_MAX + 8), 0.5)

        without = totals(many, np.zeros(1), offsets([COUNTED_MAX + 8]), UNBOUNDED)[0, 0]

        assert without == pytest.approx((COUNTED_MAX + 8) * 0.5**3)
        assert totals(many, np.zeros(1), offsets([COUNTED_MAX + 8]))[0, 0] < without / 4

    def test_a_company_without_capabilities_answers_nothing(self) -> None:
        empty: NDArray[np.float64] = np.zeros((2, 0))

        assert answers(empty, np.array([0.1, 0.2]), offsets([0])).tolist() == [[0.0], [0.0]]
        alone = answers(np.array([[LEVEL + 0.8]]), LEVELS, offsets([0, 1, 0]))[0]
        assert alone.tolist() == [0.0, answer(0.8), 0.0]
