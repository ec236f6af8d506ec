"""A small bundle, judged by the product's own indexing, search and scoring."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from schemas.text import NEED_MAX, TITLE_MAX
from services.evaluation.bundle import BundleError
from services.evaluation.run import KEPT, evaluate_match
from services.kernel.settings import Settings
from tests.intake.people import NEED
from tests.kernel.embedding.conftest import MODELS
from tests.matching.market import COMPETENCES, MIRROR


def bundle(folder: Path, *, challenges: list[dict[str, Any]] | None = None) -> Path:
    folder.mkdir()
    rows = challenges or [
        {"id": "pressure", "title": "Radiation-hard pressure sensor for a 4 K helium line", "need": NEED},
        {"id": "mirror", "title": MIRROR["title"], "need": MIRROR["need"]},
        {"id": "unjudged", "title": "Something else", "need": "We need something else."},
    ]
    companies = [
        {
            "id": name,
            "name": name,
            "capabilities": [{"id": str(n), "text": text} for n, text in enumerate(texts)],
        }
        for name, texts in COMPETENCES.items()
    ]
    companies.append({"id": "silent", "name": "Silent", "capabilities": [{"id": "1", "text": "  "}]})
    (folder / "challenges.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    (folder / "companies.jsonl").write_text("\n".join(map(json.dumps, companies)), "utf-8")
    (folder / "judgements.tsv").write_text(
        "challenge\tcompany\tgrade\npressure\tCryosense\t1\nmirror\tOptique Grenoble\t1\n", "utf-8"
    )
    return folder


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", models_dir=MODELS, embedding_threads=2)


async def test_what_belongs_together_is_ranked_first(tmp_path: Path, settings: Settings) -> None:
    seen: list[tuple[str, int, int]] = []
    folder = bundle(tmp_path / "small")

    metrics = await evaluate_match(settings, folder, lambda *step: seen.append(step))

    assert metrics == {"ndcg@10": 1.0, "ndcg@50": 1.0, "recall@50": 1.0, "mrr": 1.0}
    assert seen == [
        ("indexing companies", 5, 5),
        ("matching challenges", 1, 2),
        ("matching challenges", 2, 2),
    ]
    assert [path.name for path in settings.data_dir.iterdir() if path.name.endswith(".db")] == [KEPT]
    assert await evaluate_match(settings, folder, lambda *_: None) == metrics


async def test_long_texts_are_cut_and_wrong_ones_named(tmp_path: Path, settings: Settings) -> None:
    need = f"{NEED} " * (NEED_MAX // len(NEED) + 1)
    long = {"id": "pressure", "title": "Pressure\nsensor " * TITLE_MAX, "need": need}
    metrics = await evaluate_match(settings, bundle(tmp_path / "long", challenges=[long]), lambda *_: None)
    assert metrics["mrr"] == 1.0

    wrong = bundle(tmp_path / "wrong", challenges=[{"id": "pressure", "title": "x", "need": "y\x00z"}])
    with pytest.raises(BundleError, match="The challenge 'pressure' of the bundle: need: The text contains"):
        await evaluate_match(settings, wrong, lambda *_: None)
    foreign = {"id": "pressure", "title": "x", "need": "y", "language": "tlh"}
    with pytest.raises(BundleError, match="The challenge 'pressure' of the bundle: language:"):
        await evaluate_match(settings, bundle(tmp_path / "foreign", challenges=[foreign]), lambda *_: None)
