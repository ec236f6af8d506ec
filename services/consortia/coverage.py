"""How well each company covers each cell of a challenge: a requirement in a stage.

A requirement is wanted in the stages that it names, or in every stage of the challenge where it names none;
its weight is shared out evenly among them, a mandatory one's doubled as in the score of a match. What a
company has for a cell is the score of the match for the requirement, as far as its profile says that it works
in the stage. Scores are looked at in steps of a twentieth: finer differences are noise to a team, and each
step is a row of the programme that is solved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.challenge import Challenge, LifecycleStage, PhaseStage, Requirement
from schemas.company import Capability, Company, Reference, SizeClass
from services.matching.scoring import ANSWERED, MANDATORY_FACTOR

Floats = NDArray[np.float64]

STEPS = 20
"""Of a score between 0 and 1. A score below ANSWERED is none: what a person reads as a gap covers nothing."""
ELSEWHERE = 0.5
"""Of a score, where the text that answers names other stages but the profile has texts for this one: the
company works in the stage, on something else."""

SUITS = 0.5
"""Share of a member's price that a perfect match with the challenge as a whole saves: it tells apart
companies that cover the same, and makes nobody a member who covers nothing new."""

SMES = frozenset({SizeClass.micro, SizeClass.small, SizeClass.medium})
"""Commission Recommendation 2003/361/EC."""

LIFECYCLE: Mapping[PhaseStage, frozenset[LifecycleStage]] = {
    PhaseStage.research: frozenset({LifecycleStage.research}),
    PhaseStage.development: frozenset({LifecycleStage.development}),
    PhaseStage.manufacturing: frozenset({LifecycleStage.manufacturing}),
    PhaseStage.servicing: frozenset({LifecycleStage.servicing}),
    PhaseStage.design: frozenset({LifecycleStage.research, LifecycleStage.development}),
    PhaseStage.prototype: frozenset({LifecycleStage.development}),
    PhaseStage.validation: frozenset({LifecycleStage.development, LifecycleStage.manufacturing}),
}
"""What a phase of a pre-commercial procurement asks of a profile, which speaks of the lifecycle (COM(2007)
799: solution design, prototyping, original development of a limited volume of first products)."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A requirement in a stage. `stage` is None where the challenge has no stages; weights sum to 1."""

    requirement: str
    stage: PhaseStage | None
    weight: float
    mandatory: bool


@dataclass(frozen=True, slots=True)
class Candidate:
    """A company as the rules of a team see it. `undertaking`: the same for related undertakings, of which a
    team has one at most. `suits`: how much of a member's price it saves, by its match with the challenge as a
    whole and by having worked with the fixed members."""

    id: str
    country: str
    is_sme: bool
    undertaking: str
    suits: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Coverage:
    """`levels`: shape (candidates, cells), in steps of 1 / STEPS; candidates by id, cells by requirement,
    then stage, in the challenge's order."""

    candidates: tuple[Candidate, ...]
    cells: tuple[Cell, ...]
    levels: Floats

    def __post_init__(self) -> None:
        if self.levels.shape != (len(self.candidates), len(self.cells)):
            raise ValueError("levels have a row for each candidate and a column for each cell")

    @property
    def weights(self) -> Floats:
        return np.array([cell.weight for cell in self.cells])

    @property
    def mandatory(self) -> NDArray[np.bool_]:
        return np.array([cell.mandatory for cell in self.cells], dtype=np.bool_)

    @property
    def suits(self) -> Floats:
        return np.array([one.suits for one in self.candidates])

    @property
    def stages(self) -> tuple[PhaseStage | None, ...]:
        """Those that the cells have, in their order."""
        return tuple(dict.fromkeys(cell.stage for cell in sorted(self.cells, key=_by_stage)))

    def place(self, company: str) -> int | None:
        """The row of a candidate."""
        return next((row for row, one in enumerate(self.candidates) if one.id == company), None)

    def suiting(self, more: Sequence[float]) -> Coverage:
        """The same with so much added to how each candidate suits."""
        pairs = zip(self.candidates, more, strict=True)
        candidates = tuple(replace(one, suits=one.suits + float(added)) for one, added in pairs)
        return Coverage(candidates, self.cells, self.levels)


