"""What a method reached at a task, and how several compare, as figures and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from services.evaluation.choices import Method, Task
from services.evaluation.measure import Measure, difference

FLOOR_SUFFIX = "_floor"
"""Ends the name of a metric that says what is reached without the part of the product that is measured."""


@dataclass(frozen=True, slots=True)
class Result:
    """`details`: whatever a task has to say beside its metrics, ready for JSON."""

    task: Task
    method: Method
    measures: Mapping[str, Measure]
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Report:
    """`intervals`: 95 %, of each metric. `differences`: of each metric to the first method of the run, with
    their intervals; empty for the first one."""

    task: Task
    method: Method
    metrics: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    differences: dict[str, dict[str, Any]]
    details: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        shown = {
            "task": self.task.value,
            "method": self.method.value,
            "metrics": self.metrics,
            "intervals": self.intervals,
        }
        return shown | ({"differences": self.differences} if self.differences else {}) | dict(self.details)


def reports(results: Sequence[Result]) -> list[Report]:
    """In their order; all of one task on one bundle."""
    return [
        Report(
            one.task,
            one.method,
            metrics={name: measure.value for name, measure in one.measures.items()},
            intervals={name: measure.interval() for name, measure in one.measures.items()},
            differences={} if place == 0 else _differences(one, results[0]),
            details=one.details,
        )
        for place, one in enumerate(results)
    ]


def _differences(one: Result, first: Result) -> dict[str, dict[str, Any]]:
    found = {}
    for name, measure in one.measures.items():
        if name not in first.measures:
            continue
        value, interval = difference(measure, first.measures[name])
        found[name] = {"to": first.method.value, "difference": value, "interval": interval}
    return found
