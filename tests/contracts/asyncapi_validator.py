"""AsyncAPI's public validator, @asyncapi/parser, run by Node in the versions that the lock file pins."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
INSTALL_TIMEOUT_S = 300
PARSE_TIMEOUT_S = 60


def _unavailable(reason: str) -> None:
    """Skipped loudly on a machine without Node; an error where everything must have run."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"AsyncAPI was not validated: {reason}")
    pytest.skip(f"AsyncAPI WAS NOT VALIDATED: {reason}")


def _installed() -> None:
    """Install what the lock file names, unless it is there already."""
    stamp = HERE / "node_modules" / ".package-lock.json"
    if stamp.exists() and stamp.stat().st_mtime >= (HERE / "package-lock.json").stat().st_mtime:
        return
    npm = shutil.which("npm")
    if npm is None:
        _unavailable("npm is not installed")
        return
    done = subprocess.run(
        [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(HERE)],
        capture_output=True,
        text=True,
        timeout=INSTALL_TIMEOUT_S,
        check=False,
    )
    if done.returncode:
        _unavailable(f"npm ci failed: {done.stderr[-500:]}")


def validate(document: bytes) -> dict[str, Any]:
    """What the parser says of the document: `version`, `channels`, `messages`, `found`."""
    node = shutil.which("node")
    if node is None:
        _unavailable("Node is not installed")
        return {}
    _installed()
    done = subprocess.run(
        [node, str(HERE / "validate_asyncapi.mjs")],
        input=document,
        capture_output=True,
        timeout=PARSE_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()[-2_000:]
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
