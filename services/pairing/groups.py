"""Groups of needs of which every two hang together: the maximal cliques of the pairings. Pure.

Bron and Kerbosch 1973, with the pivot of Tomita, Tanaka and Takahashi 2006. The worst case is exponential, so
the number of groups is bounded; needs are alike in clusters of a few, where it is quick.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

GROUPS_MAX = 200
"""More groups than a person looks through."""
SMALLEST = 3
"""Two are a pairing."""

Edge = tuple[str, str]


def groups(
    edges: Iterable[Edge], *, smallest: int = SMALLEST, at_most: int = GROUPS_MAX
) -> list[tuple[str, ...]]:
    """Maximal groups of `smallest` or more, each sorted; the largest first, then by their members. With more
    than `at_most` of them, those that were found first."""
    near: dict[str, set[str]] = {}
    for one, other in edges:
        if one == other:
            raise ValueError(f"{one!r} cannot be paired with itself")
        near.setdefault(one, set()).add(other)
        near.setdefault(other, set()).add(one)
    found = []
    for clique in _maximal(near, frozenset(), set(near), set()):
        if len(clique) >= smallest:
            found.append(tuple(sorted(clique)))
            if len(found) == at_most:
                break
    return sorted(found, key=lambda group: (-len(group), group))


def _maximal(
    near: Mapping[str, set[str]], chosen: frozenset[str], candidates: set[str], done: set[str]
) -> Iterator[frozenset[str]]:
    if not candidates and not done:
        yield chosen
        return
    pivot = min(candidates | done, key=lambda one: (-len(near[one] & candidates), one))
    for one in sorted(candidates - near[pivot]):
        yield from _maximal(near, chosen | {one}, candidates & near[one], done & near[one])
        candidates.discard(one)
        done.add(one)
