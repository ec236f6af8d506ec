"""A process that cannot start says why in a sentence, and how to help; no traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

EXIT_USAGE = 2
BOUNDED_S = 60


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("sqlite:///{folder}/garbage.db", "file is not a database"),
        ("postgresql://liaison:hidden@127.0.0.1:1/liaison", "refused"),
        ("mysql://liaison:hidden@127.0.0.1:1/liaison", "postgresql://user:password@host/name"),
    ],
)
def test_a_database_that_cannot_be_used_is_told(tmp_path: Path, url: str, says: str) -> None:
    (tmp_path / "garbage.db").write_bytes(b"no database at all" * 1_000)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("LIAISON_")}
    settings = {
        "LIAISON_DATA_DIR": str(tmp_path / "data"),
        "LIAISON_PORT": "0",
        "LIAISON_DATABASE_URL": url.format(folder=tmp_path),
    }
    done = subprocess.run(
        [sys.executable, "-m", "services.cli", "serve"],
        env=clean | settings,
        capture_output=True,
        text=True,
        timeout=BOUNDED_S,
        check=False,
    )
    told = " ".join(done.stderr.split())
    assert done.returncode == EXIT_USAGE, told
    assert says in told
    assert "Traceback" not in told
    assert "hidden" not in told
