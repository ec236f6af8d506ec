"""What a team must be like, whatever it covers."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from schemas.challenge import Challenge, CompositionChange, ConsortiumRules, PhaseStage
from services.consortia.coverage import stages_of

PRICE = 0.05
"""Of a member, in weighted coverage: whoever joins makes a consortium dearer to steer, so that what he adds
must be worth a twentieth of all that is wanted, or less of who suits the challenge (`coverage.SUITS`)."""
PRICE_OF_A_PLACE = 1.0
"""The same where the number of members is given."""
REDUNDANCY = 0.1
"""What a second member adds who has the same for a cell as the first: somebody to fall back on. A third adds
nothing. With PRICE, a member who only repeats half of what is there already is not worth it."""


@dataclass(frozen=True, slots=True)
class Block:
    """Stages in a row in which the members are the same. `change`: how they may differ from those of the
    block before."""

    stages: tuple[PhaseStage | None, ...]
    change: CompositionChange = CompositionChange.same
    members_min: int = 0
    members_max: int | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """`fixed`: companies that are members in any case, in every stage."""

    members_min: int = 2
    members_max: int = 5
    smes_min: int = 0
    countries_min: int = 0
    blocks: tuple[Block, ...] = (Block((None,)),)
    fixed: frozenset[str] = frozenset()
    price: float = PRICE
    redundancy: float = REDUNDANCY

    def block_of(self, stage: PhaseStage | None) -> int:
        """A stage that no block names is in the last one."""
        found = (place for place, block in enumerate(self.blocks) if stage in block.stages)
        return next(found, len(self.blocks) - 1)

    def shares(self) -> list[float]:
        """How much of a member's price each block costs, by its number of stages; they sum to 1."""
        total = sum(len(block.stages) for block in self.blocks)
        return [len(block.stages) / total for block in self.blocks]

    def with_fixed(self, fixed: Collection[str]) -> Rules:
        return replace(self, fixed=frozenset(fixed))


def rules_of(challenge: Challenge) -> Rules:
    """As the challenge says, or as is usual where it says nothing."""
    said = challenge.consortium or ConsortiumRules()
    return Rules(
        members_min=said.members_min,
        members_max=said.members_max,
        smes_min=said.smes_min,
        countries_min=said.countries_min,
        blocks=_blocks(challenge, stages_of(challenge)),
    )


def _blocks(challenge: Challenge, stages: Sequence[PhaseStage]) -> tuple[Block, ...]:
    composed = {phase.stage: phase.composition for phase in challenge.phases if phase.composition is not None}
    blocks: list[Block] = []
    for stage in stages:
        said = composed.get(stage)
        change = CompositionChange.same if said is None else said.change
        least = 0 if said is None or said.members_min is None else said.members_min
        most = None if said is None else said.members_max
        if blocks and change is CompositionChange.same:
            last = blocks[-1]
            bounds = [one for one in (last.members_max, most) if one is not None]
            blocks[-1] = replace(
                last,
                stages=(*last.stages, stage),
                members_min=max(last.members_min, least),
                members_max=min(bounds, default=None),
            )
        else:
            blocks.append(Block((stage,), change, least, most))
    return tuple(blocks) or (Block((None,)),)


def of_size(members: int) -> Rules:
    """For a team of so many: the price decides who they are, no longer how many, and how each suits the
    challenge counts for as much as what they cover together."""
    return Rules(members_min=members, members_max=members, price=PRICE_OF_A_PLACE)
