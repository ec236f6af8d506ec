"""`/scores`: how a score comes about, in words, with the very figures that the formula uses, and how good it
was measured to be."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from schemas.scores import Measured, MeasuredFigure
from services.gateway.board.rendering import Renderer
from services.gateway.board.visit import Visit, Visits
from services.matching import scoring
from services.matching.disclosure import disclosure
from services.matching.measured import ALONE, ESTABLISHED, REFERENCES_AND_RANK
from services.matching.worked_example import worked


@dataclass(frozen=True, slots=True)
class Table:
    """Figures of one task: a row per metric, a column per method; None where it was not measured."""

    of: Measured
    methods: list[str]
    rows: list[tuple[str, list[MeasuredFigure | None]]]


def routes(visits: Visits, renderer: Renderer) -> APIRouter:
    made = APIRouter(include_in_schema=False)

    @made.get("/scores")
    async def page(visit: Annotated[Visit, Depends(visits)]) -> Response:
        disclosed = disclosure()
        tables = [table(one) for one in disclosed.measured]
        return renderer.page(
            "scores.html",
            visit,
            scoring=scoring,
            disclosed=disclosed,
            measured=tables,
            factors={one.name: one.value for one in disclosed.factors},
            trial=next((one for one in disclosed.measured if one.reliability), None),
            references=by_method(disclosed.measured, REFERENCES_AND_RANK),
            established=by_method(disclosed.measured, ESTABLISHED),
            alone=by_method(disclosed.measured, ALONE),
            example=worked(),
        )

    return made


def table(measured: Measured) -> Table:
    """In the order of the figures."""
    found = {(one.metric, one.method): one for one in measured.figures}
    methods = list(dict.fromkeys(one.method for one in measured.figures))
    metrics = dict.fromkeys(one.metric for one in measured.figures)
    rows = [(metric, [found.get((metric, method)) for method in methods]) for metric in metrics]
    return Table(measured, methods, rows)


def by_method(measured: Sequence[Measured], metric: str) -> dict[str, float]:
    """A figure that is measured once, by method."""
    return {one.method: one.value for of in measured for one in of.figures if one.metric == metric}
