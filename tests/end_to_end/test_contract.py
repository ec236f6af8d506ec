"""Schemathesis holds the running service to its published contract: every operation, with what is valid and
what is not, and chains of calls along the contract's links."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.end_to_end.process import ADMIN_KEY, Liaison

pytestmark = [pytest.mark.slow, pytest.mark.timeout(700)]

HERE = Path(__file__).parent
BOUNDED_S = 600
"""Ends a run that hangs; a run takes a minute on two cores, and beside other tests two or three."""
UNLIMITED = {
    f"LIAISON_{kind}_PER_{whom}": "1000000" for kind in ("RATE", "BURST") for whom in ("KEY", "ADDRESS")
}
"""Thousands of requests from one address: what refuses them has tests of its own."""


@pytest.fixture(scope="module")
def company_key(served: Liaison) -> str:
    """A company's key with every scope; a buyer and a cluster are there besides."""
    with httpx.Client(
        base_url=served.url, headers={"Authorization": f"Bearer {ADMIN_KEY}"}, trust_env=False, timeout=30.0
    ) as admin:
        for handle, kind in (("cern", "bso"), ("north", "cluster"), ("optiek", "company")):
            made = admin.post(
                "/v1/organisations", json={"handle": handle, "name": handle, "kind": kind, "country": "CH"}
            )
            assert made.status_code == 201, made.text
        key = admin.post("/v1/keys?organisation=optiek", json={"label": "all", "scopes": ["admin"]})
    secret: str = key.json()["secret"]
    return secret


def test_the_administrator_finds_the_contract_kept(served: Liaison, company_key: str, tmp_path: Path) -> None:
    _holds(served, ADMIN_KEY, tmp_path, "examples,coverage,stateful", examples=4)


def test_a_company_finds_the_contract_kept(served: Liaison, company_key: str, tmp_path: Path) -> None:
    _holds(served, company_key, tmp_path, "fuzzing,stateful", examples=3)


def _holds(served: Liaison, key: str, folder: Path, phases: str, *, examples: int) -> None:
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(HERE / "contract.toml")),
        *("run", f"{served.url}/openapi.json", "--header", f"Authorization: Bearer {key}"),
        *("--phases", phases, "--max-examples", str(examples), "--continue-on-failure", "--no-color"),
        # The stream never ends; the board is for people.
        *("--include-path-regex", "^/v1/", "--exclude-path", "/v1/stream"),
        *("--request-timeout", "20", "--suppress-health-check", "all"),
    ]
    hooks = {"SCHEMATHESIS_HOOKS": "tests.end_to_end.contract_hooks", "PYTHONPATH": str(HERE.parents[1])}
    done = subprocess.run(
        command,
        env=os.environ | hooks,
        cwd=folder,  # it leaves a folder of its own where it runs
        capture_output=True,
        text=True,
        timeout=BOUNDED_S,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-30_000:]}\n{done.stderr[-2_000:]}"
    assert "Tested: 0" not in done.stdout
    print(done.stdout)
