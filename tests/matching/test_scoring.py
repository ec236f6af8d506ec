"""The score of a pair: alone, forward, reverse, and what mandatory requirements do to it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.match import Strength
from services.kernel.embedding.fixed_point import quantise
from services.kernel.vectors.port import Sparse
from services.matching.evidence import LEVEL, NO_BACKGROUND, Texts
from services.matching.scoring import (
    ANSWERED,
    CUT,
    DECIMALS,
    GOOD,
    POSSIBLE,
    STRONG,
    WHOLE,
    Challenges,
    ChallengeTexts,
    Companies,
    PartTerms,
    Scored,
    score,
    score_many,
    strength,
)
from tests.matching.generated import SEEDS, challenges, companies, texts

NO_WORDS = Sparse(np.empty(0, np.uint32), np.empty(0, np.float32))
AXES = 6


def facing(*cosines: float) -> Texts:
    """A company whose only text has these cosines to the axes of `challenge`; the rest of its length is
    spent on an axis of its own."""
    rest = max(0.0, 1.0 - sum(cosine**2 for cosine in cosines)) ** 0.5
    row = [*cosines, *[0.0] * (AXES - 1 - len(cosines)), rest]
    return Texts.of(quantise(np.array([row], dtype=np.float32)), [NO_WORDS])


def challenge(*requirements: PartTerms) -> ChallengeTexts:
    """The whole and each requirement point along an axis each."""
    parts = (PartTerms("whole", NO_BACKGROUND), *requirements)
    return ChallengeTexts(
        parts, Texts.of(quantise(np.eye(len(parts), AXES, dtype=np.float32)), [NO_WORDS] * len(parts))
    )


def part(name: str, *, mandatory: bool = False, weight: float = 1.0, cut: bool = False) -> PartTerms:
    return PartTerms(name, NO_BACKGROUND, weight, mandatory, cut)


class TestSameBytes:
    @given(st.lists(challenges(), min_size=1, max_size=5), st.lists(companies(), min_size=1, max_size=5))
    @settings(max_examples=60)
    def test_alone_forward_reverse_and_all_together(
        self, asked: list[ChallengeTexts], offering: list[Texts]
    ) -> None:
        together = score_many(Challenges(asked), Companies(offering))
        for row, one in enumerate(asked):
            forward = score_many(Challenges([one]), Companies(offering))
            assert forward[0].tobytes() == together[row].tobytes()
        for column, other in enumerate(offering):
            reverse = score_many(Challenges(asked), Companies([other]))
            assert reverse[:, 0].tobytes() == together[:, column].tobytes()
        for row, one in enumerate(asked):
            for column, other in enumerate(offering):
                assert score(one, other).score == together[row, column]

    @given(challenges(), st.lists(companies(), min_size=1, max_size=5), st.data())
    @settings(max_examples=60)
    def test_details_are_the_same_alone_and_in_a_batch(
        self, asked: ChallengeTexts, offering: list[Texts], data: st.DataObject
    ) -> None:
        column = data.draw(st.integers(0, len(offering) - 1))

        assert Scored(Challenges([asked]), Companies(offering)).details(0, column) == score(
            asked, offering[column]
        )

    @given(challenges(), SEEDS, st.permutations(range(7)))
    @settings(max_examples=60)
    def test_the_order_of_the_capabilities_does_not_matter(
        self, asked: ChallengeTexts, seed: int, order: list[int]
    ) -> None:
        own = texts(7, seed)
        single = [
            Texts(
                own.dense[[n]],
                own.terms[own.rows == n],
                own.weights[own.rows == n],
                own.rows[own.rows == n] * 0,
            )
            for n in range(7)
        ]

        assert score(asked, Texts.join([single[n] for n in order])).score == score(asked, own).score


class TestShares:
    @given(challenges())
    def test_they_sum_to_1_and_the_whole_has_the_most(self, asked: ChallengeTexts) -> None:
        shares = Challenges([asked]).shares[0]

        assert shares.sum() == pytest.approx(1.0)
        assert shares[0] >= WHOLE - 1e-12
        assert (shares[1:] > 0).all()

    def test_what_was_cut_from_the_need_counts_less_and_leaves_it_to_the_whole(self) -> None:
        added, cut = (
            Challenges([challenge(part("a"), part("b", cut=is_cut))]).shares[0] for is_cut in (False, True)
        )

        assert added.tolist() == pytest.approx([WHOLE, (1 - WHOLE) / 2, (1 - WHOLE) / 2])
        assert cut.tolist() == pytest.approx(
            [WHOLE + (1 - WHOLE) / 2 * (1 - CUT), (1 - WHOLE) / 2, (1 - WHOLE) / 2 * CUT]
        )


class TestScore:
    @given(challenges(), companies())
    def test_it_lies_between_0_and_1_with_few_decimals(self, asked: ChallengeTexts, offered: Texts) -> None:
        match = score(asked, offered)

        assert 0.0 <= match.score <= 1.0
        assert match.score == round(match.score, DECIMALS)
        assert [one.id for one in match.parts] == [one.id for one in asked.parts]
        for one in match.parts:
            assert 0.0 <= one.score <= 1.0
            assert 0.0 <= one.similarity <= 1.0
            assert one.capability is None or 0 <= one.capability < len(offered)

    @given(challenges(), companies(), SEEDS)
    def test_another_capability_never_lowers_it(
        self, asked: ChallengeTexts, offered: Texts, seed: int
    ) -> None:
        more = Texts.join([offered, texts(1, seed)])

        assert score(asked, more).score >= score(asked, offered).score

    @given(st.floats(0, 0.55), st.floats(0, 0.55), st.floats(0, 0.2), st.booleans(), st.integers(0, 1))
    def test_it_rises_with_the_cosine_of_every_part(
        self, whole: float, requirement: float, more: float, mandatory: bool, place: int
    ) -> None:
        asked = challenge(part("r1", mandatory=mandatory))
        raised = [whole, requirement]
        raised[place] += more

        assert score(asked, facing(*raised)).score >= score(asked, facing(whole, requirement)).score

    def test_without_requirements_it_is_the_answer_to_the_whole(self) -> None:
        match = score(challenge(), facing(0.7))

        assert match.score == match.parts[0].score
        assert match.parts[0].capability == 0
        assert match.parts[0].similarity == pytest.approx(0.7, abs=1e-3)

    def test_a_requirement_that_weighs_more_moves_it_more(self) -> None:
        heavy, light = (
            challenge(part("r1", weight=5.0), part("r2")),
            challenge(part("r1"), part("r2", weight=5.0)),
        )

        assert score(heavy, facing(0.3, 0.8)).score > score(light, facing(0.3, 0.8)).score

    def test_a_missing_mandatory_requirement_hurts_visibly(self) -> None:
        wished = challenge(part("r1"), part("r2"), part("r3"))
        required = challenge(part("r1"), part("r2"), part("r3", mandatory=True))
        answers_two = facing(0.55, 0.55, 0.55)

        match = score(required, answers_two)

        assert match.score < 0.7 * score(wished, answers_two).score
        assert [one.missing for one in match.parts] == [False, False, False, True]
        assert match.parts[3].capability is None

    def test_a_mandatory_requirement_that_is_answered_takes_nothing_away(self) -> None:
        asked = [challenge(part("r1", mandatory=mandatory)) for mandatory in (False, True)]

        assert score(asked[0], facing(0.6, 0.6)) == score(asked[1], facing(0.6, 0.6))

    def test_a_company_without_capabilities_scores_nothing(self) -> None:
        nothing = Texts.of(quantise(np.empty((0, AXES), dtype=np.float32)), [])

        match = score(challenge(part("r1", mandatory=True)), nothing)

        assert (match.score, match.strength) == (0.0, None)
        assert all(one.missing and one.capability is None for one in match.parts)

    def test_a_text_at_the_background_is_no_answer(self) -> None:
        assert score(challenge(), facing(LEVEL)).parts[0].score == 0.0

    @pytest.mark.parametrize(
        ("value", "word"),
        [
            (1.0, Strength.strong),
            (STRONG, Strength.strong),
            (GOOD, Strength.good),
            (POSSIBLE, Strength.possible),
            (POSSIBLE - 10**-DECIMALS, None),
            (0.0, None),
        ],
    )
    def test_how_a_person_reads_it(self, value: float, word: Strength | None) -> None:
        assert strength(value) is word

    def test_every_challenge_has_its_whole_and_a_text_per_part(self) -> None:
        one = challenge(part("r1"))
        with pytest.raises(ValueError, match="one text per part"):
            replace(one, parts=one.parts[:1])
        with pytest.raises(ValueError, match="its whole as first part"):
            replace(one, parts=())

    def test_answered_lies_below_what_is_suggested_for_a_whole(self) -> None:
        assert ANSWERED <= POSSIBLE
