"""Small bundles, judged by the product's own indexing, search and scoring, and by other methods."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.text import NEED_MAX, TITLE_MAX
from services.evaluation.bundle import BundleError
from services.evaluation.choices import Method, Task, methods_of
from services.evaluation.newcomer import ALONE_FOUND, ESTABLISHED, ESTABLISHED_FOUND
from services.evaluation.result import Report
from services.evaluation.run import KEPT, evaluate
from services.kernel.settings import Settings
from tests.evaluation.bundles import (
    CHALLENGES,
    COMPANIES,
    NEEDS,
    PRESSURE,
    judged,
    paired,
    rated,
    translated,
    write,
)
from tests.intake.people import NEED
from tests.kernel.embedding.conftest import MODELS


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", models_dir=MODELS, embedding_threads=2)


async def measured(settings: Settings, folder: Path, task: Task, *methods: Method) -> list[Report]:
    return await evaluate(settings, folder, task, methods or methods_of(task), lambda *_: None)


async def test_what_belongs_together_is_ranked_first(tmp_path: Path, settings: Settings) -> None:
    seen: list[tuple[str, int, int]] = []
    folder = judged(tmp_path / "small")

    [report] = await evaluate(settings, folder, Task.match, [Method.liaison], lambda *step: seen.append(step))

    assert report.metrics == {"ndcg@10": 1.0, "ndcg@50": 1.0, "recall@50": 1.0, "mrr": 1.0}
    assert report.intervals["mrr"] == (1.0, 1.0)
    assert seen == [
        ("indexing companies", 5, 5),
        ("liaison: matching challenges", 1, 2),
        ("liaison: matching challenges", 2, 2),
    ]
    assert [path.name for path in settings.data_dir.iterdir() if path.name.endswith(".db")] == [KEPT]
    [again] = await measured(settings, folder, Task.match, Method.liaison)
    assert again == report


async def test_match_says_who_is_seen_and_what_a_score_is_worth(tmp_path: Path, settings: Settings) -> None:
    reports = await measured(settings, judged(tmp_path / "small"), Task.match)
    shown = [one.as_json() for one in reports]

    assert [(one["task"], one["method"]) for one in shown] == [("match", method.value) for method in Method]
    assert all(one["metrics"]["mrr"] == 1.0 for one in shown)
    exposure = shown[0]["exposure"]["shares"]
    assert set(exposure) == {"country", "newcomer"}
    assert exposure["country"]["FR"][1] == pytest.approx(0.4)
    assert exposure["newcomer"]["newcomer"][1] == pytest.approx(0.2)
    table = shown[0]["reliability"]
    assert [row["low"] for row in table] == [place / 10 for place in range(10)]
    assert sum(row["count"] * row["share_right"] for row in table) == pytest.approx(2.0)
    assert all("reliability" not in one for one in shown[1:])
    assert "differences" not in shown[0]
    assert shown[1]["differences"]["mrr"] == {"to": "liaison", "difference": 0.0, "interval": (0.0, 0.0)}


async def test_match_tells_what_one_text_alone_would_do_for_a_company_of_many(
    tmp_path: Path, settings: Settings
) -> None:
    known, *others = COMPANIES
    more = [{"id": f"m{n}", "text": f"Cryogenic instruments, series {n}"} for n in range(ESTABLISHED)]
    companies = [{**known, "capabilities": [*known["capabilities"], *more]}, *others]
    table = f"pressure\t{known['id']}\t1\n"
    folder = write(tmp_path / "known", challenges=CHALLENGES, companies=companies, judgements=table)

    reports = await measured(settings, folder, Task.match, *Method)

    told = {ESTABLISHED_FOUND, ALONE_FOUND}
    assert [told <= one.metrics.keys() for one in reports] == [
        method in (Method.liaison, Method.unbounded) for method in Method
    ]
    assert {reports[0].metrics[name] for name in told} == {1.0}, "in a market of five everybody is found"


async def test_reverse_orders_challenges_as_they_were_graded(tmp_path: Path, settings: Settings) -> None:
    reports = await measured(settings, rated(tmp_path / "rated"), Task.reverse)

    assert [one.details["queries"] for one in reports] == [2] * len(Method)
    for report in reports:
        # Only whether a mirror or bread is farther from a maker of sensors can be had wrong.
        assert report.metrics["kendall_loss"] <= 2.0 / 13.5
        assert report.metrics["accuracy_easy"] == 1.0
        assert report.details["pairs_easy"] == 3
        assert report.details["pairs_hard"] == 0
    assert reports[0].metrics["kendall_loss"] == 0.0


async def test_pairs_are_of_different_buyers_and_counted_across_languages(
    tmp_path: Path, settings: Settings
) -> None:
    reports = await measured(settings, paired(tmp_path / "paired"), Task.pair)

    for report in reports:
        assert report.metrics["ndcg@10_all"] == 1.0
        assert report.metrics["ndcg@10_cross"] == 1.0
        assert report.details["queries"] == {"ndcg@10_all": 4, "ndcg@10_cross": 4}


async def test_pairs_do_not_look_at_codes(tmp_path: Path, settings: Settings) -> None:
    codes = {"windows": "90911300", "glass": "90911300", "fenster": "90911300", "helium": "24111000"}
    as_they_are = [{**one, "cpv": [codes.get(one["id"], "15811000")]} for one in NEEDS]
    all_alike = [{**one, "cpv": ["15811000"]} for one in NEEDS]
    figures = [
        await measured(settings, paired(tmp_path / name, needs=needs), Task.pair, Method.liaison)
        for name, needs in (("coded", as_they_are), ("alike", all_alike), ("bare", NEEDS))
    ]
    assert figures[0] == figures[1] == figures[2]


async def test_translations_are_found_among_all_english_needs(tmp_path: Path, settings: Settings) -> None:
    reports = await measured(settings, translated(tmp_path / "translated"), Task.translation)

    for report in reports:
        assert (report.details["queries"], report.details["candidates"]) == (3, 5)
        assert report.details["languages"]["fr"] == {"p@1": 1.0, "mrr": 1.0, "queries": 2}
        assert report.details["languages"]["it"]["p@1"] == 0.0
        assert report.metrics["p@1_mean"] == 0.5
        assert report.metrics["p@1_worst"] == 0.0
        assert report.metrics["mrr_worst"] == report.details["languages"]["it"]["mrr"] < 0.5


async def test_long_texts_are_cut_and_wrong_ones_named(tmp_path: Path, settings: Settings) -> None:
    need = f"{NEED} " * (NEED_MAX // len(NEED) + 1)
    long = {"id": "pressure", "title": "Pressure\nsensor " * TITLE_MAX, "need": need}
    folder = judged(tmp_path / "long", challenges=[long])
    [report] = await measured(settings, folder, Task.match, Method.liaison)
    assert report.metrics["mrr"] == 1.0

    wrong = judged(tmp_path / "wrong", challenges=[{**PRESSURE, "need": "y\x00z"}])
    with pytest.raises(BundleError, match="The challenge 'pressure' of the bundle: need: The text contains"):
        await measured(settings, wrong, Task.match)
    foreign = judged(tmp_path / "foreign", challenges=[{**PRESSURE, "language": "tlh"}])
    with pytest.raises(BundleError, match="The challenge 'pressure' of the bundle: language:"):
        await measured(settings, foreign, Task.match)


async def test_a_bundle_without_an_order_to_judge_is_refused(tmp_path: Path, settings: Settings) -> None:
    seen: list[tuple[str, int, int]] = []
    folder = write(
        tmp_path / "flat", challenges=CHALLENGES, companies=COMPANIES, judgements="mirror\tCryosense\t1\n"
    )
    with pytest.raises(BundleError, match="flat: no company has challenges of different grades"):
        await evaluate(settings, folder, Task.reverse, list(Method), lambda *step: seen.append(step))
    assert seen == []
