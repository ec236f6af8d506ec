"""How a score comes about, for whoever is ranked by it: the constants in force, read from the code.

What platforms owe those whom they rank (Regulation (EU) 2019/1150, art. 5): the main parameters, and why they
weigh what they do. Nothing here is copied by hand: the formula and this page cannot differ.
"""

from __future__ import annotations

from schemas.links import Links
from schemas.match import Strength
from schemas.scores import Factor, ScoreDisclosure, StrengthFrom
from services.matching import across, calibration, evidence, feedback_rules, measured, scoring

PAGE = "/scores"

NEVER = (
    "taking part in a consultation, or not",
    "having been interested or not interested, in this challenge or in others",
    "the country, the size or the age of a company",
    "who looks at it",
)


OWN_LIST = "no part of the score: how far a company's own answers move a challenge in its own list at most"


def disclosure() -> ScoreDisclosure:
    return ScoreDisclosure(
        formula=scoring.FORMULA,
        factors=_factors(),
        strengths=tuple(
            StrengthFrom(
                strength=strength,
                score=score,
                about=about,
                likelihood=round(calibration.likelihood(score), scoring.DECIMALS),
                lift=round(calibration.lift(score), 1),
            )
            for strength, score, about in (
                (Strength.strong, scoring.STRONG, "the best of what is suggested"),
                (Strength.good, scoring.GOOD, "worth a look by both sides"),
                (Strength.possible, scoring.POSSIBLE, "below this nothing is suggested"),
            )
        ),
        never=NEVER,
        metrics=dict(measured.METRICS),
        measured=measured.shipped(),
        links=Links(self="/v1/scores", page=PAGE),
    )


def _factors() -> tuple[Factor, ...]:
    rows: tuple[tuple[str, float, str], ...] = (
        ("LEXICAL_WEIGHT", evidence.LEXICAL_WEIGHT, "what shared words count; likeness of meaning counts 1"),
        ("SCALE", across.SCALE, "between two languages: likeness of words read in English counts so much"),
        ("MEANING_WEIGHT", across.MEANING_WEIGHT, "likeness of meaning beside it, between two languages"),
        ("ZERO", across.ZERO, "what is taken off the sum of the two"),
        ("DISCOUNT", evidence.DISCOUNT, "what each further text of a company counts, beside the one before"),
        ("COUNTED_MAX", evidence.COUNTED_MAX, "texts of a company that count, at the most"),
        ("HALF", evidence.HALF, "evidence that makes an answer of one half"),
        ("BACKGROUND_WEIGHT", evidence.BACKGROUND_WEIGHT, "how far it counts how near texts usually come"),
        ("WHOLE", scoring.WHOLE, "weight of the challenge as a whole; its requirements share the rest"),
        ("MANDATORY_FACTOR", scoring.MANDATORY_FACTOR, "what a mandatory requirement weighs, beside another"),
        ("ANSWERED", scoring.ANSWERED, "an answer below this is a gap"),
        ("PENALTY", scoring.PENALTY, "share of the score that goes when every mandatory one is a gap"),
        ("NUDGE_MAX", feedback_rules.NUDGE_MAX, OWN_LIST),
    )
    return tuple(Factor(name=name, value=float(value), about=about) for name, value, about in rows)
