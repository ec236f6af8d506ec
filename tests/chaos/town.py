"""A town: processes of each kind on one PostgreSQL and one Kafka, with receivers, a market and a load."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import asyncpg
import httpx

from tests.chaos import market
from tests.chaos.ledger import Ledger
from tests.chaos.load import Load
from tests.chaos.receivers import ENDPOINTS, Receivers
from tests.chaos.routes import Subscription, subscription_of
from tests.end_to_end.process import Liaison
from tests.end_to_end.town import UNLIMITED
from tests.eventually import eventually
from tests.kafka_broker import Broker, Together
from tests.postgresql_server import DatabaseServer

SETTLED_S = 600.0
"""Until nothing is under way any more: the second retry of a webhook comes after five to six minutes."""
WORDS = 1_000
"""Characters of each log that are shown when something did not happen."""
LOOK_S = 0.25
"""Between looks into the database, and at what waits: they shall not be the load."""
READY_S = 10.0
"""For an answer about readiness, which asks each part for two seconds."""
NOTICED_S = 120.0
"""For what must show soon, however busy the machine is."""

SETTINGS = UNLIMITED | {
    "LIAISON_STREAM": "kafka",
    "LIAISON_KAFKA_PARTITIONS": "2",
    "LIAISON_EMBEDDING_THREADS": "1",
    "LIAISON_DATABASE_CONNECTIONS": "5",
    "LIAISON_DATABASE_CONNECTIONS_BURST": "10",
}


@dataclass(frozen=True, slots=True)
class Plan:
    """How many of what. One worker alone has the index; further ones notify. `disk`: of the database."""

    gateways: int = 2
    workers: int = 2
    relays: int = 2
    couriers: int = 2
    brokers: int = 1
    disk: str | None = None

    def commands(self) -> list[tuple[str, ...]]:
        kinds = [("gateway", self.gateways), ("relay", self.relays), ("courier", self.couriers)]
        more = [("worker", "--only", "notification")] * (self.workers - 1)
        return [(kind,) for kind, count in kinds for _ in range(count)] + [("worker",), *more]


SMALL = Plan(gateways=1, workers=1)
"""The short form: two of those that succeed each other."""


@dataclass(slots=True)
class Town:
    plan: Plan
    folder: Path
    database: DatabaseServer
    brokers: list[Broker]
    receivers: Receivers
    ledger: Ledger
    chance: Random
    processes: list[Liaison] = field(default_factory=list)
    companies: list[str] = field(default_factory=list)
    subscriptions: list[Subscription] = field(default_factory=list)
    load: Load = field(init=False)

    # --- who is there

    def of_kind(self, kind: str) -> list[Liaison]:
        return [one for one in self.processes if one.command[0] == kind]

    @property
    def brain(self) -> Liaison:
        """The worker that owns the index."""
        return next(one for one in self.processes if one.command == ("worker",))

    def holding(self, pid: int) -> Liaison | None:
        return next((one for one in self.processes if one.process and one.process.pid == pid), None)

    # --- what it does

    async def ready(self) -> None:
        """Return once every process says that it is."""
        await asyncio.gather(*(asyncio.to_thread(one.wait_until_ready) for one in self.processes))

    async def restart(self, process: Liaison) -> None:
        """As a supervisor does, at once."""
        assert process.process is None or process.process.poll() is not None
        await asyncio.to_thread(process.launch)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Any]:
        connection = await asyncpg.connect(self.database.url)
        try:
            yield connection
        finally:
            await connection.close()

    async def holder_of(self, lease: str) -> Liaison:
        """The process that has a lease at present."""

        async def look() -> Liaison | None:
            async with self.connection() as connection:
                holder = await connection.fetchval(
                    "SELECT holder FROM leases WHERE name = $1 AND expires_at > now()", lease
                )
            return self.holding(int(holder.split("/")[1])) if holder else None

        found = await eventually(look, within_s=NOTICED_S, every_s=LOOK_S)
        assert found is not None
        return found

    async def caught_up(self) -> float:
        """Seconds until suggestions for all that is accepted by now have been heard of."""
        began = time.monotonic()
        wanted = set(self.ledger.open)
        try:
            await eventually(lambda: wanted <= self.receivers.announced.keys(), within_s=SETTLED_S)
        except AssertionError:
            silent = sorted(wanted - self.receivers.announced.keys())
            raise AssertionError(
                f"nobody has heard of suggestions for {silent}; {self.last_words()}"
            ) from None
        return time.monotonic() - began

    async def recovered(self) -> float:
        """Seconds until an announcement made now, with all before it, has been heard of."""
        began = time.monotonic()
        await self.load.announce()
        await self.caught_up()
        return time.monotonic() - began

    async def not_ready(self) -> dict[str, set[str]]:
        """The parts in trouble by kind of process, as they say themselves. All must be alive."""
        wrong: dict[str, set[str]] = {}
        for process in self.processes:
            async with httpx.AsyncClient(base_url=process.url, trust_env=False) as http:
                assert (await http.get("/health/live")).status_code == 200
                answer = await http.get("/health/ready", timeout=READY_S)
            parts = answer.json()["parts"]
            found = {part for part, state in parts.items() if state != "ok"}
            assert answer.is_success is not bool(found), answer.text
            if found:
                wrong.setdefault(process.command[0], set()).update(found)
        return wrong

    async def settled(self) -> None:
        """Return once nothing is under way: no event waits for anybody, no message for a healthy endpoint."""
        await self.ready()
        await eventually(self._is_quiet, within_s=SETTLED_S, every_s=LOOK_S)

    async def rested(self) -> None:
        """Stop everybody but the gateways, who answer what became of it all. Each ends by itself, in time."""
        ending = [one for one in self.processes if one.command[0] != "gateway"]
        ended = await asyncio.gather(*(asyncio.to_thread(one.stop) for one in ending))
        assert not any(ended), f"not all ended well: {ended}; {self.last_words()}"

    async def _is_quiet(self) -> bool:
        try:
            status = (await self.ask("GET", "/v1/status")).json()
            assert not status["halted"], status
            assert not status["dead_letters"], status
            if any(status["lag"].values()):
                return False
            async with self.connection() as connection:
                waiting = await connection.fetchval(
                    "SELECT (SELECT count(*) FROM journal WHERE position IS NULL) + (SELECT count(*) FROM "
                    "deliveries WHERE state = 'pending' AND endpoint_id = ANY($1::text[]))",
                    self._healthy,
                )
        except (httpx.HTTPError, OSError, asyncpg.PostgresError):
            return False
        return bool(waiting == 0)

    async def nothing_failed_waits(self) -> bool:
        """Whether no message for a healthy endpoint waits for another attempt."""
        async with self.connection() as connection:
            waiting = await connection.fetchval(
                "SELECT count(*) FROM deliveries "
                "WHERE state = 'pending' AND failures > 0 AND endpoint_id = ANY($1::text[])",
                self._healthy,
            )
        return bool(waiting == 0)

    @property
    def _healthy(self) -> list[str]:
        return [one.endpoint for one in self.subscriptions if one.is_healthy]

    async def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """The first gateway, as the administrator."""
        async with self.of_kind("gateway")[0].client() as admin:
            answer = await admin.request(method, path, **more)
        answer.raise_for_status()
        return answer

    def last_words(self) -> str:
        """The end of every process's log."""
        return "\n".join(f"{one.command}: {one.log()[-WORDS:]}" for one in self.processes)


