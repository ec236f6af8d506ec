"""The export: once, whole, however many processes start or are killed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from services.kernel.embedding.exported import LAYOUT, OnnxUnusable, open_exported
from services.kernel.embedding.onnx_encoder import MODEL_FILE
from services.kernel.embedding.source import ModelSource, locate
from tests.kernel.embedding.conftest import Exported


@pytest.fixture(scope="module")
def source(tiny_model: Path) -> ModelSource:
    return locate(str(tiny_model))


@pytest.mark.slow
def test_processes_that_start_at_once_share_one_export(exported: Exported) -> None:
    said = exported.said

    assert exported.statuses == [0, 0, 0], said
    vectors = {out.rsplit("\n", 1)[-1] for out, _ in said}
    assert len(vectors) == 1
    assert len(vectors.pop()) == 32 * 4 * 2
    assert sum("exporting" in out + err for out, err in said) == 1
    assert [folder.name for folder in exported.cache.glob(f"*-{LAYOUT}*")] == [
        next(exported.cache.glob("*.lock")).stem + f"-{LAYOUT}"
    ]


def test_a_cache_that_cannot_be_written_is_a_reason(source: ModelSource, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")

    with pytest.raises(OnnxUnusable, match="cache"):
        open_exported(source, "abc", tmp_path / "cache", lanes=1)


@pytest.mark.slow
def test_a_damaged_export_is_made_anew(source: ModelSource, exported: Exported, tmp_path: Path) -> None:
    (tmp_path / f"abc-{LAYOUT}.part").mkdir()  # left by a process that was killed
    [whole_export] = exported.cache.glob(f"*-{LAYOUT}")
    shutil.copytree(whole_export, tmp_path / f"abc-{LAYOUT}")
    graph = tmp_path / f"abc-{LAYOUT}" / MODEL_FILE
    whole = graph.read_bytes()
    graph.write_bytes(whole[: len(whole) // 2])

    encoder = open_exported(source, "abc", tmp_path, lanes=1)

    assert encoder.encode(encoder.tokenise(["vacuum pump"])).shape == (1, 32)
    assert graph.stat().st_size == len(whole)
    assert not list(tmp_path.glob("*.part"))
