"""How a score comes about: its factors and weights, and how good it was found to be."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from schemas.base import Contract, Share
from schemas.links import Links
from schemas.match import Strength


class Factor(Contract):
    """A constant of the formula, as it is in force, and what it does."""

    name: str
    value: float
    about: str


class FormulaStep(Contract):
    """A step from two texts to a score: in words, and as a formula over the names of `factors`."""

    about: str
    formula: str


class StrengthFrom(Contract):
    """The word for scores from here on. `likelihood`: share of the pairs of this very score that were right
    in the trial (CORDIS, 721 challenges, 3,326 organisations; right is who really took part); `lift`: how
    many times likelier that is than for a pair drawn at random."""

    strength: Strength
    score: Share
    about: str
    likelihood: Share
    lift: Annotated[float, Field(ge=0, allow_inf_nan=False)]


class MeasuredFigure(Contract):
    """What a method reached. `interval`: 95 %, over the queries. `method`: `liaison` is the product itself,
    the others are what it is held against."""

    metric: str
    method: str
    value: float
    interval: tuple[float, float] | None = None


class Reliability(Contract):
    """Pairs of the trial with a score from `low` to below `high`, the last row with its end. `claimed`: the
    share of them that is said to be right (`likelihood`, on average); `right`: the share that was."""

    low: Share
    high: Share
    pairs: Annotated[int, Field(ge=0)]
    claimed: Share
    right: Share


class Measured(Contract):
    """One task on one collection. `formula`: the version that was measured, which may be an earlier one.
    `reliability`: of the product, where what its scores claim could be held against what was right."""

    task: str
    about: str
    collection: str
    queries: int
    measured_on: str
    formula: str
    figures: tuple[MeasuredFigure, ...]
    reliability: tuple[Reliability, ...] = ()


class ScoreDisclosure(Contract):
    """`never`: what never moves a score, for nobody."""

    formula: Annotated[str, Field(description="Its version, named by every suggestion that it made")]
    steps: Annotated[tuple[FormulaStep, ...], Field(description="The whole formula, in its order")] = ()
    factors: tuple[Factor, ...]
    strengths: tuple[StrengthFrom, ...]
    never: tuple[str, ...]
    metrics: Annotated[dict[str, str], Field(description="What each metric means")]
    measured: tuple[Measured, ...]
    links: Links
