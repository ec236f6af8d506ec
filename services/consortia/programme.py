"""The best team as a mixed integer linear programme, solved exactly by HiGHS.

Binary variables say who has a seat in which block, continuous ones what of each cell is covered. The levels
that occur in a cell are its steps v1 < v2 < …; of step l the best member has z1 and the second z2:

    maximise    sum over cells, steps of weight x (v_l - v_(l-1)) x (z1 + redundancy x z2) - price of the
    seats subject to  z1 + z2 <= members with at least v_l in the cell,    0 <= z1, z2 <= 1

Redundancy is below 1, so that z1 is filled first; with whole seats the optimum has whole z. This is the
canonical formulation of Cornuejols, Nemhauser and Wolsey (1980) for covering with graded values: its size is
that of the steps, not of the pairs of companies and cells, and its relaxation is as tight.

The relaxation is solved first. Whoever's reduced cost is more than what lies between its optimum and a team
that is at hand (found greedily) is in no better team, and is left out: of 200 candidates some 20 remain. A
team that reaches the optimum of the relaxation is the best one without any further search.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from time import perf_counter

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import csr_array, vstack

from schemas.challenge import CompositionChange
from services.consortia.coverage import Coverage, Floats
from services.consortia.greedy import greedy
from services.consortia.rules import Rules
from services.consortia.team import Team, above_all, blocks_of, worth

TIME_LIMIT_S = 20.0
"""Of one programme. Markets as they are take a fraction of a second; noise without any structure (every
company at random good at everything) takes longer, and then the best team found is given, not proven."""
CLOSE = 1e-9
"""Two sums of the same numbers differ by less."""
INFEASIBLE, OUT_OF_TIME = 2, 1
"""Status of scipy.optimize.milp."""


@dataclass(slots=True)
class Effort:
    """What a search took. `solver_s`: of it in HiGHS; `kept`: candidates left in the last programme."""

    total_s: float = 0.0
    solver_s: float = 0.0
    programmes: int = 0
    kept: int = 0


@dataclass(slots=True)
class _Rows:
    """Constraints `low <= row x variables <= high`, collected as triples."""

    rows: list[int] = field(default_factory=list)
    columns: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    low: list[float] = field(default_factory=list)
    high: list[float] = field(default_factory=list)

    def add(
        self, columns: Sequence[int], values: Sequence[float], *, low: float = -np.inf, high: float = np.inf
    ) -> None:
        self.rows += [len(self.low)] * len(columns)
        self.columns += columns
        self.values += values
        self.low.append(low)
        self.high.append(high)


class Programme:
    """The programme for these candidates. `different_from`: teams of which at least half of the members
    (fixed ones aside) must be others."""

    def __init__(
        self, coverage: Coverage, rules: Rules, different_from: Sequence[Team] = (), *, bare: bool = False
    ) -> None:
        """`bare`: only whether there is a team at all, whatever it covers."""
        self.coverage, self.rules, self._bare = coverage, rules, bare
        self._cost: list[float] = []
        self._integral: list[int] = []
        self._lower: list[float] = []
        self._rows = _Rows()
        blocks, number = len(rules.blocks), len(coverage.candidates)
        shares = rules.shares()
        prices = rules.price * (1.0 - coverage.suits)
        self.seats = np.array(
            [[self._variable(float(price) * share, integral=True) for share in shares] for price in prices]
        ).reshape(number, blocks)
        self.members = self.seats[:, 0] if blocks == 1 else self._members()
        self._sizes()
        self._undertakings()
        self._countries()
        self._compositions()
        self._fixed()
        for team in different_from:
            self._different(team)
        if not bare:
            self._cells()

    def _variable(self, cost: float = 0.0, *, integral: bool = False, lower: float = 0.0) -> int:
        self._cost.append(cost)
        self._integral.append(int(integral))
        self._lower.append(lower)
        return len(self._cost) - 1

    def _members(self) -> NDArray[np.int64]:
        """Whoever has a seat somewhere is a member, and only those."""
        found = []
        for seats in self.seats:
            member = self._variable()
            for seat in seats:
                self._rows.add([member, int(seat)], [1.0, -1.0], low=0.0)
            self._rows.add([member, *map(int, seats)], [1.0, *[-1.0] * len(seats)], high=0.0)
            found.append(member)
        return np.array(found, dtype=np.int64)

    def _sizes(self) -> None:
        rules, every = self.rules, [int(one) for one in self.members]
        self._rows.add(every, [1.0] * len(every), low=rules.members_min, high=rules.members_max)
        if rules.smes_min:
            smes = [int(self.members[row]) for row, one in enumerate(self.coverage.candidates) if one.is_sme]
            self._rows.add(smes, [1.0] * len(smes), low=rules.smes_min)

    def _undertakings(self) -> None:
        """Related undertakings count once: one of them is in the team at most."""
        for related in _grouped(one.undertaking for one in self.coverage.candidates):
            if len(related) > 1:
                self._rows.add([int(self.members[row]) for row in related], [1.0] * len(related), high=1.0)

    def _countries(self) -> None:
        if self.rules.countries_min < 2:
            return
        present = []
        for rows in _grouped(one.country for one in self.coverage.candidates):
            country = self._variable()
            present.append(country)
            self._rows.add(
                [country, *(int(self.members[row]) for row in rows)], [1.0, *[-1.0] * len(rows)], high=0.0
            )
        self._rows.add(present, [1.0] * len(present), low=self.rules.countries_min)

    def _compositions(self) -> None:
        for place, block in enumerate(self.rules.blocks):
            seats = [int(seat) for seat in self.seats[:, place]]
            if block.members_min or block.members_max is not None:
                high = np.inf if block.members_max is None else block.members_max
                self._rows.add(seats, [1.0] * len(seats), low=block.members_min, high=high)
            if place == 0:
                continue
            for seat, before in zip(seats, self.seats[:, place - 1], strict=True):
                if block.change in (CompositionChange.same, CompositionChange.may_leave):
                    self._rows.add([seat, int(before)], [1.0, -1.0], high=0.0)
                if block.change in (CompositionChange.same, CompositionChange.may_join):
                    self._rows.add([seat, int(before)], [1.0, -1.0], low=0.0)

    def _fixed(self) -> None:
        for row, one in enumerate(self.coverage.candidates):
            if one.id in self.rules.fixed:
                for seat in self.seats[row]:
                    self._lower[int(seat)] = 1.0

    def _different(self, team: Team) -> None:
        free = [row for row, one in enumerate(self.coverage.candidates) if one.id not in self.rules.fixed]
        members = [int(self.members[row]) for row in free]
        self._rows.add(members, [0.5 if row in team.seats else -0.5 for row in free], high=0.0)
        self._rows.add(members, [1.0] * len(free), low=1.0)

    def _cells(self) -> None:
        coverage, rules = self.coverage, self.rules
        above = above_all(coverage, rules)
        blocks = blocks_of(coverage, rules)
        for column, cell in enumerate(coverage.cells):
            levels, seats = coverage.levels[:, column], self.seats[:, blocks[column]]
            below = 0.0
            for number, step in enumerate(np.unique(levels[levels > 0.0])):
                gain = cell.weight * (float(step) - below)
                below = float(step)
                able = [int(seat) for seat in seats[levels >= step]]
                first = self._variable(-gain - (above if cell.mandatory and number == 0 else 0.0))
                covered = [first]
                if len(able) > 1:
                    covered.append(self._variable(-gain * rules.redundancy))
                self._rows.add([*covered, *able], [*[1.0] * len(covered), *[-1.0] * len(able)], high=0.0)

    def relaxation(self) -> tuple[float, Floats] | None:
        """The optimum with seats in parts, negated costs, and the reduced cost of each seat at 0; None
        without any."""
        upper = np.isfinite(self._high)
        lower = np.isfinite(self._low)
        matrix = self._matrix
        # its stubs know no sparse matrices
        found = linprog(  # type: ignore[call-overload]
            self._cost,
            A_ub=_stacked(matrix[upper], -matrix[lower]),
            b_ub=np.concatenate([self._high[upper], -self._low[lower]]),
            bounds=np.column_stack([self._lower, np.ones(len(self._lower))]),
            method="highs",
        )
        if found.status != 0:
            return None
        return -float(found.fun), np.asarray(found.lower.marginals)[self.seats]

    def solve(self, time_limit_s: float) -> tuple[Team | None, bool]:
        """The best team, and whether that is proven; None where there is no team (or none was found in
        time)."""
        found = milp(
            self._cost,
            constraints=LinearConstraint(self._matrix, self._low, self._high),
            integrality=np.array(self._integral, dtype=np.int64),
            bounds=Bounds(np.array(self._lower), np.ones(len(self._lower))),
            options={"mip_rel_gap": 0.0, "time_limit": time_limit_s},
        )
        if found.x is None:
            return None, found.status == INFEASIBLE
        taken = found.x[self.seats] > 0.5
        seats = {
            int(row): tuple(bool(seat) for seat in taken[row]) for row in np.flatnonzero(taken.any(axis=1))
        }
        return Team(seats, proven=found.status == 0), found.status == 0

    @property
    def _matrix(self) -> csr_array:
        rows = self._rows
        return csr_array(
            (rows.values, (rows.rows, rows.columns)), shape=(len(rows.low), len(self._cost)), dtype=np.float64
        )

    @property
    def _low(self) -> Floats:
        return np.array(self._rows.low)

    @property
    def _high(self) -> Floats:
        return np.array(self._rows.high)


def best_team(
    coverage: Coverage,
    rules: Rules,
    different_from: Sequence[Team] = (),
    *,
    effort: Effort | None = None,
    time_limit_s: float = TIME_LIMIT_S,
) -> Team | None:
    """The best team that keeps the rules, None if there is none. Rows are those of `coverage`."""
    effort = effort or Effort()
    began = perf_counter()
    try:
        return _best_team(coverage, rules, different_from, effort, time_limit_s)
    finally:
        effort.total_s += perf_counter() - began


def _best_team(
    coverage: Coverage, rules: Rules, different_from: Sequence[Team], effort: Effort, time_limit_s: float
) -> Team | None:
    if not rules.fixed <= {one.id for one in coverage.candidates}:
        return None
    if len(coverage.candidates) < max(rules.members_min, 1):
        return None
    whole = Programme(coverage, rules, different_from)
    at_hand = greedy(coverage, rules, different_from)
    kept = np.arange(len(coverage.candidates))
    if at_hand is not None:
        began = perf_counter()
        relaxed = whole.relaxation()
        effort.solver_s += perf_counter() - began
        if relaxed is None:
            return None
        bound, reduced = relaxed
        reached = _objective(coverage, rules, at_hand)
        if bound <= reached + CLOSE:
            return at_hand
        possible = (bound - np.maximum(reduced, 0.0)).max(axis=1) > reached + CLOSE
        possible[at_hand.rows] = True
        possible[[row for row, one in enumerate(coverage.candidates) if one.id in rules.fixed]] = True
        kept = np.flatnonzero(possible)
    effort.kept = len(kept)
    smaller, teams = _only(coverage, kept, different_from)
    programme = whole if len(kept) == len(coverage.candidates) else Programme(smaller, rules, teams)
    began = perf_counter()
    found, proven = programme.solve(time_limit_s)
    effort.solver_s += perf_counter() - began
    effort.programmes += 1
    if found is None:
        return None if at_hand is None else Team(at_hand.seats, proven=proven)
    team = Team({int(kept[row]): seats for row, seats in found.seats.items()}, proven=proven)
    if at_hand is not None and worth(coverage, rules, at_hand).order > worth(coverage, rules, team).order:
        return Team(at_hand.seats, proven=False)
    return team


def _objective(coverage: Coverage, rules: Rules, team: Team) -> float:
    """As the programme has it."""
    found = worth(coverage, rules, team)
    return found.value + above_all(coverage, rules) * found.mandatory


def _only(
    coverage: Coverage, kept: NDArray[np.int64], different_from: Sequence[Team]
) -> tuple[Coverage, list[Team]]:
    place = {int(row): number for number, row in enumerate(kept)}
    smaller = Coverage(tuple(coverage.candidates[row] for row in kept), coverage.cells, coverage.levels[kept])
    teams = [
        Team({place[row]: seats for row, seats in one.seats.items() if row in place})
        for one in different_from
    ]
    return smaller, teams


def _grouped(keys: Iterator[str]) -> list[list[int]]:
    groups: dict[str, list[int]] = {}
    for row, key in enumerate(keys):
        groups.setdefault(key, []).append(row)
    return list(groups.values())


def _stacked(*parts: csr_array) -> csr_array:
    return csr_array(vstack(parts))
