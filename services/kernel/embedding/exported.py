"""The cache of exported models: made once, whole or not there, however many processes start."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import structlog
from filelock import FileLock

from services.kernel.embedding.export import UNSUPPORTED
from services.kernel.embedding.onnx_encoder import MANIFEST_FILE, DamagedExport, OnnxEncoder
from services.kernel.embedding.source import ModelSource

log = structlog.get_logger("liaison.embedding")

EXPORT_TIMEOUT_S = 1_800
"""A small model takes 15 s; a large one on a small machine some minutes. Then it hangs."""

LAYOUT = "v1"
"""Raise it when the exported graph or the manifest changes form: older exports are then left alone."""


class OnnxUnusable(Exception):
    """This model cannot run on ONNX Runtime here; the message says why."""


def open_exported(source: ModelSource, fingerprint: str, cache: Path, *, lanes: int) -> OnnxEncoder:
    """The model of `source` on ONNX Runtime, exported into `cache` when it is not there yet.

    Blocks, a quarter of a minute when it exports. Raises `OnnxUnusable`.
    """
    folder = cache / f"{fingerprint}-{LAYOUT}"
    if (folder / MANIFEST_FILE).is_file():
        try:
            return OnnxEncoder(folder, name=source.name, fingerprint=fingerprint, lanes=lanes)
        except DamagedExport as error:
            log.warning("embedding.export_damaged", reason=str(error), action="exported anew")
    try:
        cache.mkdir(parents=True, exist_ok=True)
        # The lock is the operating system's: it ends with the process that holds it, however that ends.
        with FileLock(cache / f"{fingerprint}.lock"):
            return _export_once(source, fingerprint, folder, lanes)
    except (DamagedExport, OSError) as error:
        raise OnnxUnusable(str(error)) from error


def _export_once(source: ModelSource, fingerprint: str, folder: Path, lanes: int) -> OnnxEncoder:
    """Under the lock: another process may have exported while this one waited for it."""
    if (folder / MANIFEST_FILE).is_file():
        try:
            return OnnxEncoder(folder, name=source.name, fingerprint=fingerprint, lanes=lanes)
        except DamagedExport:
            shutil.rmtree(folder)
    fresh = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(fresh, ignore_errors=True)  # left by a process that was killed while it exported
    try:
        log.info("embedding.exporting", model=source.name, into=str(folder))
        _run_export(source.folder, fresh)
        _to_disk(fresh)
        fresh.rename(folder)
        return OnnxEncoder(folder, name=source.name, fingerprint=fingerprint, lanes=lanes)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _run_export(source: Path, into: Path) -> None:
    environment = {
        **os.environ,
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "services.kernel.embedding.export",
        str(source),
        str(into),
    ]
    try:
        done = subprocess.run(  # noqa: S603 - our own module, paths as arguments, no shell
            command, env=environment, capture_output=True, text=True, timeout=EXPORT_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise OnnxUnusable(f"the export took more than {EXPORT_TIMEOUT_S} s") from error
    if done.returncode:
        said = done.stdout if done.returncode == UNSUPPORTED else done.stderr
        raise OnnxUnusable((said.strip().splitlines() or [f"the export ended with {done.returncode}"])[-1])


def _to_disk(folder: Path) -> None:
    """Contents before the name: a power cut must not leave the name of a file that is empty."""
    for file in folder.iterdir():
        with file.open("rb") as data:
            os.fsync(data.fileno())
