"""A good team quickly: whoever adds most is taken, then members are exchanged while that helps.

It is where the exact search starts from, never an answer by itself. It looks for members who stay in every
stage; where related undertakings, SMEs or countries stand in its way, it gives up.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np

from services.consortia.coverage import Coverage
from services.consortia.rules import Rules
from services.consortia.team import Team, above_all, additions, broken, worth

EXCHANGES_MAX = 200
"""Each makes the team better, so that there is an end to them anyway; a few are usual."""
LEAVING_MAX = 2
"""Members exchanged at once: with two the search gets out of most corners that it gets into with one."""
GAIN = 1e-9
"""Two sums of the same numbers differ by less."""


def greedy(coverage: Coverage, rules: Rules, different_from: Sequence[Team] = ()) -> Team | None:
    """A team that keeps all rules, the best that was found; None if none was."""
    search = _Search(coverage, rules, different_from)
    best: tuple[float, Team] | None = None
    # A smaller team may have fewer members of the teams that it must not be like.
    for size in range(rules.members_max, max(rules.members_min, len(rules.fixed), 1) - 1, -1):
        rows = search.improved(search.filled(size), size)
        team = search.team(rows)
        if not rows or any(broken(coverage, rules, team)) or not search.is_different(rows):
            continue
        reached = search.objective(rows)
        if best is None or reached > best[0] + GAIN:
            best = reached, team
        if not different_from:
            break
    return None if best is None else best[1]


class _Search:
    def __init__(self, coverage: Coverage, rules: Rules, different_from: Sequence[Team]) -> None:
        self._coverage, self._rules = coverage, rules
        self._above_all = above_all(coverage, rules)
        self._every = (True,) * len(rules.blocks)
        self._fixed = [row for row, one in enumerate(coverage.candidates) if one.id in rules.fixed]
        free = set(range(len(coverage.candidates))) - set(self._fixed)
        self._others = [free & set(team.seats) for team in different_from]
        self._undertakings: dict[str, list[int]] = {}
        for row, one in enumerate(coverage.candidates):
            self._undertakings.setdefault(one.undertaking, []).append(row)

    def team(self, rows: Sequence[int]) -> Team:
        return Team(dict.fromkeys(rows, self._every))

    def objective(self, rows: Sequence[int]) -> float:
        found = worth(self._coverage, self._rules, self.team(rows))
        return found.value + self._above_all * found.mandatory

    def is_different(self, rows: Sequence[int]) -> bool:
        """At least half of the members, fixed ones aside, are in none of the other teams."""
        free = set(rows) - set(self._fixed)
        return all(0 < len(free) >= 2 * len(free & other) for other in self._others)

    def filled(self, size: int, rows: Sequence[int] | None = None) -> list[int]:
        """The members given (those that are fixed) and others, up to so many and as long as that helps."""
        found = list(self._fixed if rows is None else rows)
        while len(found) < size:
            row, reached = self._best_addition(found, size)
            if row is None or (
                len(found) >= self._rules.members_min and reached <= self.objective(found) + GAIN
            ):
                break
            found.append(row)
        return found

    def improved(self, rows: list[int], size: int) -> list[int]:
        for _ in range(EXCHANGES_MAX):
            present = self.objective(rows)
            better = next(
                (one for one in self._exchanges(rows, size) if self.objective(one) > present + GAIN), None
            )
            if better is None:
                break
            rows = better
        return rows

    def _exchanges(self, rows: Sequence[int], size: int) -> Iterator[list[int]]:
        free = [row for row in rows if row not in self._fixed]
        for leaving in range(1, LEAVING_MAX + 1):
            for gone in combinations(free, leaving):
                yield self.filled(size, [row for row in rows if row not in gone])

    def _best_addition(self, rows: Sequence[int], size: int) -> tuple[int | None, float]:
        mandatory, values = additions(self._coverage, self._rules, self.team(rows), self._every)
        reached = values + self._above_all * mandatory
        reached[[*rows, *self._barred(rows, size)]] = -np.inf
        if not len(reached) or not np.isfinite(reached.max()):
            return None, -np.inf
        place = int(np.argmax(reached))
        return place, float(reached[place])

    def _barred(self, rows: Sequence[int], size: int) -> set[int]:
        """Who may not join: related undertakings of members, and members of a team of whom there are as many
        as half of a team of this size may be."""
        taken = {self._coverage.candidates[row].undertaking for row in rows}
        barred = {row for one in taken for row in self._undertakings[one]}
        half = (size - len(self._fixed)) // 2
        for other in self._others:
            if len(other & set(rows)) >= half:
                barred |= other
        return barred