@asynccontextmanager
async def town(plan: Plan, kafka_home: Path, *, seed: int) -> AsyncIterator[Town]:
    """Everything started, the market in it, indexed; whatever is left running is killed."""
    async with AsyncExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="liaison-town-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        database, receivers = DatabaseServer(disk=plan.disk), Receivers()
        stack.callback(database.close)
        starting = asyncio.create_task(asyncio.to_thread(database.start))
        brokers = await asyncio.to_thread(_brokers, plan, kafka_home, folder)
        await starting
        for broker in brokers:
            stack.callback(broker.kill)
        await asyncio.gather(*(asyncio.to_thread(one.start) for one in brokers))
        await receivers.start()
        stack.push_async_callback(receivers.stop)
        made = Town(plan, folder, database, brokers, receivers, Ledger(), Random(seed))
        settings = SETTINGS | {
            "LIAISON_DATABASE_URL": database.url,
            "LIAISON_KAFKA_BOOTSTRAP_SERVERS": ",".join(one.bootstrap_servers for one in brokers),
            "LIAISON_KAFKA_PREFIX": f"chaos-{uuid4().hex[:8]}",
            "LIAISON_KAFKA_REPLICATION": str(len(brokers)),
        }
        made.processes = [Liaison(folder / "data", settings, command=one) for one in plan.commands()]
        stack.callback(_kill, made)
        for process in made.processes:
            process.launch()
        await made.ready()
        made.load = await _open_market(made)
        stack.push_async_callback(made.load.close)
        await made.settled()
        yield made


