"""From a name to a folder and a fingerprint."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from services.kernel.embedding.source import BUNDLED, ModelSource, ModelUnavailable, fingerprint, locate


@pytest.fixture
def model(tmp_path: Path) -> ModelSource:
    folder = tmp_path / "model"
    (folder / "1_Pooling").mkdir(parents=True)
    (folder / "modules.json").write_text("[]")
    (folder / "1_Pooling" / "config.json").write_text('{"pooling_mode": "mean"}')
    (folder / "model.safetensors").write_bytes(b"weights")
    return locate(str(folder))


@pytest.mark.parametrize("name", [None, "all-MiniLM-L6-v2", "sentence-transformers/all-MiniLM-L6-v2"])
def test_the_bundled_model_needs_no_hub(name: str | None) -> None:
    source = locate(name)

    assert source.name == BUNDLED
    assert (source.folder / "model.safetensors").is_file()


def test_a_folder_is_named_after_itself(model: ModelSource) -> None:
    assert model.name == "model"


@pytest.mark.parametrize("name", ["./no/such/folder", "/no/such/folder", "~/no-such-folder"])
def test_a_folder_that_is_missing_is_named_with_its_setting(name: str) -> None:
    with pytest.raises(ModelUnavailable, match=r"does not exist\. Correct LIAISON_EMBEDDING_MODEL"):
        locate(name)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="holds no sentence-transformers model"):
        locate(str(tmp_path))


@pytest.mark.parametrize("name", ["no-such-model-anywhere", "nobody/no-such-model", "not a name"])
def test_an_unknown_name_says_what_to_do(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ModelUnavailable, match="neither be found on this machine nor downloaded") as failure:
        locate(name)

    assert "leave the setting out for the bundled model" in str(failure.value)
    assert "\n" not in str(failure.value)


def test_a_hub_model_that_was_fetched_before_needs_no_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    kept = tmp_path / "models--sentence-transformers--tiny"
    snapshot = kept / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    (kept / "refs").mkdir()
    (kept / "refs" / "main").write_text("0" * 40)
    (snapshot / "modules.json").write_text("[]")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ModelUnavailable, match="nor downloaded"):
        locate("tiny")  # its weights never came
    (snapshot / "model.safetensors").write_bytes(b"weights")

    assert locate("tiny") == ModelSource("tiny", snapshot)
    assert locate("sentence-transformers/tiny").folder == snapshot


def test_the_fingerprint_is_that_of_the_contents(model: ModelSource, tmp_path: Path) -> None:
    before = fingerprint(model, tmp_path / "cache")
    (model.folder / "README.md").write_text("changed")
    (model.folder / "onnx").mkdir()
    (model.folder / "onnx" / "config.json").write_text("another backend's")
    elsewhere = model.folder.rename(tmp_path / "elsewhere")

    assert fingerprint(ModelSource("other name", elsewhere), tmp_path / "cache") == before


@pytest.mark.parametrize("file", ["model.safetensors", "modules.json", "1_Pooling/config.json", "vocab.txt"])
def test_another_file_that_decides_gives_another_fingerprint(
    model: ModelSource, tmp_path: Path, file: str
) -> None:
    before = fingerprint(model, tmp_path / "cache")
    (model.folder / file).write_bytes(b"[ ]")

    assert fingerprint(model, tmp_path / "cache") != before


def test_weights_are_read_once(model: ModelSource, tmp_path: Path) -> None:
    before = fingerprint(model, tmp_path / "cache")
    weights = model.folder / "model.safetensors"
    then = weights.stat()
    weights.write_bytes(b"WEIGHTS")
    os.utime(weights, ns=(then.st_atime_ns, then.st_mtime_ns))

    assert fingerprint(model, tmp_path / "cache") == before, "same size and time: the kept digest is used"
    assert fingerprint(model, tmp_path / "another cache") != before
