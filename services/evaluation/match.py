"""Task `match`: challenge → companies."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from services.evaluation.bundle import Bundle
from services.evaluation.calibration import calibration_error, reliability
from services.evaluation.choices import Method, Task
from services.evaluation.exposure import exposure
from services.evaluation.measure import Measure
from services.evaluation.methods import CompanyRanker, Progress, Ranked
from services.evaluation.metrics import ndcg, recall, reciprocal_rank
from services.evaluation.newcomer import Counterfactual, newcomers
from services.evaluation.result import Result
from services.matching.calibration import likelihood
from services.matching.suggestion import SUGGESTED


async def evaluate(
    bundle: Bundle,
    ranker: CompanyRanker,
    method: Method,
    progress: Progress,
    *,
    counterfactual: Counterfactual | None = None,
) -> Result:
    """Means over all judged challenges; who is seen; and for the product, whose scores claim to mean
    something, how far they do. `counterfactual`: tells what companies would score with one text alone."""
    judged, judgements = bundle.judged, bundle.judgements
    found: dict[str, list[Ranked]] = {}
    for number, challenge in enumerate(judged, start=1):
        found[challenge.id] = list(await ranker.rank(challenge.id))
        progress(f"{method}: matching challenges", number, len(judged))
    rankings = {challenge: [one.id for one in ranked] for challenge, ranked in found.items()}
    per_challenge = [(ranking, judgements[challenge]) for challenge, ranking in rankings.items()]
    measures = {
        "ndcg@10": Measure.average([ndcg(ranking, grades, 10) for ranking, grades in per_challenge]),
        "ndcg@50": Measure.average([ndcg(ranking, grades, 50) for ranking, grades in per_challenge]),
        "recall@50": Measure.average([recall(ranking, grades, 50) for ranking, grades in per_challenge]),
        "mrr": Measure.average([reciprocal_rank(ranking, grades) for ranking, grades in per_challenge]),
    }
    if counterfactual is not None:
        measures |= await newcomers(bundle, found, counterfactual, progress)
    details: dict[str, Any] = {
        "queries": len(judged),
        "exposure": asdict(exposure(bundle.companies, list(rankings.values()))),
    }
    if method is Method.liaison:
        details |= _calibration(found, judgements)
    return Result(Task.match, method, measures, details)


def _calibration(found: dict[str, list[Ranked]], judgements: dict[str, dict[str, float]]) -> dict[str, Any]:
    """Over all pairs that were scored, and over those that would be suggested alone: most pairs score low and
    are wrong, so that they hide the others."""
    scores = np.array([one.score for ranked in found.values() for one in ranked])
    right = np.array(
        [float(one.id in judgements[challenge]) for challenge, ranked in found.items() for one in ranked]
    )
    claimed = np.array([likelihood(score) for score in scores])
    suggested = scores >= SUGGESTED
    table = reliability(scores, right, claimed)
    return {
        "reliability": [asdict(one) for one in table],
        "calibration_error": calibration_error(table),
        "calibration_error_suggested": calibration_error(
            reliability(scores[suggested], right[suggested], claimed[suggested])
        ),
    }
