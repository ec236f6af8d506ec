"""How a score comes about, for whoever is ranked by it: the constants in force, read from the code.

What platforms owe those whom they rank (Regulation (EU) 2019/1150, art. 5): the main parameters, and why they
weigh what they do. Nothing here is copied by hand: the formula and this page cannot differ.
"""

from __future__ import annotations

from schemas.links import Links
from schemas.match import Strength
from schemas.scores import Factor, FormulaStep, ScoreDisclosure, StrengthFrom
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
        steps=_steps(),
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


def _steps() -> tuple[FormulaStep, ...]:
    rows: tuple[tuple[str, str], ...] = (
        (
            "Two texts are alike in what they mean and, counting less, in the words that both have.",
            "similarity = cosine of meaning + LEXICAL_WEIGHT × cosine of words",
        ),
        (
            "Where the model cannot read one of the two, what their words mean in English takes the place of "
            "the first cosine.",
            "cosine of meaning = SCALE × (cosine of English terms + MEANING_WEIGHT × cosine of what they "
            "stand for) − ZERO",
        ),
        (
            "Of each part of a challenge it is measured once how near texts come, by the likeness of its "
            f"nearest text number {evidence.NEIGHBOURS}. The more that differs from the usual, the higher or "
            "lower is the level; in a market of few texts it hardly is.",
            "level = LEVEL + BACKGROUND_WEIGHT × texts ÷ (texts + TRUSTED_SIZE) × (likeness of the nearest "
            "text number NEIGHBOURS − TYPICAL_LEVEL)",
        ),
        (
            "What lies above that is evidence. It is taken to the third power, so that one text that fits "
            "counts more than many that touch the subject.",
            "x = max(0, similarity − level)³",
        ),
        (
            "A company's texts count from the best on, each a little less than the one before: several good "
            "ones help, and their mere number is bounded.",
            "total = x₁ + DISCOUNT × x₂ + DISCOUNT² × x₃ + …, at most COUNTED_MAX texts",
        ),
        (
            "The total becomes the answer to a part, between 0 and 1. With the power its odds rise as the "
            "odds that such a company is right.",
            "answer(total) = r ÷ (r + 1), r = (total ÷ HALF)^1.5",
        ),
        (
            "The mean is taken of the challenge as a whole and of its requirements, by their weights, of "
            "mandatory ones more, and less of those that were cut from the need, which say again what it "
            "says. What one part has in excess makes up for little of what another lacks.",
            "mean = share × f(whole) + Σ share × f(requirement), f(total) = total ÷ (total + AVERAGED_HALF); "
            "share of a requirement = (1 − WHOLE) × weight ÷ Σ weight, × CUT where it was cut from the need; "
            "the weight of a mandatory one × MANDATORY_FACTOR; share of the whole = 1 − Σ share of the "
            "requirements",
        ),
        (
            "Of mandatory requirements it is counted how far they are gaps.",
            "unanswered = Σ weight × max(0, 1 − answer ÷ ANSWERED) ÷ Σ weight, over mandatory requirements",
        ),
        (
            "The mean is read like the evidence for one part, and the gaps take their share of it.",
            "score = answer(AVERAGED_HALF × mean ÷ (1 − mean)) × (1 − PENALTY × unanswered)",
        ),
        (
            "What a score is worth in the trial: its odds are so many times those of having been right.",
            "likelihood = s ÷ (s + RARITY × (1 − s)), s = min(score, HIGHEST); lift = likelihood ÷ CHANCE",
        ),
    )
    return tuple(FormulaStep(about=about, formula=formula) for about, formula in rows)


def _factors() -> tuple[Factor, ...]:
    rows: tuple[tuple[str, float, str], ...] = (
        ("LEXICAL_WEIGHT", evidence.LEXICAL_WEIGHT, "what shared words count; likeness of meaning counts 1"),
        ("SCALE", across.SCALE, "between two languages: likeness of words read in English counts so much"),
        ("MEANING_WEIGHT", across.MEANING_WEIGHT, "likeness of meaning beside it, between two languages"),
        ("ZERO", across.ZERO, "what is taken off the sum of the two"),
        ("LEVEL", evidence.LEVEL, "likeness from which evidence counts, where texts come as near as usual"),
        ("NEIGHBOURS", evidence.NEIGHBOURS, "how near texts come is read at the nearest text of this number"),
        (
            "NEIGHBOURS_SHARE",
            evidence.NEIGHBOURS_SHARE,
            "where there are few texts: at most at this share of them",
        ),
        ("TYPICAL_LEVEL", evidence.TYPICAL_LEVEL, "likeness that this text usually has"),
        (
            "MEANINGS_ABOVE",
            across.MEANINGS_ABOVE,
            "what is taken off that likeness for a part that the model cannot read",
        ),
        ("BACKGROUND_DECIMALS", evidence.BACKGROUND_DECIMALS, "decimals to which that likeness is kept"),
        (
            "BACKGROUND_WEIGHT",
            evidence.BACKGROUND_WEIGHT,
            "how far it counts that texts come nearer than usual, or less near",
        ),
        ("TRUSTED_SIZE", evidence.TRUSTED_SIZE, "texts of all companies at which it counts half of that"),
        ("DISCOUNT", evidence.DISCOUNT, "what each further text of a company counts, beside the one before"),
        ("COUNTED_MAX", evidence.COUNTED_MAX, "texts of a company that count, at the most"),
        ("HALF", evidence.HALF, "evidence that makes an answer of one half"),
        ("WHOLE", scoring.WHOLE, "weight of the challenge as a whole; its requirements share the rest"),
        (
            "CUT",
            scoring.CUT,
            "what of its share a requirement keeps that was cut from the need; the whole has the rest",
        ),
        ("AVERAGED_HALF", scoring.AVERAGED_HALF, "evidence that counts one half where the mean is taken"),
        ("MANDATORY_FACTOR", scoring.MANDATORY_FACTOR, "what a mandatory requirement weighs, beside another"),
        ("ANSWERED", scoring.ANSWERED, "an answer below this is a gap"),
        ("PENALTY", scoring.PENALTY, "share of the score that goes when every mandatory one is a gap"),
        ("DECIMALS", scoring.DECIMALS, "decimals to which scores are told apart"),
        ("RARITY", calibration.RARITY, "odds of a score, over the odds of being right in the trial"),
        ("CHANCE", calibration.CHANCE, "share of all pairs that were right in the trial"),
        ("HIGHEST", calibration.HIGHEST, "score above which the trial has too few pairs to say more"),
        ("NUDGE_MAX", feedback_rules.NUDGE_MAX, OWN_LIST),
    )
    return tuple(Factor(name=name, value=float(value), about=about) for name, value, about in rows)
