"""Every Liaison process of docker-compose.yml, by the very command, environment, secrets and health check
that the file gives it, on a real Kafka and a real PostgreSQL.

What differs from the file: addresses (this machine's), ports (containers have their own), and the vector
store: without a Qdrant server (`LIAISON_TEST_QDRANT_URL`) the worker has the embedded one.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from deploy.generate_secrets import generate
from tests.conftest import create_postgresql_database
from tests.deploy.manifests import (
    DEPLOY,
    FOREIGN_METRICS,
    ROOT,
    check_expression,
    services,
)
from tests.deploy.test_monitoring import rules
from tests.end_to_end.process import MODELS
from tests.eventually import eventually
from tests.ports import free_port

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(300)]

JOBS = ("migrate", "topics")
PROCESSES = ("gateway", "relay", "worker", "courier")
START_S = 120.0
QDRANT = os.environ.get("LIAISON_TEST_QDRANT_URL")

NOT_ON_A_QUIET_DAY = {
    "liaison_events_failed_total",
    "liaison_courier_attempts_total",
    "liaison_dead_letters_open",
    "liaison_consumer_halted",
}
"""Series with labels that appear with the first event of their kind."""


@dataclass
class Service:
    """One service of the file, as a process of this machine."""

    name: str
    folder: Path
    addresses: dict[str, str]
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.port = free_port()
        self.folder.mkdir()

    def environment(self, secrets: Path) -> dict[str, str]:
        """As in the container: what the image sets, what the file sets, and the secrets that it grants."""
        granted = self.folder / "run-secrets"
        granted.mkdir()
        for secret in services()[self.name]["secrets"]:
            shutil.copy(secrets / secret, granted)
        clean = {name: value for name, value in os.environ.items() if not name.startswith("LIAISON_")}
        image = {
            # It runs in a folder of its own, and the code under test is here.
            "PYTHONPATH": str(ROOT),
            "HF_HUB_OFFLINE": "1",
            "LIAISON_HOST": "127.0.0.1",
            "LIAISON_DATA_DIR": str(self.folder / "data"),
            "LIAISON_MODELS_DIR": str(MODELS),
            "LIAISON_SECRETS_DIR": str(granted),
        }
        ports = {"LIAISON_PORT": str(self.port), "LIAISON_HEALTH_PORT": str(self.port)}
        file = {
            name: re.sub(r"\$\{[A-Z_]+:-(.*)\}", r"\1", str(value))
            for name, value in services()[self.name]["environment"].items()
        }
        return clean | image | file | ports | self.addresses

    def start(self, secrets: Path) -> None:
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "services.cli", *services()[self.name]["command"]],
                env=self.environment(secrets),
                stdout=log,
                stderr=log,
                cwd=self.folder,
            )

    def log(self) -> str:
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")[-4_000:]

    async def is_healthy(self) -> bool:
        """By the health check of the file, which names the port in the container."""
        assert self.process is not None
        assert self.process.poll() is None, f"{self.name} ended with {self.process.returncode}:\n{self.log()}"
        test = services()[self.name]["healthcheck"]["test"]
        script = DEPLOY / Path(test[2]).name
        check = await asyncio.create_subprocess_exec(
            sys.executable, str(script), str(self.port), stdout=asyncio.subprocess.DEVNULL
        )
        return await check.wait() == 0

    def client(self, headers: dict[str, str] | None = None) -> httpx.AsyncClient:
        url = f"http://127.0.0.1:{self.port}"
        return httpx.AsyncClient(base_url=url, headers=headers, timeout=30.0, trust_env=False)


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory, postgresql: str) -> Path:
    folder = tmp_path_factory.mktemp("secrets")
    generate(folder)
    url = asyncio.run(create_postgresql_database(postgresql))
    (folder / "liaison_database_url").chmod(0o600)
    (folder / "liaison_database_url").write_text(url + "\n")
    return folder


@pytest.fixture(scope="module")
def running(
    tmp_path_factory: pytest.TempPathFactory, secrets: Path, kafka: str
) -> Iterator[dict[str, Service]]:
    """The whole file: the jobs once, in their order, then every process until it is healthy."""
    folder = tmp_path_factory.mktemp("services")
    addresses = {
        "LIAISON_KAFKA_BOOTSTRAP_SERVERS": kafka,
        # The broker is shared with other tests.
        "LIAISON_KAFKA_PREFIX": f"test-{uuid4().hex[:8]}",
        **({"LIAISON_QDRANT_URL": QDRANT} if QDRANT else {"LIAISON_VECTORS": "edge"}),
    }
    every = {name: Service(name, folder / name, addresses) for name in (*JOBS, *PROCESSES)}
    for name in JOBS:
        every[name].start(secrets)
        job = every[name].process
        assert job is not None
        assert job.wait(START_S) == 0, every[name].log()
    for name in PROCESSES:
        every[name].start(secrets)

    async def healthy() -> None:
        await asyncio.gather(*(eventually(every[name].is_healthy, within_s=START_S) for name in PROCESSES))

    try:
        asyncio.run(healthy())
        yield every
    finally:
        for name in PROCESSES:
            process = every[name].process
            if process is not None and process.poll() is None:
                process.kill()
                process.wait()


@pytest.fixture
async def administrator(running: dict[str, Service], secrets: Path) -> AsyncIterator[httpx.AsyncClient]:
    key = (secrets / "liaison_admin_key").read_text().strip()
    async with running["gateway"].client(headers={"Authorization": f"Bearer {key}"}) as client:
        yield client


async def test_an_announcement_is_matched(administrator: httpx.AsyncClient) -> None:
    """Through all of them: gateway, sequencer, relay, Kafka, worker."""

    async def create(path: str, content: dict[str, object]) -> str:
        answer = await administrator.post(path, json=content, headers={"Idempotency-Key": str(uuid4())})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    await create("/v1/organisations", {"handle": "cern", "name": "CERN", "kind": "bso", "country": "CH"})
    await create(
        "/v1/organisations", {"handle": "north", "name": "Cluster North", "kind": "cluster", "country": "DE"}
    )
    company = await create(
        "/v1/companies?owner=north",
        {
            "name": "Cryosense",
            "country": "FR",
            "capabilities": [
                {"id": "c1", "text": "Cryogenic pressure sensors for liquid helium lines, calibrated at 4 K"}
            ],
        },
    )
    challenge = await create(
        "/v1/challenges",
        {
            "title": "Radiation-hard pressure sensor for a 4 K helium line",
            "need": "We need to measure pressure between 0.1 and 20 bar at 4 K, within 1 %, after 10 MGy.",
            "buyer": "cern",
            "deadline": (datetime.now(UTC).date() + timedelta(days=90)).isoformat(),
        },
    )

    async def matched() -> bool:
        answer = await administrator.get(f"/v1/challenges/{challenge}/matches")
        assert answer.status_code == 200, answer.text
        return any(one["company"]["id"] == company for one in answer.json()["items"])

    await eventually(matched, within_s=60)


async def test_nobody_waits_and_nothing_is_dead(administrator: httpx.AsyncClient) -> None:
    async def quiet() -> bool:
        status = (await administrator.get("/v1/status")).json()
        return not any(status["lag"].values()) and not status["dead_letters"] and not status["halted"]

    await eventually(quiet, within_s=60)


async def test_what_the_alerts_ask_for_is_exported_by_somebody(running: dict[str, Service]) -> None:
    asked = {name for rule in rules() for name in check_expression(rule["expr"])}
    asked -= FOREIGN_METRICS | NOT_ON_A_QUIET_DAY

    async def missing() -> set[str]:
        found: set[str] = set()
        for name in PROCESSES:
            async with running[name].client() as client:
                text = (await client.get("/metrics")).text
            # An alert that looks for a series must find one, not its description alone.
            found |= set(re.findall(r"^([a-z_]+)[{ ]", text, re.MULTILINE))
        return asked - found

    async def complete() -> bool:
        return not await missing()

    try:
        await eventually(complete, within_s=60)
    except AssertionError:
        assert await missing() == set()


async def test_lag_is_told_of_every_handler_and_of_the_relay(running: dict[str, Service]) -> None:
    async def told() -> bool:
        found: set[str] = set()
        for name in PROCESSES:
            async with running[name].client() as client:
                text = (await client.get("/metrics")).text
            found |= set(re.findall(r'^liaison_stream_lag_events\{service="([^"]+)"\}', text, re.MULTILINE))
        return {"relay", "matching", "notification"} <= found

    await eventually(told, within_s=60)


def test_nothing_secret_is_logged(running: dict[str, Service], secrets: Path) -> None:
    for name in ("liaison_admin_key", "liaison_encryption_keys", "liaison_cookie_secret"):
        secret = (secrets / name).read_text().strip()
        assert not [one for one in running.values() if secret in one.log()]


@pytest.mark.parametrize("name", PROCESSES)
def test_it_ends_on_request_within_its_grace(running: dict[str, Service], name: str) -> None:
    """The last of the module: nothing runs after it."""
    grace = float(str(services()[name]["stop_grace_period"]).removesuffix("s"))
    process = running[name].process
    assert process is not None
    process.send_signal(signal.SIGTERM)
    assert process.wait(grace) == 0, running[name].log()
