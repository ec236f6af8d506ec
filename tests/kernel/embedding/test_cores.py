"""How many cores the model takes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from services.kernel.embedding.cores import usable_cores


@pytest.mark.parametrize(
    ("quota", "most"),
    [
        ("150000 100000", 1),
        ("50000 100000", 1),
        ("100000000 100000", 1000),
        ("max 100000", 1000),
        ("?", 1000),
    ],
)
def test_a_quota_of_the_container_counts(quota: str, most: int, tmp_path: Path) -> None:
    file = tmp_path / "cpu.max"
    file.write_text(quota + "\n")

    assert usable_cores(file) == min(usable_cores(tmp_path / "none"), most)


def test_without_a_quota_it_is_what_the_system_says(tmp_path: Path) -> None:
    assert 1 <= usable_cores(tmp_path / "none") <= (os.cpu_count() or 1)
