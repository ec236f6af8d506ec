"""The page on how a score comes about says what the code does, and what was measured."""

from __future__ import annotations

import re
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from services.evaluation.bundle import BundleError
from services.evaluation.calibration import Bin
from services.evaluation.choices import Method, Task
from services.evaluation.publish import FLOOR, publish
from services.evaluation.result import Report
from services.gateway.board.wording import METHODS
from services.kernel.settings import Settings
from services.matching import (
    across,
    calibration,
    evidence,
    feedback_rules,
    measured,
    scoring,
    worked_example,
)
from services.matching.disclosure import disclosure

TODAY = date(2026, 11, 27)
BIN = Bin(low=0.6, high=0.7, count=12, mean_score=0.64, mean_claimed=0.051234, share_right=1 / 12)
DETAILS: dict[Method, dict[str, Any]] = {
    Method.liaison: {"reliability": [asdict(BIN)], "exposure": {"popularity": -0.25}},
    Method.bm25: {"exposure": {"popularity": None}},
}
NO_FACTORS = {
    "UNBOUNDED": "for measuring alone: what the bound on many references costs",
    "NAMED_ABOVE": "which text is named beside an answer, after the score is made",
    "STRONG": "a word for a score; the table of the strengths has it",
    "GOOD": "a word for a score; the table of the strengths has it",
    "POSSIBLE": "a word for a score; the table of the strengths has it",
    "REMEMBERED": "how many vectors are kept in memory",
    "DIMENSIONS": "the length of a vector",
}
"""Constants beside the formula that decide no score, each with what it decides."""


def a_report(value: float, method: Method = Method.liaison) -> Report:
    return Report(
        Task.match,
        method,
        metrics={"ndcg@50": value, "something else": 1.0},
        intervals={"ndcg@50": (value - 0.1, value + 0.1), "something else": (1.0, 1.0)},
        differences={},
        details={"queries": 7} | DETAILS.get(method, {}),
    )


def test_factors_are_those_of_the_code() -> None:
    told = disclosure()
    assert told.formula == scoring.FORMULA
    modules = (across, evidence, scoring, calibration, feedback_rules)
    for factor in told.factors:
        (home,) = [module for module in modules if hasattr(module, factor.name)][:1]
        assert factor.value == getattr(home, factor.name)
        assert factor.about
    assert [one.score for one in told.strengths] == [scoring.STRONG, scoring.GOOD, scoring.POSSIBLE]


def test_no_constant_that_decides_a_score_is_left_out() -> None:
    told = disclosure()
    constants = {
        name
        for module in (evidence, scoring, across, calibration)
        for name, value in vars(module).items()
        if name.isupper() and isinstance(value, int | float)
    }
    assert constants == ({one.name for one in told.factors} - {"NUDGE_MAX"}) | NO_FACTORS.keys()
    formulas = " ".join(one.formula for one in told.steps)
    beside = {"NEIGHBOURS_SHARE", "MEANINGS_ABOVE", "BACKGROUND_DECIMALS", "DECIMALS", "NUDGE_MAX"}
    named = set(re.findall(r"\b[A-Z][A-Z_]{2,}\b", formulas))
    assert named == {one.name for one in told.factors} - beside, "the formula and the list are of one another"


def test_the_formula_as_it_is_told_makes_the_score_of_the_example() -> None:
    """By hand, from what the page says: nothing of the arithmetic is called."""
    one = {factor.name: factor.value for factor in disclosure().factors}
    background = worked_example.BACKGROUND
    trust = background.indexed / (background.indexed + one["TRUSTED_SIZE"])
    level = one["LEVEL"] + one["BACKGROUND_WEIGHT"] * trust * (background.level - one["TYPICAL_LEVEL"])

    def answer(total: float) -> float:
        risen = (total / one["HALF"]) ** 1.5
        return float(risen / (risen + 1))

    totals = []
    for meaning, words in zip(worked_example.MEANING, worked_example.WORDS, strict=True):
        similarity = [m + one["LEXICAL_WEIGHT"] * w for m, w in zip(meaning, words, strict=True)]
        found = sorted((max(0.0, each - level) ** 3 for each in similarity), reverse=True)
        totals.append(sum(x * one["DISCOUNT"] ** n for n, x in enumerate(found)))
    whole, requirement = (total / (total + one["AVERAGED_HALF"]) for total in totals)
    mean = one["WHOLE"] * whole + (1 - one["WHOLE"]) * requirement
    unanswered = max(0.0, 1 - answer(totals[1]) / one["ANSWERED"])
    score = answer(one["AVERAGED_HALF"] * mean / (1 - mean)) * (1 - one["PENALTY"] * unanswered)

    example = worked_example.worked()
    assert 0.0 < unanswered < 1.0, "it shows what a gap costs"
    assert example.unanswered == pytest.approx(unanswered, abs=1e-3)
    assert [part.total for part in example.parts] == pytest.approx(totals, rel=1e-3)
    assert example.score == pytest.approx(score, abs=2e-4), "to the fixed point of vectors"


def test_the_steps_of_the_example_add_up_to_its_score() -> None:
    example = worked_example.worked()
    for part in example.parts:
        assert sum(one.adds for one in part.compared) == pytest.approx(part.total)
        assert sorted(one.place for one in part.compared) == [1, 2, 3]
    assert example.mean == pytest.approx(sum(one.weight * one.averaged for one in example.parts))
    last = example.answer * (1 - scoring.PENALTY * example.unanswered)
    assert example.score == round(last, scoring.DECIMALS)
    assert example.strength is scoring.strength(example.score)


def test_what_ships_is_measured_with_the_method_beside_it() -> None:
    shipped = measured.shipped()
    assert {"match", "reverse", "pair", "translate"} <= {one.task for one in shipped} <= set(measured.TASKS)
    for one in shipped:
        methods = {figure.method for figure in one.figures}
        beside = {FLOOR} if one.task == "consortium" else {"bm25", "dense", "mean-vector"}
        assert {"liaison"} | beside <= methods
        assert {figure.metric for figure in one.figures} <= measured.METRICS.keys()
        assert one.queries > 0
    (trial,) = [one for one in shipped if one.task == "match"]
    assert [(row.low, row.high) for row in trial.reliability] == [(n / 10, (n + 1) / 10) for n in range(10)]
    for row in trial.reliability:
        assert row.pairs > 0
        low, high = calibration.likelihood(row.low), calibration.likelihood(row.high)
        assert low <= row.claimed <= high, "what was claimed is what the curve in force claims"
    found = {one.method: one.value for one in trial.figures if one.metric == measured.REFERENCES_AND_RANK}
    assert found["liaison"] < -0.5, "the page and the README say that those with more stand further up"
    assert found["liaison"] == pytest.approx(found["unbounded"], abs=0.01)


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
    figure, references = found[1].figures
    assert (figure.metric, figure.method, figure.interval) == ("ndcg@50", "liaison", (0.2, 0.4))
    assert (references.metric, references.value, references.interval) == (
        measured.REFERENCES_AND_RANK,
        -0.25,
        None,
    )
    (row,) = found[1].reliability
    assert (row.low, row.high, row.pairs, row.claimed, row.right) == (0.6, 0.7, 12, 0.0512, 0.0833)
    assert (found[1].queries, found[1].measured_on) == (7, "2026-11-27")
    file.write_text("{}", "utf-8")
    with pytest.raises(BundleError, match="does not hold published figures"):
        publish(file, [a_report(0.3)], "small", TODAY)
