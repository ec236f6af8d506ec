"""The page on how a score comes about says what the code does, and what was measured."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from services.evaluation.bundle import BundleError
from services.evaluation.choices import Method, Task
from services.evaluation.publish import FLOOR, publish
from services.evaluation.result import Report
from services.gateway.board.wording import METHODS
from services.kernel.settings import Settings
from services.matching import across, evidence, feedback_rules, measured, scoring
from services.matching.disclosure import disclosure

TODAY = date(2026, 11, 27)


def a_report(value: float, method: Method = Method.liaison) -> Report:
    return Report(
        Task.match,
        method,
        metrics={"ndcg@50": value, "something else": 1.0},
        intervals={"ndcg@50": (value - 0.1, value + 0.1), "something else": (1.0, 1.0)},
        differences={},
        details={"queries": 7},
    )


def test_factors_are_those_of_the_code() -> None:
    told = disclosure()
    assert told.formula == scoring.FORMULA
    modules = (across, evidence, scoring, feedback_rules)
    for factor in told.factors:
        (home,) = [module for module in modules if hasattr(module, factor.name)][:1]
        assert factor.value == getattr(home, factor.name)
        assert factor.about
    assert [one.score for one in told.strengths] == [scoring.STRONG, scoring.GOOD, scoring.POSSIBLE]


def test_what_ships_is_measured_with_the_method_beside_it() -> None:
    shipped = measured.shipped()
    assert {"match", "reverse", "pair", "translate"} <= {one.task for one in shipped} <= set(measured.TASKS)
    for one in shipped:
        methods = {figure.method for figure in one.figures}
        beside = {FLOOR} if one.task == "consortium" else {"bm25", "dense", "mean-vector"}
        assert {"liaison"} | beside <= methods
        assert {figure.metric for figure in one.figures} <= measured.METRICS.keys()
        assert one.queries > 0


def test_every_task_has_its_words() -> None:
    assert {task.value for task in Task} == set(measured.TASKS)
    assert {FLOOR, *Method} == set(METHODS)


def test_who_says_nothing_hears_of_what_is_good() -> None:
    assert Settings.model_fields["match_threshold"].default == scoring.GOOD


def test_an_evaluation_publishes_its_figures_in_the_place_of_older_ones(tmp_path: Path) -> None:
    file = tmp_path / "measured.json"
    publish(file, [a_report(0.2), a_report(0.1, Method.bm25)], "small", TODAY)
    publish(file, [a_report(0.5)], "large", TODAY)
    publish(file, [a_report(0.3)], "small", TODAY)
    found = measured.read(file.read_bytes())
    assert [(one.collection, one.figures[0].value) for one in found] == [("large", 0.5), ("small", 0.3)]
    (figure,) = found[1].figures
    assert (figure.metric, figure.method, figure.interval) == ("ndcg@50", "liaison", (0.2, 0.4))
    assert (found[1].queries, found[1].measured_on) == (7, "2026-11-27")
    file.write_text("{}", "utf-8")
    with pytest.raises(BundleError, match="does not hold published figures"):
        publish(file, [a_report(0.3)], "small", TODAY)
