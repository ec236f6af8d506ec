"""A good team quickly: whoever adds most is taken, then members are exchanged while that helps.

It is where the exact search starts from, never an answer by itself. It looks for members who stay in every
stage; where no such team keeps the rules, or those of related undertakings, SMEs or countries stand in its
way, it gives up.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from services.consortia.coverage import Coverage
from services.consortia.rules import Rules
from services.consortia.team import Team, above_all, broken, worth

EXCHANGES_MAX = 200
"""Each makes the team better, so that there is an end to them anyway; a few are usual."""


def greedy(coverage: Coverage, rules: Rules, different_from: Sequence[Team] = ()) -> Team | None:
    """A team that keeps all rules, None if none was found."""
    rows = [row for row, one in enumerate(coverage.candidates) if one.id in rules.fixed]
    search = _Search(coverage, rules)
    while len(rows) < rules.members_max:
        best = search.best_addition(rows, _barred(coverage, rows, different_from, rules))
        if best is None or (best[1] <= search.objective(rows) and len(rows) >= rules.members_min):
            break
        rows.append(best[0])
    fixed = set(rows[: len(rules.fixed)])
    for _ in range(EXCHANGES_MAX):
        exchanged = _exchanged(search, coverage, rows, fixed, different_from, rules)
        if exchanged is None:
            break
        rows = exchanged
    team = Team({row: (True,) * len(rules.blocks) for row in rows})
    if not rows or any(broken(coverage, rules, team)):
        return None
    return team if all(_is_different(coverage, rules, team, other) for other in different_from) else None


class _Search:
    """Objectives of a team with one more member, for all candidates at once."""

    def __init__(self, coverage: Coverage, rules: Rules) -> None:
        self._coverage, self._rules = coverage, rules
        self._mandatory = coverage.mandatory
        self._above_all = above_all(coverage, rules)
        self._prices = rules.price * (1.0 - coverage.suits)

    def objective(self, rows: Sequence[int]) -> float:
        team = Team({row: (True,) * len(self._rules.blocks) for row in rows})
        found = worth(self._coverage, self._rules, team)
        return found.value + self._above_all * found.mandatory

    def best_addition(self, rows: Sequence[int], barred: set[int]) -> tuple[int, float] | None:
        levels, weights = self._coverage.levels, self._coverage.weights
        top = -np.sort(-levels[list(rows)], axis=0)[:2] if rows else np.zeros((0, len(weights)))
        best = top[0] if len(top) else np.zeros(len(weights))
        second = top[1] if len(top) > 1 else np.zeros(len(weights))
        new_best = np.maximum(levels, best)
        new_second = np.maximum(np.minimum(levels, best), second)
        values = (new_best + self._rules.redundancy * new_second) @ weights
        values = values - self._prices - self._prices[list(rows)].sum()
        values = values + self._above_all * ((new_best > 0.0) & self._mandatory).sum(axis=1)
        values[[*rows, *barred]] = -np.inf
        if not len(values) or not np.isfinite(values.max()):
            return None
        place = int(np.argmax(values))
        return place, float(values[place])


def _exchanged(
    search: _Search,
    coverage: Coverage,
    rows: Sequence[int],
    fixed: set[int],
    different_from: Sequence[Team],
    rules: Rules,
) -> list[int] | None:
    present = search.objective(rows)
    for row in rows:
        if row in fixed:
            continue
        others = [one for one in rows if one != row]
        found = search.best_addition(others, _barred(coverage, others, different_from, rules))
        if found is not None and found[1] > present + 1e-9:
            return [*others, found[0]]
    return None


def _barred(
    coverage: Coverage, rows: Sequence[int], different_from: Sequence[Team], rules: Rules
) -> set[int]:
    """Who may not join: related undertakings of members, and members of teams that this one must not be
    like."""
    taken = {coverage.candidates[row].undertaking for row in rows}
    barred = {row for row, one in enumerate(coverage.candidates) if one.undertaking in taken}
    for team in different_from:
        barred |= {row for row in team.seats if coverage.candidates[row].id not in rules.fixed}
    return barred


def _is_different(coverage: Coverage, rules: Rules, team: Team, other: Team) -> bool:
    free = [row for row in team.rows if coverage.candidates[row].id not in rules.fixed]
    return 0 < len(free) >= 2 * sum(row in other.seats for row in free)
