"""What a company's answers say of other challenges. Pure.

    nudge = NUDGE_MAX x clip(sum of says(answer) x alike(answered challenge, this one), -1, 1)

`says` is 1 for interest, below 0 for a dismissal as far as its reason speaks of the subject; `alike` is the
cosine of the two needs across languages, lifted from ALIKE_FROM to [0, 1]. The nudge orders the company's own
list and digests and decides on its own alerts; the score, which is everybody's, is never touched. The idea is
Rocchio's (1971), on similarities, and bounded: answers are few, and must not hide what somebody has not
thought of.
"""

from __future__ import annotations

from collections.abc import Sequence

from schemas.match import CompanyAnswer, DismissalReason

NUDGE_MAX = 0.1
"""Half of what lies between `good` and `strong`: neighbours change places, and a weak suggestion never
overtakes one that is stronger by a word."""
ALIKE_FROM = 0.4
"""Cosine of two needs from which they have something to do with each other; of those of the demo data, that
have nothing in common, hardly any two come near to it."""
NOT_FOR_US = {
    DismissalReason.too_far: -1.0,
    DismissalReason.no_capacity: -0.5,  # it may be different in spring
    DismissalReason.wrong_country: 0.0,
    DismissalReason.already_known: 0.0,
}
"""What a reason says of the subject."""
DECIMALS = 4


def says(answer: CompanyAnswer, reason: DismissalReason | None) -> float:
    """Of challenges like the answered one, in [-1, 1]."""
    if answer is CompanyAnswer.interested:
        return 1.0
    return NOT_FOR_US[reason] if reason is not None else 0.0


def alike(cosine: float) -> float:
    return min(1.0, max(0.0, (cosine - ALIKE_FROM) / (1.0 - ALIKE_FROM)))


def nudge(said: Sequence[float], cosines: Sequence[float]) -> float:
    """`said`, `cosines`: of each answer. In [-NUDGE_MAX, NUDGE_MAX]."""
    total = sum(one * alike(cosine) for one, cosine in zip(said, cosines, strict=True))
    return round(NUDGE_MAX * min(1.0, max(-1.0, total)), DECIMALS)


def strongest(said: Sequence[float], cosines: Sequence[float]) -> int:
    """Place of the answer that moves most; at least one."""
    return max(range(len(said)), key=lambda place: abs(said[place]) * alike(cosines[place]))
