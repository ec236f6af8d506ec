"""Task `consortium` on a small bundle: who is missing, and which team it would be."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.evaluation.bundle import BundleError
from services.evaluation.choices import Method, Task
from services.evaluation.run import evaluate
from services.kernel.settings import Settings
from tests.evaluation.bundles import judged, teams
from tests.evaluation.test_run import settings

__all__ = ["settings"]


async def test_who_is_missing_is_found_by_whom_the_others_know(tmp_path: Path, settings: Settings) -> None:
    folder = teams(tmp_path / "teams")
    [report] = await evaluate(settings, folder, Task.consortium, [Method.liaison], lambda *_: None)
    shown = report.as_json()
    assert set(shown["metrics"]) == {
        "completion_mrr",
        "completion_mrr_floor",
        "completion_recall@10",
        "completion_recall@10_floor",
        "f1",
        "f1_floor",
    }
    assert shown["metrics"]["completion_mrr"] == 1.0
    assert shown["metrics"]["completion_mrr"] >= shown["metrics"]["completion_mrr_floor"]
    assert shown["metrics"]["f1"] == 1.0
    assert (shown["queries"], shown["left_out"], shown["unproven"]) == (1, 3, 0)
    assert next(iter(shown["parts"]["completion_mrr"])) == "the match alone"
    assert shown["parts"]["f1"]["the match alone"] == shown["metrics"]["f1_floor"]


async def test_what_cannot_be_measured_is_said(tmp_path: Path, settings: Settings) -> None:
    with pytest.raises(BundleError, match="no challenge has 3 or more companies"):
        await evaluate(
            settings, judged(tmp_path / "small"), Task.consortium, [Method.liaison], lambda *_: None
        )
    with pytest.raises(BundleError, match="formed by the product alone"):
        await evaluate(settings, teams(tmp_path / "teams"), Task.consortium, list(Method), lambda *_: None)
