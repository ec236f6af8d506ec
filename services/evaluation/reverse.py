"""Task `reverse`: company → challenges, where somebody graded how well each of some challenges suits a
company."""

from __future__ import annotations

from services.evaluation import kendall
from services.evaluation.bundle import Bundle, BundleError
from services.evaluation.choices import Method, Task
from services.evaluation.measure import Measure
from services.evaluation.methods import ChallengeScorer, Progress
from services.evaluation.result import Result


async def evaluate(bundle: Bundle, scorer: ChallengeScorer, method: Method, progress: Progress) -> Result:
    """The loss over all companies together, as its authors have it, and its mean over companies. Raises
    BundleError when no company has challenges of different grades."""
    graded = by_company(bundle)
    losses, easy, hard = [], [], []
    for number, (company, grades) in enumerate(graded.items(), start=1):
        scores = await scorer.scores(company)
        losses.append(kendall.loss(grades, scores))
        easy.append(kendall.easy(grades, scores))
        hard.append(kendall.hard(grades, scores))
        progress(f"{method}: matching companies", number, len(graded))
    return Result(
        Task.reverse,
        method,
        {
            "kendall_loss": _pooled(losses),
            "kendall_loss_mean": Measure.average([one.got / one.possible for one in losses]),
            "accuracy_easy": _pooled(easy),
            "accuracy_hard": _pooled(hard),
        },
        {
            "queries": len(graded),
            "pairs_easy": int(sum(one.possible for one in easy)),
            "pairs_hard": int(sum(one.possible for one in hard)),
        },
    )


def by_company(bundle: Bundle) -> dict[str, dict[str, float]]:
    """Company id → challenge id → grade, of those that have two different grades at least."""
    turned: dict[str, dict[str, float]] = {}
    for challenge, rated in bundle.ratings.items():
        for company, grade in rated.items():
            turned.setdefault(company, {})[challenge] = grade
    graded = {company: grades for company, grades in turned.items() if len(set(grades.values())) > 1}
    if not graded:
        raise BundleError(
            f"{bundle.name}: no company has challenges of different grades, so that there is no order to "
            "judge. Grade some lower, 0 included."
        )
    return graded


def _pooled(counted: list[kendall.Counted]) -> Measure:
    return Measure.ratio([one.got for one in counted], [one.possible for one in counted])
