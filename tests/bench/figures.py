"""What a bench measures, and the figure that comes of it."""

from __future__ import annotations

import statistics
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict

FOLDER = Path("var") / "bench"
"""Where benches keep what is made once: companies that are embedded and indexed. May be deleted."""
MODELS = Path("var") / "models"
"""The exported models of the default data folder: they are made once."""


@dataclass(frozen=True, slots=True)
class Scale:
    """`quick`: small inputs and few repetitions, to see that a bench runs; its figures mean little."""

    quick: bool = False

    def pick(self, full: int, quick: int) -> int:
        return quick if self.quick else full


@dataclass(frozen=True, slots=True)
class Aim:
    """What the ratio is to reach: at least a value where more is better, at most where less is."""

    value: float
    at_least: bool

    def is_met(self, ratio: float) -> bool:
        return ratio >= self.value if self.at_least else ratio <= self.value

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.value:g}"


@dataclass(slots=True)
class Samples:
    """One value a repetition, the two sides taken in turns. `notes`: what a reader should know beside."""

    ours: list[float] = field(default_factory=list)
    reference: list[float] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """Median over median."""
        return statistics.median(self.ours) / statistics.median(self.reference)


Measure = Callable[[Scale], Awaitable[Samples]]


@dataclass(frozen=True, slots=True)
class Bench:
    """`about`: what is divided by what, in one line."""

    name: str
    about: str
    unit: str
    aim: Aim
    measure: Measure

    def figure(self, samples: Samples) -> Figure:
        ratio = samples.ratio
        return Figure(
            name=self.name,
            ratio=round(ratio, 3),
            aim=self.aim.value,
            met=self.aim.is_met(ratio),
            ours=significant(statistics.median(samples.ours)),
            reference=significant(statistics.median(samples.reference)),
            unit=self.unit,
        )


class Figure(TypedDict):
    """One entry of var/bench.json; `ratio` is ours over the reference."""

    name: str
    ratio: float
    aim: float
    met: bool
    ours: float
    reference: float
    unit: str


def significant(value: float) -> float:
    """Four digits: more would only be noise."""
    return float(f"{value:.4g}")


def quartiles(values: list[float]) -> str:
    """The middle half of the repetitions, as text."""
    if len(values) < 2:
        return "one repetition"
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return f"{significant(low):g}–{significant(high):g}"
