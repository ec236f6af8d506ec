"""The export: once, whole, however many processes start or are killed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from services.kernel.embedding.exported import LAYOUT, OnnxUnusable, open_exported
from services.kernel.embedding.onnx_encoder import MODEL_FILE
from services.kernel.embedding.source import ModelSource, locate

OPEN_AND_EMBED = """
import sys
from pathlib import Path
from services.kernel.embedding.exported import open_exported
from services.kernel.embedding.source import fingerprint, locate

source, cache = locate(sys.argv[1]), Path(sys.argv[2])
encoder = open_exported(source, fingerprint(source, cache), cache, lanes=1)
assert "torch" not in sys.modules, "only the process that exports pays for torch"
sys.stdout.write(encoder.encode(encoder.tokenise(["vacuum pump"])).tobytes().hex())
"""


@pytest.fixture(scope="module")
def source(tiny_model: Path) -> ModelSource:
    return locate(str(tiny_model))


@pytest.mark.slow
def test_processes_that_start_at_once_share_one_export(tiny_model: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", OPEN_AND_EMBED, str(tiny_model), str(tmp_path)]
    started = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)
    ]
    said = [process.communicate(timeout=100) for process in started]

    assert [process.returncode for process in started] == [0, 0, 0], said
    vectors = {out.rsplit("\n", 1)[-1] for out, _ in said}
    assert len(vectors) == 1
    assert len(vectors.pop()) == 32 * 4 * 2
    assert sum("exporting" in out + err for out, err in said) == 1
    assert [folder.name for folder in tmp_path.glob(f"*-{LAYOUT}*")] == [
        next(tmp_path.glob("*.lock")).stem + f"-{LAYOUT}"
    ]


def test_a_cache_that_cannot_be_written_is_a_reason(source: ModelSource, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")

    with pytest.raises(OnnxUnusable, match="cache"):
        open_exported(source, "abc", tmp_path / "cache", lanes=1)


@pytest.mark.slow
def test_a_damaged_export_is_made_anew(source: ModelSource, tmp_path: Path) -> None:
    (tmp_path / f"abc-{LAYOUT}.part").mkdir()  # left by a process that was killed
    open_exported(source, "abc", tmp_path, lanes=1)
    graph = tmp_path / f"abc-{LAYOUT}" / MODEL_FILE
    whole = graph.read_bytes()
    graph.write_bytes(whole[: len(whole) // 2])

    encoder = open_exported(source, "abc", tmp_path, lanes=1)

    assert encoder.encode(encoder.tokenise(["vacuum pump"])).shape == (1, 32)
    assert graph.stat().st_size == len(whole)
    assert not list(tmp_path.glob("*.part"))
