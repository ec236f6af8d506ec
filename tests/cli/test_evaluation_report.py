"""What `evaluate` prints of several methods."""

from __future__ import annotations

import pytest

from services.cli.evaluation_report import print_reports
from services.evaluation.choices import Method, Task
from services.evaluation.result import Report


def report(method: Method, french: float, popularity: float | None) -> Report:
    shares = {
        "country": {"FR": (french, 0.25), "DE": (1.0 - french, 0.75)},
        "newcomer": {"newcomer": (0.5, 0.1), "others": (0.5, 0.9)},
    }
    details = {"exposure": {"shares": shares, "popularity": popularity}}
    return Report(Task.match, method, {"mrr": 0.5}, {"mrr": (0.4, 0.6)}, {}, details)


def test_who_is_seen_is_one_table_with_a_column_a_method(capsys: pytest.CaptureFixture[str]) -> None:
    print_reports([report(Method.liaison, 0.2, -0.1), report(Method.bm25, 0.9, None)])

    said = capsys.readouterr().out
    lines = [line.split() for line in said.splitlines()]
    assert said.count("who is among the first ten") == 2, "by country and by newcomer"
    assert ["country", "liaison", "bm25", "of", "all", "companies"] in lines
    germany, france = (
        lines.index(["DE", "80.0%", "10.0%", "75.0%"]),
        lines.index(["FR", "20.0%", "90.0%", "25.0%"]),
    )
    assert germany < france, "in the order of the first method"
    assert "correlate by liaison -0.100 (Spearman" in said


def test_where_nobody_is_ranked_there_is_no_such_table(capsys: pytest.CaptureFixture[str]) -> None:
    print_reports([Report(Task.pair, Method.liaison, {"mrr": 0.5}, {"mrr": (0.4, 0.6)}, {}, {})])

    assert "first ten" not in capsys.readouterr().out
