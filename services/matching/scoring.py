"""The score of a challenge and a company, from how well the company answers the challenge's parts.

    mean = share x f(whole) + sum of share x f(requirement);  f(x) = x / (x + 1)
    share of a requirement = (1 - WHOLE) x its weight / sum of weights, x CUT where it was cut from the need
    share of the whole = what is left of 1
    score = answer(mean / (1 - mean)) x (1 - PENALTY x share of the mandatory requirements unanswered)

The evidence for the parts is averaged so that a part answered to excess makes up for little of what others
lack; the mean is read like the evidence for one part. A challenge always has its *whole* (title and need
together) as first part; without requirements the score is the answer to the whole. Mandatory requirements
weigh MANDATORY_FACTOR times as much, and one that nobody answers takes a part of the whole score away.
Eligibility is no factor: it stands beside the score (`gates`).

`Scored` gives totals and details of many pairs at once, `score` those of one; both run the same arithmetic
and give the same number. The cost is that of one matrix product of all parts with all capabilities, and
about as much again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from schemas.match import Strength
from services.matching.across import likeness, similarities
from services.matching.evidence import (
    DISCOUNT,
    Background,
    Floats,
    Integers,
    Texts,
    answered,
    offsets,
    totals,
)

FORMULA = "evidence-3"
"""Version of everything that decides a score beside the vectors; part of every suggestion."""

WHOLE = 0.85
"""Weight of the whole beside requirements that were added to the need. With 1 nothing that a buyer adds would
count but a gap."""
CUT = 0.5
"""What a requirement that was cut from the need counts, beside one that was added: it says again what the
whole has said. With 1, a half, a third and 0 the weighted Kendall loss on researchers' grades is .212, .205,
.204 and .206, and nDCG@50 on CORDIS .282, .281, .281 and .279."""
AVERAGED_HALF = 1.0
"""Evidence of one half where parts are averaged. With that of an answer, faint requirements count nearly like
those that are met: on researchers' grades the weighted Kendall loss was .222 that way, and .204 this way."""
MANDATORY_FACTOR = 2.0
ANSWERED = 0.15
"""An answer below this is a gap; about one capability of cosine 0.4 in the same field."""
PENALTY = 0.4
"""Share of the score that goes when every mandatory requirement is unanswered."""
NAMED_ABOVE = 0.15
"""The nearest text is named as an answer from this similarity above the background on: below it lies what two
texts have in common by chance."""
DECIMALS = 4
"""Scores are told apart to a ten-thousandth; finer differences mean nothing to anybody."""

STRONG = 0.6
"""From here on a pair is seventeen times as likely right as one drawn at random (`calibration`). On CORDIS
the best 1 % of the organisations, holding a third of those who took part; one in twelve really took part (by
chance: one in 400)."""
GOOD = 0.4
"""From here on eight times as likely. The best 2.3 %, holding half of those who took part."""
POSSIBLE = 0.25
"""From here on four times as likely. The best 4 %, holding three fifths of those who took part. Below it
nothing is suggested: with less, companies of another field come in that have a few words in common."""


@dataclass(frozen=True, slots=True)
class PartTerms:
    """What a part of a challenge counts. The whole has no weight of its own. `cut`: it is a requirement whose
    text was cut from the need."""

    id: str
    background: Background
    weight: float = 1.0
    mandatory: bool = False
    cut: bool = False


@dataclass(frozen=True, slots=True)
class ChallengeTexts:
    """A challenge ready to be scored: the whole first, then the requirements; one row of `texts` each."""

    parts: tuple[PartTerms, ...]
    texts: Texts

    def __post_init__(self) -> None:
        if not self.parts or len(self.parts) != len(self.texts):
            raise ValueError("a challenge has its whole as first part, and one text per part")


@dataclass(frozen=True, slots=True)
class PartScore:
    """How well one part is answered. `capability`: place of the company's nearest text, None when nothing
    comes near; `similarity`: its cosine in [0, 1], or what stands for it `across_languages`; `missing`: a gap
    in the answer."""

    id: str
    score: float
    capability: int | None
    similarity: float
    missing: bool
    across_languages: bool = False


@dataclass(frozen=True, slots=True)
class MatchScore:
    """`strength` is None below POSSIBLE: such a pair is not suggested. `parts` in the challenge's order."""

    score: float
    strength: Strength | None
    parts: tuple[PartScore, ...]


class Challenges:
    """Challenges stacked for `score_many`; keep it while they do not change."""

    def __init__(self, challenges: Sequence[ChallengeTexts]) -> None:
        """At least one challenge. Their order is that of the rows of every result."""
        self.parts = [challenge.parts for challenge in challenges]
        self.texts = Texts.join([challenge.texts for challenge in challenges]).sorted_by_term()
        self.levels: Floats = np.array([part.background.offset for one in challenges for part in one.parts])
        starts = offsets([len(challenge.parts) for challenge in challenges])
        width = max(len(challenge.parts) for challenge in challenges)
        shape = (len(challenges), width)
        self.rows: Integers = np.zeros(shape, dtype=np.int64)
        self.shares: Floats = np.zeros(shape)
        self.mandatory_shares: Floats = np.zeros(shape)
        for number, challenge in enumerate(challenges):
            size = len(challenge.parts)
            self.rows[number, :size] = starts[number] + np.arange(size)
            self.shares[number, :size], self.mandatory_shares[number, :size] = _shares(challenge.parts)

    def __len__(self) -> int:
        return int(self.rows.shape[0])


class Companies:
    """Companies stacked for `score_many`: the texts of all, and where each company's begin."""

    def __init__(self, companies: Sequence[Texts]) -> None:
        """At least one company. Their order is that of the columns of every result."""
        self.texts = Texts.join(companies)
        self.starts = offsets([len(texts) for texts in companies])

    def __len__(self) -> int:
        return int(self.starts.size - 1)


