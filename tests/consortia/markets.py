"""Random markets, small enough to be counted through, and large ones as they occur."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np

from schemas.challenge import CompositionChange, PhaseStage
from services.consortia.coverage import STEPS, SUITS, Candidate, Cell, Coverage, Floats
from services.consortia.rules import Block, Rules
from services.consortia.team import Team
from services.matching.scoring import ANSWERED

COUNTRIES = ("CH", "DE", "FR", "IT", "SE")
STAGES = (PhaseStage.research, PhaseStage.development, PhaseStage.manufacturing, PhaseStage.servicing)


def market(
    seed: int,
    *,
    companies: int = 8,
    requirements: int = 4,
    stages: int = 2,
    mandatory: float = 0.4,
    odd: bool = True,
) -> Coverage:
    """Each company is good at some subjects and works in some stages. `odd`: some suit the challenge so well
    that they are paid for joining, others not at all; else as well as they answer it."""
    random = np.random.default_rng(seed)
    skill = random.beta(2, 3, companies)
    speaks = random.random((companies, requirements)) < 0.3 + 0.4 * skill[:, None]
    scores = np.where(speaks, random.beta(2, 3, (companies, requirements)) * 0.6 + 0.4 * skill[:, None], 0.0)
    works = np.where(random.random((companies, stages)) < 0.6, 1.0, 0.5)
    weights = random.choice([1.0, 2.0, 4.0], requirements)
    demanded = random.random(requirements) < mandatory
    cells = tuple(
        Cell(f"r{place}", stage, float(weights[place] / weights.sum() / stages), bool(demanded[place]))
        for place in range(requirements)
        for stage in STAGES[:stages]
    )
    suits = SUITS * (scores @ (weights / weights.sum()))
    if odd:
        suits = np.where(random.random(companies) < 0.5, random.choice([0.0, 0.7, 1.2], companies), suits)
    return made(random, (scores[:, :, None] * works[:, None, :]).reshape(companies, -1), cells, suits)


def made(random: np.random.Generator, scores: Floats, cells: tuple[Cell, ...], suits: Floats) -> Coverage:
    levels = np.floor(scores * STEPS + 1e-9) / STEPS
    levels[levels < ANSWERED] = 0.0
    candidates: list[Candidate] = []
    for number in range(len(scores)):
        related = number > 0 and random.random() < 0.15
        candidates.append(
            Candidate(
                id=f"c{number:03}",
                country=str(random.choice(COUNTRIES)),
                is_sme=bool(random.random() < 0.5),
                undertaking=candidates[-1].undertaking if related else f"c{number:03}",
                suits=float(suits[number]),
            )
        )
    return Coverage(tuple(candidates), cells, levels)


def rules(seed: int, coverage: Coverage, *, blocks: bool = False) -> Rules:
    """Sometimes such that no team keeps them."""
    random = np.random.default_rng(seed)
    most = int(random.integers(1, 6))
    ids = [one.id for one in coverage.candidates]
    return Rules(
        members_min=int(random.integers(1, most + 1)),
        members_max=most,
        smes_min=int(random.choice([0, 0, 1, 2])),
        countries_min=int(random.choice([0, 0, 2, 3])),
        fixed=frozenset(
            random.choice(ids, min(len(ids), int(random.choice([0, 0, 1, 2]))), replace=False).tolist()
        ),
        blocks=_blocks(random, coverage) if blocks else (Block(coverage.stages),),
    )


def _blocks(random: np.random.Generator, coverage: Coverage) -> tuple[Block, ...]:
    changes = list(CompositionChange)[1:]
    return tuple(
        Block(
            (stage,),
            changes[int(random.integers(len(changes)))] if place else CompositionChange.same,
            int(random.choice([0, 0, 1, 2])),
            [None, 1, 2, 3][int(random.integers(4))],
        )
        for place, stage in enumerate(coverage.stages)
    )


class EveryTeam:
    """All teams that keep the rules, best first, by trying them all; sums and rules are its own."""

    def __init__(self, coverage: Coverage, rules: Rules) -> None:
        self._coverage, self._rules = coverage, rules
        every = (
            (_sum(coverage, rules, seats), seats)
            for seats in _every(len(coverage.candidates), rules)
            if _keeps(coverage, rules, seats)
        )
        self._teams = sorted(every, key=lambda one: (-one[0][0], -one[0][1]))

    def best(self, different_from: list[Team]) -> tuple[int, float] | None:
        """Mandatory cells and value of the best that differs enough; None where there is none."""
        for reached, seats in self._teams:
            team = Team(seats)
            if all(_differs(self._coverage, self._rules, team, one) for one in different_from):
                return reached
        return None


def _every(companies: int, rules: Rules) -> list[dict[int, tuple[bool, ...]]]:
    patterns = [seats for seats in product((True, False), repeat=len(rules.blocks)) if any(seats)]
    return [
        dict(zip(members, chosen, strict=True))
        for size in range(1, rules.members_max + 1)
        for members in combinations(range(companies), size)
        for chosen in product(patterns, repeat=size)
    ]


def _keeps(coverage: Coverage, rules: Rules, seats: dict[int, tuple[bool, ...]]) -> bool:
    """As the challenge says it, in sets."""
    members = {coverage.candidates[row] for row in seats}
    ids = {one.id for one in members}
    in_phase = [{row for row, taken in seats.items() if taken[place]} for place in range(len(rules.blocks))]
    everywhere = {coverage.candidates[row].id for row in set.intersection(*in_phase)}
    return (
        rules.members_min <= len(ids) <= rules.members_max
        and len({one.id for one in members if one.is_sme}) >= rules.smes_min
        and len({one.country for one in members}) >= rules.countries_min
        and len({one.undertaking for one in members}) == len(ids)
        and rules.fixed <= everywhere
        and all(
            block.members_min <= len(present) <= (block.members_max or len(ids))
            for block, present in zip(rules.blocks, in_phase, strict=True)
        )
        and all(
            _may_follow(block.change, before, present)
            for block, before, present in zip(rules.blocks[1:], in_phase, in_phase[1:], strict=False)
        )
    )


def _may_follow(change: CompositionChange, before: set[int], present: set[int]) -> bool:
    match change:
        case CompositionChange.same:
            return present == before
        case CompositionChange.may_leave:
            return present <= before
        case CompositionChange.may_join:
            return present >= before
        case CompositionChange.may_change:
            return True


def _sum(coverage: Coverage, rules: Rules, seats: dict[int, tuple[bool, ...]]) -> tuple[int, float]:
    value, mandatory = 0.0, 0
    for column, cell in enumerate(coverage.cells):
        block = next(place for place, one in enumerate(rules.blocks) if cell.stage in one.stages)
        have = sorted(
            (float(coverage.levels[row, column]) for row, taken in seats.items() if taken[block]),
            reverse=True,
        )
        have = [*have, 0.0, 0.0]
        value += cell.weight * (have[0] + rules.redundancy * have[1])
        mandatory += cell.mandatory and have[0] > 0.0
    stages = sum(len(block.stages) for block in rules.blocks)
    for row, taken in seats.items():
        present = sum(len(block.stages) for block, seat in zip(rules.blocks, taken, strict=True) if seat)
        value -= rules.price * (1 - coverage.candidates[row].suits) * present / stages
    return mandatory, value


def _differs(coverage: Coverage, rules: Rules, team: Team, other: Team) -> bool:
    free = {row for row in team.seats if coverage.candidates[row].id not in rules.fixed}
    return bool(free) and len(free & other.seats.keys()) * 2 <= len(free)
