"""How well scores order what somebody graded, pair by pair.

Source: Stelmakh, Wieting, Neubig and Shah 2023, "A Gold Standard Dataset for the Reviewer Assignment Problem"
(arXiv:2303.16750). Of every two papers that one reviewer graded differently, a wrong order costs the
difference of the grades and a tie half of it; divided by what the worst order would cost, over the pairs of
all reviewers together, that is the weighted Kendall loss. Beside it stands the share of pairs in the right
order among easy pairs (one grade 4 or more, the other 2 or less) and hard ones (both 4 or more), each pair
counting once and a tie as wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

HIGH = 4.0
"""A grade of somebody who knows the subject well, on the paper's scale from 1 to 5."""
LOW = 2.0


@dataclass(frozen=True, slots=True)
class Counted:
    """`got` out of `possible`."""

    got: float
    possible: float


def loss(grades: Mapping[str, float], scores: Mapping[str, float]) -> Counted:
    """What the order by `scores` costs, and what the worst one would cost; `scores` of all that is graded."""
    cost = worst = 0.0
    for difference, order in _pairs(grades, scores):
        worst += difference
        if order < 0:
            cost += difference
        elif order == 0:
            cost += difference / 2
    return Counted(cost, worst)


def easy(grades: Mapping[str, float], scores: Mapping[str, float]) -> Counted:
    """Pairs in the right order among those of a high and a low grade."""
    return _right(grades, scores, lambda better, worse: better >= HIGH and worse <= LOW)


def hard(grades: Mapping[str, float], scores: Mapping[str, float]) -> Counted:
    """Pairs in the right order among those of two high grades that differ."""
    return _right(grades, scores, lambda _, worse: worse >= HIGH)


def _right(
    grades: Mapping[str, float], scores: Mapping[str, float], counts: Callable[[float, float], bool]
) -> Counted:
    pairs = [(one, other) for one, other in _graded_differently(grades) if counts(grades[one], grades[other])]
    return Counted(sum(scores[one] > scores[other] for one, other in pairs), len(pairs))


def _pairs(grades: Mapping[str, float], scores: Mapping[str, float]) -> Iterator[tuple[float, float]]:
    """Difference of the grades, positive, and difference of the scores of the better and the worse one."""
    for one, other in _graded_differently(grades):
        yield grades[one] - grades[other], scores[one] - scores[other]


def _graded_differently(grades: Mapping[str, float]) -> Iterator[tuple[str, str]]:
    """Every pair of two different grades, the better one first."""
    for one, other in combinations(grades, 2):
        if grades[one] != grades[other]:
            yield (one, other) if grades[one] > grades[other] else (other, one)