def _brokers(plan: Plan, home: Path, folder: Path) -> list[Broker]:
    together, brokers = Together.of(plan.brokers), []
    for node in range(1, plan.brokers + 1):
        own = folder / f"kafka-{node}"
        own.mkdir()
        brokers.append(Broker(home, own, together, node))
    return brokers


def _kill(made: Town) -> None:
    for process in made.processes:
        if process.process is not None and process.process.poll() is None:
            process.kill()


async def _open_market(made: Town) -> Load:
    """Organisations, profiles, and an endpoint with a subscription each."""
    async with made.of_kind("gateway")[0].client() as admin:
        keys = {market.BUYER: await _organisation(admin, market.BUYER, "bso")}
        for cluster in market.CLUSTERS:
            keys[cluster] = await _organisation(admin, cluster, "cluster")
        made.companies = list(
            await asyncio.gather(*(_company(admin, number) for number in range(market.COMPANIES)))
        )
        for number in range(ENDPOINTS):
            subscription = subscription_of(number, made.companies)
            key = {"Authorization": f"Bearer {keys[subscription.owner]}"}
            url = {"url": made.receivers.url(number)}
            endpoint = await _made(admin, "/v1/endpoints", url, headers=key)
            made.receivers.endpoints[number].secret = endpoint["secret"]
            subscription.endpoint = endpoint["id"]
            content = {"follow": subscription.follow, "endpoint": endpoint["id"], "threshold": 0.25}
            await _made(admin, "/v1/subscriptions", content, headers=key)
            made.subscriptions.append(subscription)
    return Load(
        made.ledger,
        gateways=[one.url for one in made.of_kind("gateway")],
        buyer=keys[market.BUYER],
        owners={cluster: keys[cluster] for cluster in market.CLUSTERS},
        companies=made.companies,
        matched=lambda challenge: challenge in made.receivers.announced,
        chance=made.chance,
    )


async def _organisation(admin: httpx.AsyncClient, handle: str, kind: str) -> str:
    content = {"handle": handle, "name": handle.title(), "kind": kind, "country": "CH"}
    await _made(admin, "/v1/organisations", content)
    key = await _made(admin, f"/v1/keys?organisation={handle}", {"label": "chaos", "scopes": ["write"]})
    return str(key["secret"])


async def _company(admin: httpx.AsyncClient, number: int) -> str:
    path = f"/v1/companies?owner={market.owner_of(number)}"
    return str((await _made(admin, path, market.company(number)))["id"])


async def _made(admin: httpx.AsyncClient, path: str, content: dict[str, Any], **more: Any) -> dict[str, Any]:
    answer = await admin.post(path, json=content, **more)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made
