"""How much of a company's place is the number of its references: the same company, were it a newcomer.

Of companies with many texts that belong to a challenge it is told how many are among the first, and how many
would be, were each of them there with one text alone, the one that fits best: the others as they are. What
lies between the two is what further references do, which a correlation of their number with ranks does not
tell from what the texts say.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from services.evaluation.bundle import Bundle
from services.evaluation.measure import Measure
from services.evaluation.methods import Progress, Ranked
from services.matching import measured

ESTABLISHED = 5
"""Texts of a company that is known by more than one thing."""
DEPTH = 50
ESTABLISHED_FOUND, ALONE_FOUND = measured.ESTABLISHED, measured.ALONE


class Counterfactual(Protocol):
    async def alone(self, challenge: str, companies: Collection[str]) -> Mapping[str, float]:
        """The score that each of these would have with the one of its texts that comes nearest to the
        challenge, and no other. All by their ids in the bundle; only of those that `rank` finds."""


async def newcomers(
    bundle: Bundle, found: Mapping[str, Sequence[Ranked]], ranker: Counterfactual, progress: Progress
) -> dict[str, Measure]:
    """`found`: the ranking of each judged challenge. Empty where no company of many texts is judged."""
    established = {one.id for one in bundle.companies if len(one.stated) >= ESTABLISHED}
    right = {name: established & judged.keys() for name, judged in bundle.judgements.items()}
    if not any(right.values()):
        return {}
    there, as_they_are, as_newcomers = [], [], []
    for number, (challenge, ranked) in enumerate(found.items(), start=1):
        scores = {one.id: one.score for one in ranked}
        alone = await ranker.alone(challenge, right[challenge] & scores.keys())
        there.append(float(len(right[challenge])))
        as_they_are.append(_among_the_first(scores, {one: scores[one] for one in alone}))
        as_newcomers.append(_among_the_first(scores, alone))
        progress("with one text alone", number, len(found))
    return {
        ESTABLISHED_FOUND: Measure.ratio(as_they_are, there),
        ALONE_FOUND: Measure.ratio(as_newcomers, there),
    }


def _among_the_first(scores: Mapping[str, float], asked: Mapping[str, float]) -> float:
    """How many of those asked for would be among the first DEPTH, with that score, each by itself among all
    others."""
    return float(
        sum(
            sum(other > score for one, other in scores.items() if one != company) < DEPTH
            for company, score in asked.items()
        )
    )