def stages_of(challenge: Challenge) -> tuple[PhaseStage, ...]:
    """The challenge's phases in their order, then what requirements name beside them in the order of life."""
    phases = list(dict.fromkeys(phase.stage for phase in challenge.phases))
    named = {stage for one in challenge.requirements for stage in one.phases}
    return (*phases, *(stage for stage in PhaseStage if stage in named and stage not in phases))


def cells_of(challenge: Challenge) -> tuple[Cell, ...]:
    """Empty for a challenge without requirements: then there is nothing to be covered."""
    every = stages_of(challenge)
    weights = {
        one.id: one.weight * (MANDATORY_FACTOR if one.mandatory else 1.0) for one in challenge.requirements
    }
    total = sum(weights.values())
    cells = []
    for one in challenge.requirements:
        wanted = _wanted(one, every)
        share = weights[one.id] / total / len(wanted)
        cells += [Cell(one.id, stage, share, one.mandatory) for stage in wanted]
    return tuple(cells)


def _wanted(requirement: Requirement, every: Sequence[PhaseStage]) -> Sequence[PhaseStage | None]:
    named = set(requirement.phases)
    return [stage for stage in every if not named or stage in named] or [None]


def coverage(
    challenge: Challenge, companies: Sequence[Company], documents: Mapping[str, Mapping[str, Any]]
) -> Coverage:
    """`documents`: the match suggestion of each company as it is stored, by company id; a company without one
    covers nothing. The order of `companies` does not matter."""
    cells = cells_of(challenge)
    ordered = sorted(companies, key=lambda one: one.id)
    undertakings = _undertakings(ordered)
    levels = np.zeros((len(ordered), len(cells)))
    for row, company in enumerate(ordered):
        document = documents.get(company.id)
        answers = {} if document is None else {one["id"]: one for one in document["requirements"]}
        stages = _Stages(company)
        for column, cell in enumerate(cells):
            answer = answers.get(cell.requirement)
            if answer is not None:
                levels[row, column] = level(
                    answer["score"] * stages.share(answer.get("answered_by"), cell.stage)
                )
    candidates = tuple(
        Candidate(
            one.id,
            one.country,
            one.size_class in SMES,
            undertakings[one.id],
            SUITS * documents[one.id]["score"] if one.id in documents else 0.0,
        )
        for one in ordered
    )
    return Coverage(candidates, cells, levels)


def level(score: float) -> float:
    """A score rounded down to a step; 0 for a gap."""
    if score < ANSWERED:
        return 0.0
    return int(score * STEPS + 1e-9) / STEPS


class _Stages:
    """In which stages a company works, as far as its profile says."""

    def __init__(self, company: Company) -> None:
        texts: list[Capability | Reference] = [*company.capabilities, *company.references]
        self._of_text = {one.id: frozenset(one.stages) for one in texts}
        self._every = frozenset(stage for one in texts for stage in one.stages)

    def share(self, answer: Mapping[str, Any] | None, stage: PhaseStage | None) -> float:
        """How much of a score counts in the stage. A text that names no stage is good for every one: a gap in
        a profile must not count as a failure."""
        if stage is None or answer is None:
            return 1.0
        named = self._of_text.get(answer["capability"], frozenset())
        asked = LIFECYCLE[stage]
        if not named or named & asked:
            return 1.0
        return ELSEWHERE if self._every & asked else 0.0


def _undertakings(companies: Sequence[Company]) -> dict[str, str]:
    """For each company the smallest id among those that it is related to, by whatever number of steps.
    Related undertakings are named by id or legal id, written with or without spaces, dots and dashes."""
    named: dict[str, str] = {}
    for one in companies:
        named[_plain(one.id)] = one.id
        if one.legal_id:
            named[_plain(one.legal_id)] = one.id
    head = {one.id: one.id for one in companies}

    def top(company: str) -> str:
        while head[company] != company:
            company = head[company]
        return company

    shared: dict[str, str] = {}
    for one in companies:
        for name in one.related_undertakings:
            other = named.get(_plain(name)) or shared.setdefault(_plain(name), one.id)
            first, second = sorted((top(one.id), top(other)))
            head[second] = first
    return {one.id: top(one.id) for one in companies}


def _plain(name: str) -> str:
    return "".join(character for character in name.casefold() if character.isalnum())


def _by_stage(cell: Cell) -> int:
    return -1 if cell.stage is None else list(PhaseStage).index(cell.stage)
