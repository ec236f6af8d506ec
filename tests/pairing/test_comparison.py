"""Two needs side by side, whatever they say."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.pairing import Closeness
from services.pairing.alignment import SHARED, align
from services.pairing.comparison import Side, compare, ordered
from tests.pairing.needs import a_side, requirements, sides, table


@given(sides(1), sides(2), st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_it_is_the_same_from_both_sides_and_accounts_for_every_requirement(
    one: Side, other: Side, seed: int, similarity: float
) -> None:
    first, second = ordered(one, other)
    assert (first, second) == ordered(other, one)
    counts = len(first.challenge.requirements), len(second.challenge.requirements)
    likeness = table(seed, *counts)
    found = compare(first, second, similarity=similarity, requirements=likeness)

    assert found == compare(*ordered(other, one), similarity=similarity, requirements=likeness)
    for side, only, place in ((first, found.only_first, "first"), (second, found.only_second, "second")):
        named = [getattr(shared, place).id for shared in found.shared] + [left.id for left in only]
        assert sorted(named) == sorted(asked.id for asked in side.challenge.requirements)
    assert all(shared.similarity >= SHARED for shared in found.shared)
    assert found.lead.need in (first.need.id, second.need.id)
    if found.timing is not None:
        for need in (first.need, second.need):
            assert need.starts <= found.timing.starts <= found.timing.ends <= need.ends
    if found.budget is not None:
        budgets = [need.budget for need in (first.need, second.need)]
        assert all(one and one.currency == found.budget.together.currency for one in budgets)
    assert ("language" in [one.rule for one in found.pitfalls]) is (not found.same_language)


@given(st.integers(0, 2**32 - 1), st.integers(0, 6), st.integers(0, 6))
def test_no_other_way_of_aligning_requirements_is_better(seed: int, rows: int, columns: int) -> None:
    first = a_side(1, requirements=requirements(*(f"f{place}" for place in range(rows))))
    second = a_side(2, requirements=requirements(*(f"s{place}" for place in range(columns))))
    likeness = table(seed, rows, columns)
    found = align(first.challenge.requirements, second.challenge.requirements, likeness)

    assert sum(one.similarity for one in found.shared) == pytest.approx(_best(likeness))
    again = align(second.challenge.requirements, first.challenge.requirements, likeness.T)
    assert {(one.first.id, one.second.id) for one in found.shared} == {
        (one.second.id, one.first.id) for one in again.shared
    }


def _best(likeness: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> float:
    """By trying all."""
    if not likeness.shape[0]:
        return 0.0
    rest = _best(likeness[1:])
    for column in range(likeness.shape[1]):
        if likeness[0, column] >= SHARED:
            kept = np.delete(likeness[1:], column, axis=1)
            rest = max(rest, float(likeness[0, column]) + _best(kept))
    return rest


def test_benefits_and_pitfalls_are_told_with_the_figures_of_the_pair() -> None:
    first = a_side(
        1,
        country="FR",
        language="fr",
        legal_regime="eu-directives",
        trl_start=5,
        requirements=requirements("pump 10 m3/h", "run for a year", target="10"),
        purchase={
            "starts": date(2027, 1, 1),
            "ends": date(2027, 12, 31),
            "volume": 700.0,
            "unit": "pumps",
            "budget": {"minimum": 1_000, "maximum": 2_000},
        },
    )
    second = a_side(
        2,
        country="CH",
        legal_regime="own-rules",
        requirements=requirements("pump 12 m3/h", "run for a year", "be quiet"),
        purchase={
            "starts": date(2027, 10, 1),
            "volume": 500.0,
            "unit": "Pumps",
            "budget": {"maximum": 3_000},
        },
    )
    likeness = np.array([[0.9, 0.1, 0.0], [0.0, 0.8, 0.2]])
    found = compare(first, second, similarity=0.55, requirements=likeness)

    told = {one.rule: one.reason for one in (*found.benefits, *found.pitfalls)}
    assert found.closeness is Closeness.near
    assert "1,200 pumps instead of 700 and 500" in told["economies-of-scale"]
    assert "EUR 4,000 to 5,000" in told["better-conditions"]
    assert "TRL 5" in told["innovation"]
    assert "Buyer 2 alone for 1 requirement." in told["sharing-of-knowledge"]
    assert "Both ask for 2 requirements, 0 of them" in told["standardisation"]
    assert "92 days only" in told["longer-process"]
    assert "French" in told["language"]
    assert (
        "2 requirements of both differ in their figures or weight (r1/r1, r2/r2)"
        in (told["pre-tender-harmonisation"])
    )
    assert "France and Switzerland" in told["coordination"]
    assert "rules of its own" in told["different-law"]
    assert (found.lead.need, found.lead.reason) == (first.need.id, "It needs the most: 700 pumps.")
    assert found.shared[0].differs == ("target",)


def test_what_a_pair_gives_no_reason_for_is_not_told() -> None:
    fields: dict[str, Any] = {"legal_regime": "own-rules", "requirements": requirements("pump")}
    found = compare(a_side(1, **fields), a_side(2, **fields), similarity=0.4, requirements=np.array([[1.0]]))
    assert [one.rule for one in found.benefits] == ["economies-of-scale"]
    assert not found.pitfalls
    assert "there first" in found.lead.reason


def test_needs_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(ValueError, match="order"):
        compare(a_side(2), a_side(1), similarity=1.0, requirements=np.zeros((0, 0)))
