"""A team, what it is worth, and whether it keeps the rules.

    worth = sum over cells of weight x (best level + REDUNDANCY x second best level)
            - sum over members of PRICE x (1 - suits) x share of the stages that it is in

Before worth comes how many mandatory cells somebody covers: a team that leaves one uncovered is only better
where no team covers as many, and then says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.challenge import CompositionChange
from services.consortia.coverage import Candidate, Coverage, Floats
from services.consortia.rules import Rules

Seats = tuple[bool, ...]
"""Whether a member is there, block by block."""


@dataclass(frozen=True, slots=True)
class Team:
    """`seats`: by row of the coverage matrix, each with a seat in one block at least. `proven`: no team is
    better; False where the time for the search ran out first."""

    seats: Mapping[int, Seats]
    proven: bool = True

    @property
    def rows(self) -> list[int]:
        return sorted(self.seats)

    def replacing(self, row: int, other: int | None) -> Team:
        """The same team with another company in the place of a member, or with nobody."""
        seats = {one: taken for one, taken in self.seats.items() if one != row}
        if other is not None:
            seats[other] = self.seats[row]
        return Team(seats)


@dataclass(frozen=True, slots=True)
class Worth:
    """`mandatory`: mandatory cells that somebody covers; `covered`: weighted coverage without redundancy, in
    [0, 1]. Ordered as teams are."""

    mandatory: int
    value: float
    covered: float

    @property
    def order(self) -> tuple[int, float]:
        """Larger is better. Rounded to what the solver tells apart."""
        return self.mandatory, round(self.value, 6)


def levels_of(coverage: Coverage, rules: Rules, team: Team) -> Floats:
    """What each member has for each cell in the stages it is there, shape (members, cells); rows as in
    `Team.rows`."""
    if not team.seats:
        return np.zeros((0, len(coverage.cells)))
    blocks = blocks_of(coverage, rules)
    seats = np.array([team.seats[row] for row in team.rows], dtype=np.bool_)
    return np.asarray(coverage.levels[team.rows] * seats[:, blocks])


def blocks_of(coverage: Coverage, rules: Rules) -> NDArray[np.int64]:
    """Of each cell, the block that its stage is in."""
    return np.array([rules.block_of(cell.stage) for cell in coverage.cells], dtype=np.int64)


def worth(coverage: Coverage, rules: Rules, team: Team) -> Worth:
    present = -np.sort(-levels_of(coverage, rules, team), axis=0)
    best = present[0] if len(present) else np.zeros(len(coverage.cells))
    second = present[1] if len(present) > 1 else np.zeros(len(coverage.cells))
    shares = rules.shares()
    paid = sum(
        share * (1.0 - coverage.candidates[row].suits)
        for row, seats in team.seats.items()
        for share, seat in zip(shares, seats, strict=True)
        if seat
    )
    covered = float(coverage.weights @ best)
    return Worth(
        mandatory=int((coverage.mandatory & (best > 0.0)).sum()),
        value=covered + rules.redundancy * float(coverage.weights @ second) - rules.price * paid,
        covered=covered,
    )


def additions(coverage: Coverage, rules: Rules, team: Team, seats: Seats) -> tuple[NDArray[np.int64], Floats]:
    """Mandatory cells and value of the team with one member more in these seats, for every candidate at once;
    of members they mean nothing. Whether rules are kept is not asked."""
    blocks = blocks_of(coverage, rules)
    present = -np.sort(-levels_of(coverage, rules, team), axis=0)[:2]
    nothing = np.zeros(len(coverage.cells))
    best = present[0] if len(present) else nothing
    second = present[1] if len(present) > 1 else nothing
    joining = coverage.levels * np.array(seats)[blocks]
    new_best = np.maximum(joining, best)
    new_second = np.maximum(np.minimum(joining, best), second)
    share = sum(share for share, seat in zip(rules.shares(), seats, strict=True) if seat)
    bare = worth(coverage, rules, team)
    paid = float(coverage.weights @ (best + rules.redundancy * second)) - bare.value
    values = (new_best + rules.redundancy * new_second) @ coverage.weights - paid
    values = values - rules.price * (1.0 - coverage.suits) * share
    return ((new_best > 0.0) & coverage.mandatory).sum(axis=1), np.asarray(values)


def additions_in_order(coverage: Coverage, rules: Rules, team: Team, seats: Seats) -> Iterator[int]:
    """Candidates who make the team better by joining in these seats, the best first, equals by row."""
    mandatory, values = additions(coverage, rules, team, seats)
    bare = worth(coverage, rules, team).order
    orders = [(int(number), round(float(value), 6)) for number, value in zip(mandatory, values, strict=True)]
    better = [row for row, order in enumerate(orders) if order > bare and row not in team.seats]
    yield from sorted(better, key=lambda row: (-orders[row][0], -orders[row][1], row))


def above_all(coverage: Coverage, rules: Rules) -> float:
    """More than two teams can differ in value: what a mandatory cell is worth where it is a sum."""
    dearest = max((abs(1.0 - one.suits) for one in coverage.candidates), default=1.0)
    return 1.0 + rules.redundancy + 2.0 * rules.price * rules.members_max * dearest


def broken(coverage: Coverage, rules: Rules, team: Team) -> Iterator[str]:
    """The rules that a team does not keep, by the names that `rules.Rules` and the challenge have for
    them."""
    members = [coverage.candidates[row] for row in team.rows]
    if len(members) < rules.members_min:
        yield "members_min"
    if len(members) > rules.members_max:
        yield "members_max"
    if sum(one.is_sme for one in members) < rules.smes_min:
        yield "smes_min"
    if len({one.country for one in members}) < rules.countries_min:
        yield "countries_min"
    if len({one.undertaking for one in members}) < len(members):
        yield "related undertakings"
    every = tuple(True for _ in rules.blocks)
    if any(not _is_fixed_in(coverage.candidates, team, company, every) for company in rules.fixed):
        yield "fixed members"
    yield from _broken_in_blocks(rules, team)


def _is_fixed_in(candidates: tuple[Candidate, ...], team: Team, company: str, every: Seats) -> bool:
    return any(candidates[row].id == company and seats == every for row, seats in team.seats.items())


def _broken_in_blocks(rules: Rules, team: Team) -> Iterator[str]:
    before: set[int] = set()
    for place, block in enumerate(rules.blocks):
        present = {row for row, seats in team.seats.items() if seats[place]}
        named = ", ".join(stage.value for stage in block.stages if stage is not None)
        if len(present) < block.members_min or (
            block.members_max is not None and len(present) > block.members_max
        ):
            yield f"composition of {named}"
        if place:
            joined, left = present - before, before - present
            if joined and block.change in (CompositionChange.same, CompositionChange.may_leave):
                yield f"change to {named}"
            if left and block.change in (CompositionChange.same, CompositionChange.may_join):
                yield f"change to {named}"
        before = present
