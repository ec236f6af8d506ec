"""The figures of a run, as they ship with the product and stand on the page about scores."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from pydantic import ValidationError

from schemas.scores import Measured, MeasuredFigure, Reliability
from services.evaluation.bundle import BundleError
from services.evaluation.result import FLOOR_SUFFIX, Report
from services.matching import measured
from services.matching.measured import METRICS, REFERENCES_AND_RANK, TASKS
from services.matching.scoring import FORMULA

DECIMALS = 4
FLOOR = "floor"
"""What a floor of the product is called among the methods: published figures stand side by side."""


def as_measured(reports: Sequence[Report], collection: str, on: date) -> Measured:
    """Of the methods of one task on one collection."""
    first = reports[0]
    return Measured(
        task=first.task.value,
        about=TASKS[first.task.value],
        collection=collection,
        queries=_queries(first),
        measured_on=on.isoformat(),
        formula=FORMULA,
        figures=(*(figure for one in reports for figure in _figures(one)), *_references_and_rank(reports)),
        reliability=tuple(row for one in reports for row in _reliability(one)),
    )


def _figures(report: Report) -> list[MeasuredFigure]:
    return [
        MeasuredFigure(
            metric=shown,
            method=method,
            value=round(value, DECIMALS),
            interval=(
                round(report.intervals[metric][0], DECIMALS),
                round(report.intervals[metric][1], DECIMALS),
            ),
        )
        for metric, value in report.metrics.items()
        for shown, method in [_as_shown(metric, report)]
        if shown in METRICS
    ]


def _references_and_rank(reports: Sequence[Report]) -> list[MeasuredFigure]:
    """One number over all queries together, hence without an interval; of the tasks that rank companies."""
    found = {one.method: one.details.get("exposure", {}).get("popularity") for one in reports}
    return [
        MeasuredFigure(metric=REFERENCES_AND_RANK, method=method.value, value=round(value, DECIMALS))
        for method, value in found.items()
        if value is not None
    ]


def _reliability(report: Report) -> list[Reliability]:
    """Of the method whose scores claim something: the product's alone."""
    return [
        Reliability(
            low=row["low"],
            high=row["high"],
            pairs=row["count"],
            claimed=round(row["mean_claimed"], DECIMALS),
            right=round(row["share_right"], DECIMALS),
        )
        for row in report.details.get("reliability", [])
    ]


def _as_shown(metric: str, report: Report) -> tuple[str, str]:
    """Metric and method."""
    if metric.endswith(FLOOR_SUFFIX):
        return metric.removesuffix(FLOOR_SUFFIX), FLOOR
    return metric, report.method.value


def _queries(report: Report) -> int:
    """Of the figure that most of them count for."""
    asked = report.details["queries"]
    return max(asked.values()) if isinstance(asked, dict) else int(asked)


def present(file: Path) -> tuple[Measured, ...]:
    """What the file holds: nothing, where there is none yet. Raises BundleError for one that holds something
    else, OSError."""
    if not file.exists():
        return ()
    try:
        return measured.read(file.read_bytes())
    except ValidationError:
        raise BundleError(
            f"{file} does not hold published figures. Name another file with --publish."
        ) from None


def publish(file: Path, reports: Sequence[Report], collection: str, on: date) -> None:
    """Put the figures into the file in the place of those of the same task and collection. Raises BundleError
    for a file that holds something else, OSError."""
    measured.write(file, measured.merged(present(file), [as_measured(reports, collection, on)]))
