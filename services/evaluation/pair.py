"""Task `pair`: needs of different buyers that could be bought together, also across languages.

A need is ranked against all needs of other buyers (`ndcg@10_all`), and once more against those of them in
another language alone (`ndcg@10_cross`). A need for which there is nothing to be found among the candidates
is left out. CPV codes are not read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from services.evaluation.bundle import BundleChallenge, PairBundle
from services.evaluation.choices import Method, Task
from services.evaluation.entities import challenges_of
from services.evaluation.measure import Floats, Measure
from services.evaluation.methods import NeedScorer, Progress
from services.evaluation.metrics import ndcg
from services.evaluation.result import Result

DEPTH = 10


async def evaluate(bundle: PairBundle, scorer: NeedScorer, method: Method, progress: Progress) -> Result:
    needs = challenges_of(bundle.challenges)
    scores = await scorer.similarities(needs, needs)
    challenges = bundle.challenges
    found: dict[str, list[float | None]] = {"ndcg@10_all": [], "ndcg@10_cross": []}
    for place, one in enumerate(challenges):
        others = [number for number, other in enumerate(challenges) if _of_another_buyer(one, other)]
        abroad = [number for number in others if challenges[number].language != one.language]
        grades = bundle.grades.get(one.id, {})
        found["ndcg@10_all"].append(_ndcg(challenges, scores[place], others, grades))
        found["ndcg@10_cross"].append(_ndcg(challenges, scores[place], abroad, grades))
        progress(f"{method}: comparing needs", place + 1, len(challenges))
    return Result(
        Task.pair,
        method,
        {
            name: Measure.ratio([one or 0.0 for one in values], [float(one is not None) for one in values])
            for name, values in found.items()
        },
        {"queries": {name: sum(one is not None for one in values) for name, values in found.items()}},
    )


def _of_another_buyer(one: BundleChallenge, other: BundleChallenge) -> bool:
    """A buyer that is not named is nobody else's."""
    return one.id != other.id and (one.buyer is None or one.buyer != other.buyer)


def _ndcg(
    challenges: Sequence[BundleChallenge],
    scores: Floats,
    candidates: Sequence[int],
    grades: Mapping[str, float],
) -> float | None:
    """None when no candidate is right. Equal scores in the order of the bundle."""
    right = {
        challenges[place].id: grades[challenges[place].id]
        for place in candidates
        if challenges[place].id in grades
    }
    if not right:
        return None
    order = np.argsort(-scores[list(candidates)], kind="stable")[:DEPTH]
    return ndcg([challenges[candidates[place]].id for place in order], right, DEPTH)
