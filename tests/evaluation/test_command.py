"""`liaison evaluate` as it is typed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from services.cli import app, plain_progress
from services.matching import measured
from tests.evaluation.bundles import judged, teams, translated
from tests.kernel.embedding.conftest import MODELS

RUNNER = CliRunner(env={"LIAISON_MODELS_DIR": str(MODELS), "COLUMNS": "140"})


def evaluate(folder: Path, *more: str) -> Result:
    return RUNNER.invoke(
        app, ["evaluate", "--bundle", str(folder), "--data-dir", str(folder.parent / "data"), *more]
    )


def written(file: Path) -> Any:
    return json.loads(file.read_bytes())


def test_without_a_method_the_product_is_measured_alone(tmp_path: Path) -> None:
    found = evaluate(judged(tmp_path / "small"), "--json", str(tmp_path / "figures.json"))

    assert found.exit_code == 0, found.output
    figures = written(tmp_path / "figures.json")
    assert (figures["task"], figures["method"]) == ("match", "liaison")
    assert figures["metrics"] == {"ndcg@10": 1.0, "ndcg@50": 1.0, "recall@50": 1.0, "mrr": 1.0}
    assert figures["intervals"]["mrr"] == [1.0, 1.0]
    for said in ("1.0000", "who is among the first ten", "what a score is worth", "calibration error"):
        assert said in found.stdout
    for row in figures["reliability"]:
        assert (f"{row['low']:.1f} to {row['high']:.1f}" in found.stdout) == (row["count"] > 0)


def test_on_request_json_is_all_that_is_printed(tmp_path: Path) -> None:
    found = evaluate(translated(tmp_path / "small"), "--task", "translate", "--json", "-")

    assert found.exit_code == 0, found.output
    assert json.loads(found.stdout)["metrics"]["p@1_worst"] == 0.0


def test_what_is_done_is_told_beside_the_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain_progress, "QUIET_S", 0.0)
    found = evaluate(translated(tmp_path / "small"), "--task", "translate", "--json", "-")

    assert json.loads(found.stdout)["task"] == "translate"
    for told in ("embedding needs: 5 of 5, ", "liaison: finding needs: 3 of 3, "):
        assert told in found.stderr


def test_teams_are_published_beside_their_floor(tmp_path: Path) -> None:
    file = tmp_path / "measured.json"
    published = ("--publish", str(file), "--collection", "Three companies")

    found = evaluate(teams(tmp_path / "small"), "--task", "consortium", *published, "--json", "-")

    assert found.exit_code == 0, found.output
    metrics = json.loads(found.stdout)["metrics"]
    (one,) = measured.read(file.read_bytes())
    assert (one.task, one.collection, one.queries) == ("consortium", "Three companies", 1)
    assert [(figure.metric, figure.method) for figure in one.figures] == [
        (name, method)
        for name in ("completion_mrr", "completion_recall@10", "f1")
        for method in ("liaison", "floor")
    ]
    assert one.figures[1].value == pytest.approx(metrics["completion_mrr_floor"], abs=1e-4)


def test_several_methods_stand_side_by_side_each_once(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    chosen = ("--method", "bm25", "--method", "liaison", "--method", "bm25")

    found = evaluate(translated(tmp_path / "small"), "--task", "translate", *chosen, "--json", str(file))

    assert found.exit_code == 0, found.output
    assert [one["method"] for one in written(file)] == ["bm25", "liaison"]
    assert written(file)[1]["differences"]["p@1_mean"]["to"] == "bm25"
    assert "more than bm25" in found.stdout
    assert "liaison: by language" in found.stdout


def test_all_are_all(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"

    folder = translated(tmp_path / "small")
    found = evaluate(folder, "--task", "translate", "--method", "all", "--json", str(file))

    assert found.exit_code == 0, found.output
    assert [one["method"] for one in written(file)] == ["liaison", "bm25", "dense", "mean-vector"]


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        (("--task", "pair"), 2, "has no pairs.tsv (nor pairs.tsv.gz)."),
        (("--json", "/nowhere/figures.json"), 1, "/nowhere/figures.json cannot be written"),
        (("--publish", "/nowhere/measured.json"), 1, "/nowhere/measured.json cannot be written"),
        (("--publish", "pyproject.toml"), 2, "pyproject.toml does not hold published figures"),
    ],
)
def test_what_goes_wrong_is_one_sentence(tmp_path: Path, more: tuple[str, ...], code: int, said: str) -> None:
    found = evaluate(judged(tmp_path / "small"), *more)

    assert found.exit_code == code
    assert said in " ".join(found.stderr.split())
