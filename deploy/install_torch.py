"""Install a CPU build of PyTorch into the running environment; never gigabytes of CUDA packages.

Kept as it is when one is installed. On Linux, pip's own configuration is asked first: where it offers a
CPU build (`+cpu`), that one is taken; elsewhere PyTorch's CPU index serves it. On macOS and Windows the
ordinary build is the CPU build.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import subprocess
import sys
from pathlib import Path

CPU_INDEX = "https://download.pytorch.org/whl/cpu"


def pip(*arguments: str, capture: bool = False) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own interpreter and fixed words
        [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments],
        check=False,
        text=True,
        stdout=subprocess.PIPE if capture else None,
        stderr=subprocess.PIPE if capture else None,
    )


def offered_build(requirement: str) -> str | None:
    """The version that pip's own configuration would install, e.g. `2.13.0+cpu`; None if it finds none."""
    report = pip(
        "install", "--dry-run", "--no-deps", "--ignore-installed", "--quiet", "--report", "-", requirement,
        capture=True,
    )  # fmt: skip
    if report.returncode != 0:
        return None
    version: str = json.loads(report.stdout)["install"][0]["metadata"]["version"]
    return version


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--constraints", required=True, help="file that pins torch")
    constraints = parser.parse_args().constraints
    try:
        print(f"torch {importlib.metadata.version('torch')} is installed: kept")
        return 0
    except importlib.metadata.PackageNotFoundError:
        pass
    pinned = Path(constraints).read_text(encoding="utf-8").splitlines()
    requirement = next((line for line in pinned if line.startswith("torch==")), "torch")
    source: list[str] = []
    if sys.platform == "linux":
        version = offered_build(requirement)
        if version is None or not version.endswith("+cpu"):
            source = ["--index-url", CPU_INDEX]
    print(
        f"installing {requirement} ({'PyTorch CPU index' if source else 'as pip is configured'})", flush=True
    )
    # Its few dependencies come from the usual place, with everything else, a moment later.
    return pip("install", "--quiet", "--no-deps", *source, requirement).returncode


if __name__ == "__main__":
    sys.exit(main())
