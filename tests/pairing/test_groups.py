"""A group is a maximal clique: every two hang together, and nobody can be added."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.pairing.groups import groups

NEEDS = "abcdefgh"
graphs = st.sets(st.sampled_from(list(combinations(NEEDS, 2))))


@given(graphs)
def test_groups_are_exactly_the_maximal_cliques(edges: set[tuple[str, str]]) -> None:
    def hang_together(group: tuple[str, ...]) -> bool:
        return all(pair in edges for pair in combinations(group, 2))

    cliques = [
        set(group)
        for size in range(3, len(NEEDS) + 1)
        for group in combinations(NEEDS, size)
        if hang_together(group)
    ]
    maximal = {frozenset(one) for one in cliques if not any(one < other for other in cliques)}
    found = groups((other, one) for one, other in edges)
    assert {frozenset(group) for group in found} == maximal
    assert len(found) == len(maximal)
    assert [len(group) for group in found] == sorted((len(group) for group in found), reverse=True)


def test_their_number_is_bounded() -> None:
    # Moon and Moser's graph: 3^10 maximal cliques among 30 needs.
    needs = [(place, place // 3) for place in range(30)]
    edges = [(f"{one:02}", f"{other:02}") for (one, a), (other, b) in combinations(needs, 2) if a != b]
    assert len(groups(edges, at_most=50)) == 50


def test_a_need_is_not_paired_with_itself() -> None:
    with pytest.raises(ValueError, match="itself"):
        groups([("a", "a")])
