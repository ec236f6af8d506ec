"""Liaison as several processes on a real PostgreSQL and a real Kafka, started by their very commands."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest

from tests.conftest import create_postgresql_database
from tests.end_to_end.market import MIRROR, PRESSURE, Market, open_market, subscribe
from tests.end_to_end.process import Liaison
from tests.end_to_end.receiver import Receiver
from tests.eventually import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

KINDS = ("gateway", "relay", "worker", "courier")
SUGGESTED = "liaison.match.suggested.v1"
ANNOUNCED = "liaison.challenge.announced.v1"

GONE_S = 10.0
"""Promised for SIGTERM."""
ARRIVED_S = 60.0
"""From an announcement to its webhook, over a change of the process that does it: a lease of a killed process
of another host lasts 15 s, and starting takes some seconds on a busy machine."""


@dataclass(slots=True)
class Town:
    """One process of each kind, on one data folder, whose worker owns the embedded vector store."""

    processes: dict[str, Liaison]
    database_url: str

    @property
    def gateway(self) -> Liaison:
        return self.processes["gateway"]

    async def leases_held(self) -> list[str]:
        """Leases of processes and of endpoints that have not been handed back and not run out."""
        connection = await asyncpg.connect(self.database_url)
        try:
            rows = await connection.fetch(
                "SELECT name, holder FROM leases WHERE expires_at > now() "
                "UNION ALL SELECT id, lease_holder FROM endpoints WHERE lease_until > now()"
            )
        finally:
            await connection.close()
        return [f"{name} {holder}" for name, holder in rows]


@contextmanager
def running(postgresql: str, folder: Path, **settings: str) -> Iterator[Town]:
    """All of them on a database of their own; what a test leaves running is killed."""
    database_url = asyncio.run(create_postgresql_database(postgresql))
    environment = {"LIAISON_DATABASE_URL": database_url, **settings}
    processes = {kind: Liaison(folder / "data", environment, command=(kind,)) for kind in KINDS}
    try:
        for process in processes.values():
            process.launch()
        for process in processes.values():
            process.wait_until_ready()
        yield Town(processes, database_url)
    finally:
        for process in processes.values():
            if process.process is not None and process.process.poll() is None:
                process.kill()


@pytest.fixture(scope="module")
def town(postgresql: str, kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with running(
        postgresql,
        tmp_path_factory.mktemp("processes"),
        LIAISON_STREAM="kafka",
        LIAISON_KAFKA_BOOTSTRAP_SERVERS=kafka,
        LIAISON_KAFKA_PREFIX=f"test-{uuid4().hex[:12]}",
        LIAISON_KAFKA_PARTITIONS="2",
    ) as town:
        yield town


@pytest.fixture
def town_without_kafka(postgresql: str, tmp_path: Path) -> Iterator[Town]:
    with running(postgresql, tmp_path) as town:
        yield town


async def _market(town: Town, receiver: Receiver) -> Market:
    """A market, in which a cluster subscribes to all of a buyer."""
    async with town.gateway.client() as admin:
        market = await open_market(admin)
    async with town.gateway.client(market.cluster) as cluster:
        receiver.secret = await subscribe(cluster, receiver.url, {"kind": "bso", "buyer": "cern"})
    return market


@pytest.mark.kafka
async def test_each_kind_does_its_part_and_is_succeeded(town: Town, receiver: Receiver) -> None:
    market = await _market(town, receiver)
    await _health_is_told(town)

    # Announced at the gateway, matched by the worker, brought there by the relay, delivered by the courier.
    challenge = await _announce(town, market, PRESSURE)
    await _heard(receiver, SUGGESTED, challenge)
    assert receiver.unsigned == 0
    await _operator_sees_all(town)

    # Asked to go, each is gone in time with its leases handed back, and its successor does the work.
    for kind, process in town.processes.items():
        pid = _pid(process)
        began = time.monotonic()
        assert process.stop() == 0, process.log()[-3000:]
        assert time.monotonic() - began < GONE_S, kind
        assert [lease for lease in await town.leases_held() if f"/{pid}/" in lease] == [], kind
        process.start()
        challenge = await _announce(town, market, MIRROR)
        await _heard(receiver, SUGGESTED, challenge)

    for message, bodies in receiver.bodies.items():
        assert len(set(bodies)) == 1, f"{message} was sent with {len(set(bodies))} contents"
    events = receiver.events()
    assert len({event["id"] for event in events}) == len(events), "an event went out under two webhook-ids"
    assert receiver.unsigned == 0


async def test_the_journal_itself_carries_events_from_process_to_process(
    town_without_kafka: Town, receiver: Receiver
) -> None:
    """And a second worker beside the owner of the vectors does what needs none."""
    town = town_without_kafka
    market = await _market(town, receiver)
    worker = town.processes["worker"]
    second = Liaison(worker.data_dir, worker.environment, command=("worker", "--only", "notification"))
    try:
        second.start()
        await _heard(receiver, SUGGESTED, await _announce(town, market, PRESSURE))
        assert worker.stop() == 0
        challenge = await _announce(town, market, MIRROR)
        await _heard(receiver, ANNOUNCED, challenge)  # routed by the second, while nobody matches
        worker.start()
        await _heard(receiver, SUGGESTED, challenge)
        assert second.stop() == 0
    finally:
        if second.process is not None and second.process.poll() is None:
            second.kill()


async def _announce(town: Town, market: Market, content: dict[str, Any]) -> str:
    titled = {**content, "title": f"{content['title']} {uuid4().hex[:6]}"}
    async with town.gateway.client(market.buyer) as buyer:
        answer = await buyer.post("/v1/challenges", json=titled)
    assert answer.status_code == 201, answer.text
    identifier: str = answer.json()["id"]
    return identifier


async def _heard(receiver: Receiver, kind: str, *challenges: str) -> None:
    """Wait until an event of this kind has arrived for each of the challenges."""

    def all_arrived() -> bool:
        return set(challenges) <= {event["data"]["challenge"]["id"] for event in receiver.events(kind)}

    await eventually(all_arrived, within_s=ARRIVED_S)


def _pid(process: Liaison) -> int:
    assert process.process is not None
    return process.process.pid


async def _health_is_told(town: Town) -> None:
    for kind, process in town.processes.items():
        async with httpx.AsyncClient(base_url=process.url, trust_env=False) as http:
            assert (await http.get("/health/live")).json() == {"alive": True}
            ready = (await http.get("/health/ready")).json()
            metrics = (await http.get("/metrics")).text
        assert ready["ready"], (kind, ready)
        assert "liaison_" in metrics
        expected = {
            "gateway": set(),
            "courier": {"writing"},
            "relay": {"writing", "stream"},
            "worker": {"writing", "stream", "vectors"},
        }
        assert set(ready["parts"]) == {"database", "process"} | expected[kind]


async def _operator_sees_all(town: Town) -> None:
    """At the gateway, which runs none of it."""
    async with town.gateway.client() as admin:
        status = (await admin.get("/v1/status")).json()
        index = (await admin.get("/v1/index")).json()
        assert set(status["lag"]) == {
            "indexing.companies",
            "indexing.challenges",
            "matching",
            "consortia",
            "pairing",
            "pairing-groups",
            "notification",
            "outreach",
            "inbox",
            "relay",
        }
        assert status["lacking"] == 0
        assert index["model"] == "all-MiniLM-L6-v2"
        ordered = await admin.post("/v1/index/rebuild")
        assert ordered.status_code == 202, ordered.text

        async def is_done() -> bool:
            state = (await admin.get("/v1/index")).json()
            return state["rebuilt"] is None and state["lost"] == 0

        await eventually(is_done, within_s=ARRIVED_S)
        assert (await admin.get("/v1/index")).json()["failed"] is None


@pytest.mark.kafka
def test_a_second_owner_of_the_embedded_vector_store_is_told_so(town: Town, tmp_path: Path) -> None:
    """On the same folder by its lock, on another one by the lease in the database."""
    environment = town.processes["worker"].environment
    secrets = town.processes["worker"].data_dir / "secrets"
    (tmp_path / "secrets").symlink_to(secrets)
    for folder in (town.processes["worker"].data_dir, tmp_path):
        second = Liaison(folder, environment, command=("worker", "--only", "matching"))
        second.launch()
        assert second.process is not None
        assert second.process.wait(60) == 2
        told = " ".join(second.log().split())
        assert "LIAISON_VECTORS=server" in told
        assert "Traceback" not in told