class Scored:
    """The scores of all pairs, and how each comes about."""

    def __init__(self, challenges: Challenges, companies: Companies, discount: float = DISCOUNT) -> None:
        """`discount`: another than the product's is for measuring."""
        self._challenges = challenges
        self._companies = companies
        self._similarity = similarities(challenges.texts, companies.texts)
        evidence = totals(self._similarity, challenges.levels, companies.starts, discount)
        self._answers = answered(evidence)
        self.totals = _total(challenges, evidence, self._answers)
        """Shape (challenges, companies), each in [0, 1] with DECIMALS decimals."""

    def details(self, challenge: int, company: int) -> MatchScore:
        """Of the pair in this row and column."""
        parts = self._challenges.parts[challenge]
        first = int(self._challenges.rows[challenge, 0])
        rows = slice(first, first + len(parts))
        start, end = (int(self._companies.starts[company + side]) for side in (0, 1))
        above = self._similarity[rows, start:end] - self._challenges.levels[rows, None]
        total = float(self.totals[challenge, company])
        return MatchScore(
            score=total,
            strength=strength(total),
            parts=tuple(
                self._part(part, first + place, company, start, above[place])
                for place, part in enumerate(parts)
            ),
        )

    def specialists(self, challenge: int, *, below: float, least: float) -> list[int]:
        """Columns of companies whose total is below `below` and whose answer to some requirement is `least`
        or more; the best answer first."""
        first = int(self._challenges.rows[challenge, 0])
        answered = self._answers[first + 1 : first + len(self._challenges.parts[challenge])]
        if not len(answered):
            return []
        best = answered.max(axis=0)
        (columns,) = ((self.totals[challenge] < below) & (best >= least)).nonzero()
        return sorted((int(column) for column in columns), key=lambda column: (-best[column], column))

    def _part(self, part: PartTerms, row: int, company: int, start: int, above: Floats) -> PartScore:
        answer = float(self._answers[row, company])
        nearest = int(np.argmax(above)) if above.size else 0
        near = above.size > 0 and float(above[nearest]) > NAMED_ABOVE
        cosine, across = (
            likeness(self._challenges.texts, row, self._companies.texts, start + nearest)
            if near
            else (0.0, False)
        )
        return PartScore(
            id=part.id,
            score=round(answer, DECIMALS),
            capability=nearest if near else None,
            similarity=round(min(1.0, max(0.0, cosine)), DECIMALS),
            missing=answer < ANSWERED,
            across_languages=across,
        )


def score_many(challenges: Challenges, companies: Companies) -> Floats:
    """Scores of all pairs, shape (challenges, companies), each in [0, 1] with DECIMALS decimals."""
    return Scored(challenges, companies).totals


def score(challenge: ChallengeTexts, company: Texts) -> MatchScore:
    """The score of one pair and how it comes about."""
    return Scored(Challenges([challenge]), Companies([company])).details(0, 0)


def strength(score: float) -> Strength | None:
    """How a person reads a score; None: too weak to be suggested."""
    if score >= STRONG:
        return Strength.strong
    if score >= GOOD:
        return Strength.good
    return Strength.possible if score >= POSSIBLE else None


def _shares(parts: Sequence[PartTerms]) -> tuple[list[float], list[float]]:
    """What each part contributes to the mean, and each mandatory one to the penalty; both sum to 1 (the
    second to 0, where nothing is mandatory)."""
    weights = [part.weight * (MANDATORY_FACTOR if part.mandatory else 1.0) for part in parts[1:]]
    mandatory = [part.weight if part.mandatory else 0.0 for part in parts[1:]]
    total, total_mandatory = math.fsum(weights), math.fsum(mandatory)
    if total <= 0.0:
        return [1.0, *weights], [0.0, *mandatory]
    shares = [
        (1.0 - WHOLE) * weight / total * (CUT if part.cut else 1.0)
        for part, weight in zip(parts[1:], weights, strict=True)
    ]
    penalties = [weight / total_mandatory if total_mandatory else 0.0 for weight in mandatory]
    return [1.0 - math.fsum(shares), *shares], [0.0, *penalties]


def _total(challenges: Challenges, evidence: Floats, answer: Floats) -> Floats:
    """Combines evidence and answers (parts, companies) into scores (challenges, companies), part by part."""
    shared = averaged(evidence)
    mean = np.zeros((len(challenges), evidence.shape[1]))
    unanswered = np.zeros_like(mean)
    for place in range(challenges.rows.shape[1]):
        rows = challenges.rows[:, place]
        mean += challenges.shares[:, place, None] * shared[rows]
        unanswered += challenges.mandatory_shares[:, place, None] * gap(answer[rows])
    return _rounded(answered(as_evidence(mean)) * (1.0 - PENALTY * unanswered))


def averaged(evidence: Floats) -> Floats:
    """Evidence as it goes into the mean over the parts, in [0, 1)."""
    return np.asarray(evidence / (evidence + AVERAGED_HALF), dtype=np.float64)


def as_evidence(mean: Floats) -> Floats:
    """The mean over the parts, read like the evidence for one."""
    return np.asarray(AVERAGED_HALF * mean / (1.0 - mean), dtype=np.float64)


def gap(answer: Floats) -> Floats:
    """How far a requirement is unanswered, in [0, 1]."""
    return np.asarray(1.0 - np.minimum(answer / ANSWERED, 1.0), dtype=np.float64)


def _rounded(values: Floats) -> Floats:
    step = 10.0**DECIMALS
    return np.asarray(np.rint(np.clip(values, 0.0, 1.0) * step) / step, dtype=np.float64)
