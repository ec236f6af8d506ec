"""Failed beside others, passed alone: said, and no failure. Failed twice, or too many at once: a failure."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.again import UNSTEADY_MAX

REPOSITORY = Path(__file__).parent.parent
FIRST_TIME = """
from pathlib import Path
import pytest

@pytest.mark.parametrize("number", range({many}))
def test_one(number):
    seen = Path(f"seen-{{number}}")
    first = not seen.exists()
    seen.touch()
    assert not ({fails})
"""


def run(folder: Path, *, fails: str, many: int = 1) -> subprocess.CompletedProcess[str]:
    (folder / "pytest.ini").write_text("[pytest]\n", "utf-8")
    (folder / "test_one.py").write_text(FIRST_TIME.format(many=many, fails=fails), "utf-8")
    python = [sys.executable, "-m"]
    pytest_ = [*python, "pytest", "-q", "-p", "no:schemathesis", "-p", "no:asyncio"]
    first = subprocess.run(pytest_, cwd=folder, check=False, capture_output=True)
    return subprocess.run(
        [*python, "tests.again", str(first.returncode)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        check=False,
        capture_output=True,
        text=True,
    )


def test_who_passes_alone_is_named_and_the_run_passes(tmp_path: Path) -> None:
    again = run(tmp_path, fails="first", many=UNSTEADY_MAX)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "UNSTEADY" in again.stdout
    assert "test_one.py::test_one[0]" in again.stdout.split("UNSTEADY")[1]


@pytest.mark.parametrize(
    ("fails", "many"),
    [("True", 1), ("first", UNSTEADY_MAX + 1), ("1 / 0", 1)],
    ids=["twice", "too many", "an error"],
)
def test_the_rest_fails(tmp_path: Path, fails: str, many: int) -> None:
    again = run(tmp_path, fails=fails, many=many)
    assert again.returncode == 1
    assert "UNSTEADY" not in again.stdout


def test_a_run_that_could_not_begin_is_not_repeated(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text("nonsense(", "utf-8")
    again = run(tmp_path, fails="False")
    assert again.returncode not in (0, 1)
    assert again.stdout == ""
