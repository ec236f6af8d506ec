"""Schemathesis holds the running service to its published contract: every operation, with what is valid and
what is not, and chains of calls along the contract's links."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.end_to_end.process import ADMIN_KEY, Liaison
from tests.end_to_end.town import client

pytestmark = [pytest.mark.slow, pytest.mark.timeout(700)]

HERE = Path(__file__).parent
BOUNDED_S = 600
"""Ends a run that hangs; a run takes a minute on two cores, and beside other tests two or three."""


@dataclass(frozen=True, slots=True)
class Key:
    """`spare`: the id of another of the same owner, which may be rotated and revoked."""

    secret: str
    id: str
    spare: str


@pytest.fixture(scope="module")
def administrator(served: Liaison) -> Iterator[httpx.Client]:
    with client(served) as administrator:
        yield administrator


@pytest.fixture(scope="module")
def organisations(administrator: httpx.Client) -> None:
    """A buyer, a cluster and a company."""
    for handle, kind in (("cern", "bso"), ("north", "cluster"), ("optiek", "company")):
        made = administrator.post(
            "/v1/organisations", json={"handle": handle, "name": handle, "kind": kind, "country": "CH"}
        )
        assert made.status_code == 201, made.text


@pytest.fixture(scope="module")
def admin_key(administrator: httpx.Client) -> Key:
    [own] = administrator.get("/v1/keys").json()["items"]
    spare = administrator.post("/v1/keys", json={"label": "spare", "scopes": ["admin"]})
    return Key(ADMIN_KEY, own["id"], spare.json()["id"])


@pytest.fixture(scope="module")
def company_key(administrator: httpx.Client, organisations: None) -> Key:
    """With every scope."""
    own, spare = (
        administrator.post("/v1/keys?organisation=optiek", json={"label": label, "scopes": ["admin"]}).json()
        for label in ("all", "spare")
    )
    return Key(own["secret"], own["id"], spare["id"])


def test_the_administrator_finds_the_contract_kept(
    served: Liaison, admin_key: Key, organisations: None, tmp_path: Path
) -> None:
    told = _holds(served, admin_key, tmp_path, "examples,coverage,stateful", examples=4)
    # Otherwise the key was lost on the way, and what came after it has shown nothing.
    assert "returned only 401" not in told


def test_a_company_finds_the_contract_kept(served: Liaison, company_key: Key, tmp_path: Path) -> None:
    _holds(served, company_key, tmp_path, "fuzzing,stateful", examples=3)


def _holds(served: Liaison, key: Key, folder: Path, phases: str, *, examples: int) -> str:
    """What Schemathesis said."""
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(HERE / "contract.toml")),
        *("run", f"{served.url}/openapi.json", "--header", f"Authorization: Bearer {key.secret}"),
        *("--phases", phases, "--max-examples", str(examples), "--continue-on-failure", "--no-color"),
        # The stream never ends; the board is for people.
        *("--include-path-regex", "^/v1/", "--exclude-path", "/v1/stream"),
        *("--request-timeout", "20", "--suppress-health-check", "all"),
    ]
    hooks = {
        "SCHEMATHESIS_HOOKS": "tests.end_to_end.contract_hooks",
        "PYTHONPATH": str(HERE.parents[1]),
        "CONTRACT_OWN_KEY": key.id,
        "CONTRACT_SPARE_KEY": key.spare,
    }
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
    return done.stdout
