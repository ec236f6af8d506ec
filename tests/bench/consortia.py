"""The best team of at most five among 200 candidates for 20 requirements in 4 stages, over one second.

Ours: from the coverage matrix to the proven optimum (a greedy team, the relaxation, who can be left out, the
programme that remains). Markets are drawn anew each time, as they occur: companies are good at some subjects
and work in some stages. How much of the time is HiGHS's own is in the notes, and what three different teams
with alternates and contributions take, which is what a challenge is told.

The second figure is the same where the members may change from each stage to the next: then there are four
times as many seats to be given, and the search starts from a team that stays together.
"""

from __future__ import annotations

import statistics
import time

from schemas.challenge import CompositionChange
from services.consortia.best import propose
from services.consortia.programme import Effort, best_team
from services.consortia.rules import Block, Rules
from tests.bench.figures import Aim, Bench, Samples, Scale, significant
from tests.consortia.markets import market

ONE_SECOND = 1.0
CHANGING_AIM = 5.0
"""A look at the teams is no answer that anybody waits for: it follows a match within the pace of minutes."""


async def measure(scale: Scale) -> Samples:
    samples, shares, kept, whole = Samples(), [], [], []
    for seed in range(scale.pick(15, 2)):
        coverage = market(seed, companies=scale.pick(200, 40), requirements=20, stages=4, odd=False)
        effort = Effort()
        team = best_team(coverage, Rules(), effort=effort)
        assert team is not None
        assert team.proven
        samples.ours.append(effort.total_s)
        samples.reference.append(ONE_SECOND)
        shares.append(effort.solver_s / effort.total_s)
        kept.append(effort.kept)
        began = time.perf_counter()
        propose(coverage, Rules())
        whole.append(time.perf_counter() - began)
    samples.notes.append(
        f"HiGHS takes {statistics.median(shares):.0%} of it; {statistics.median(kept):g} candidates are left "
        f"in the programme; three different teams with all there is to say of them take "
        f"{significant(statistics.median(whole)):g} s"
    )
    return samples


async def measure_changing(scale: Scale) -> Samples:
    samples, shares = Samples(), []
    for seed in range(scale.pick(7, 1)):
        coverage = market(seed, companies=scale.pick(200, 20), requirements=20, stages=4, odd=False)
        blocks = tuple(
            Block((stage,), CompositionChange.may_change if place else CompositionChange.same)
            for place, stage in enumerate(coverage.stages)
        )
        effort = Effort()
        team = best_team(coverage, Rules(blocks=blocks), effort=effort)
        assert team is not None
        samples.ours.append(effort.total_s)
        samples.reference.append(ONE_SECOND)
        shares.append(effort.solver_s / effort.total_s)
    samples.notes.append(f"HiGHS takes {statistics.median(shares):.0%} of it")
    return samples


BENCHES = [
    Bench(
        name="consortia",
        about="the best team among 200 candidates, 20 requirements x 4 stages / one second",
        unit="s",
        aim=Aim(1.0, at_least=False),
        measure=measure,
    ),
    Bench(
        name="consortia-phases",
        about="the same with members that may change between the 4 stages / one second",
        unit="s",
        aim=Aim(CHANGING_AIM, at_least=False),
        measure=measure_changing,
    ),
]
