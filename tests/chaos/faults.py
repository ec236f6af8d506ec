"""What goes wrong, each as something done to a town under load; returns how long it took to recover."""

from __future__ import annotations

import asyncio
import math
import shutil
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from services.courier.lease import LEASE_S as COURIER_LEASE_S
from services.kernel.leases import LEASE_S
from tests.chaos.soak import watch
from tests.chaos.town import LOOK_S, NOTICED_S, Plan, Town
from tests.end_to_end.process import Liaison
from tests.eventually import eventually

KINDS = ("gateway", "worker", "relay", "courier")
MOMENT_S = 2.0
"""A process is killed at some moment within so much time of load."""
BEYOND_S = 3.0
"""A process is stopped longer than its lease lasts by so much."""


@dataclass(frozen=True, slots=True)
class Scale:
    """`rounds` of killing, of which `each` is recovered from before the next, or all together; none begins
    after `within` minutes. `outage_s`: how long a part is dead; `minutes` of the soak. `load`: a share of the
    full one, for a machine that has other work: what it cannot keep up with it does not recover from."""

    rounds: int = 200
    each: bool = True
    within: float = math.inf
    outage_s: float = 60.0
    minutes: float = 20.0
    load: float = 1.0
    progress: Callable[[str], None] = print


@dataclass(slots=True)
class Recoveries:
    """Seconds from the end of a fault (of a killed process: from its death) until everything accepted by
    then, and an announcement made then, had been heard of. `notes`: what else was seen; `troubles`: what of
    it breaks a promise."""

    seconds: list[float] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    rounds: int = 0

    def add(self, seconds: float) -> None:
        self.seconds.append(seconds)
        self.rounds += 1


Done = Callable[[Town, Scale], Awaitable[Recoveries]]


@dataclass(frozen=True, slots=True)
class Fault:
    """`plan`: the town that it wants in full; `is_brief`: whether the short form has it too."""

    name: str
    about: str
    do: Done
    plan: Plan = field(default_factory=Plan)
    is_brief: bool = True


async def kill(town: Town, scale: Scale) -> Recoveries:
    """Kill -9, each kind in turn, one of it and the moment by chance; started again at once."""
    found = Recoveries()
    worst: dict[str, float] = {}
    began = time.monotonic()
    for number in range(scale.rounds):
        if time.monotonic() - began > 60 * scale.within:
            found.notes.append(f"{number} rounds of {scale.rounds}: the time was over")
            break
        kind = KINDS[number % len(KINDS)]
        await asyncio.sleep(town.chance.random() * MOMENT_S)  # the moment
        victim = town.chance.choice(town.of_kind(kind))
        victim.kill()
        await town.restart(victim)
        if not scale.each and number + 1 < scale.rounds:
            found.rounds += 1
            continue
        found.add(await town.recovered())
        worst[kind] = max(worst.get(kind, 0.0), found.seconds[-1])
        scale.progress(f"round {number + 1} of {scale.rounds}: {kind}, {found.seconds[-1]:.1f} s")
    found.notes.append("at most " + ", ".join(f"{kind} {seconds:.0f} s" for kind, seconds in worst.items()))
    return found


async def broker(town: Town, scale: Scale) -> Recoveries:
    """Kafka is dead as a whole; meanwhile every request is answered 2xx."""
    found = Recoveries()
    async with _intake_goes_on(town, found):
        for node in town.brokers:
            node.kill()
        await _is_told(town, relay="stream", worker="stream")
        await _dead_for_a_while(town, scale)
        await asyncio.gather(*(asyncio.to_thread(node.start) for node in town.brokers))
    found.add(await town.recovered())
    return found


async def one_broker_of_three(town: Town, scale: Scale) -> Recoveries:
    """Each node in turn dies; the others go on: events are matched while it is dead."""
    found = Recoveries()
    for node in town.brokers:
        async with _intake_goes_on(town, found):
            began = time.monotonic()
            node.kill()
            found.add(await town.recovered())
            scale.progress(f"{node.bootstrap_servers} is dead, {found.seconds[-1]:.1f} s")
            await asyncio.sleep(max(0.0, scale.outage_s - (time.monotonic() - began)))
            await asyncio.to_thread(node.start)
        await town.recovered()
    return found


async def database(town: Town, scale: Scale) -> Recoveries:
    """PostgreSQL is killed; nothing is accepted meanwhile, and every process stays."""
    found = Recoveries()
    moment = time.monotonic()
    await asyncio.to_thread(town.database.kill)
    await eventually(lambda: town.ledger.refused_since(moment), within_s=NOTICED_S)
    await _is_told(town, **dict.fromkeys(KINDS, "database"))
    await asyncio.sleep(scale.outage_s)
    await asyncio.to_thread(town.database.start)
    found.add(await town.recovered())
    return found


async def receivers(town: Town, scale: Scale) -> Recoveries:
    """Nobody listens at any endpoint."""
    found = Recoveries()
    town.receivers.forgive()
    await eventually(town.nothing_failed_waits, within_s=NOTICED_S, every_s=LOOK_S)
    async with _intake_goes_on(town, found):
        await town.receivers.stop()
        await _dead_for_a_while(town, scale)
        await town.receivers.start()
    found.add(await town.recovered())
    return found


async def vector_store(town: Town, scale: Scale) -> Recoveries:
    """The embedded store is lost with its disk, and its process with it; it is built anew from the rows."""
    found = Recoveries()
    async with _intake_goes_on(town, found):
        town.brain.kill()
        await asyncio.to_thread(shutil.rmtree, town.brain.data_dir / "vectors")
        await _dead_for_a_while(town, scale)
        await town.restart(town.brain)
    found.add(await town.recovered())
    return found


async def pause(town: Town, scale: Scale) -> Recoveries:
    """The sequencer, the relay and a courier stand still (SIGSTOP) beyond their leases; others take over,
    and then they wake up (SIGCONT) in the belief that nothing has happened."""
    del scale
    found = Recoveries()
    await _a_relay_is_left(town)
    holders = {
        (await town.holder_of("sequencer")).port: "sequencer",
        (await town.holder_of("stream.relay")).port: "relay",
        (await _serving_courier(town)).port: "courier",
    }
    paused = [one.process for one in town.processes if one.port in holders and one.process is not None]
    found.notes.append(f"{len(paused)} processes: {', '.join(holders.values())}")
    began = time.monotonic()
    for process in paused:
        process.send_signal(signal.SIGSTOP)
    try:
        found.add(await town.recovered())  # by others
        rest = max(LEASE_S, COURIER_LEASE_S) + BEYOND_S - (time.monotonic() - began)
        await asyncio.sleep(max(0.0, rest))
    finally:
        for process in paused:
            process.send_signal(signal.SIGCONT)
    await town.recovered()
    return found


async def disk_full(town: Town, scale: Scale) -> Recoveries:
    """The database's disk is full: 503 with a reason, reading goes on."""
    found = Recoveries()
    if not town.database.has_own_disk:
        found.notes.append("NOT RUN: this user may not mount a small disk")
        return found
    with town.database.full():
        await _writing_is_refused(town, scale)
    found.add(await town.recovered())
    return found


async def read_only(town: Town, scale: Scale) -> Recoveries:
    """The database takes nothing, as a standby that has not been promoted yet."""
    found = Recoveries()
    await _set_read_only(town, "on")
    try:
        await _is_told(town, relay="writing", worker="writing", courier="writing")
        await _writing_is_refused(town, scale)
    finally:
        await _set_read_only(town, "off")
    found.add(await town.recovered())
    return found


async def soak(town: Town, scale: Scale) -> Recoveries:
    """Nothing goes wrong, for a long time."""
    found = Recoveries(rounds=1)
    samples = await watch(town, scale.minutes)
    notes, wrong = samples.findings()
    found.notes += notes
    found.troubles += wrong
    return found


async def _writing_is_refused(town: Town, scale: Scale) -> None:
    """Until somebody was told 503, and for as long as an outage lasts; reading works meanwhile."""
    moment = time.monotonic()
    await eventually(lambda: 503 in town.ledger.refused_since(moment), within_s=NOTICED_S)
    while time.monotonic() < moment + scale.outage_s:
        async with town.of_kind("gateway")[0].client() as admin:
            assert (await admin.get("/v1/challenges")).status_code == 200
            assert (await admin.get("/health/live")).status_code == 200
        await asyncio.sleep(0.5)
    assert set(town.ledger.refused_since(moment)) == {503}


async def _is_told(town: Town, **parts: str) -> None:
    """Processes of these kinds say that they are not ready, because of this part at least; the others are,
    and all are alive."""

    async def look() -> bool:
        wrong = await town.not_ready()
        return wrong.keys() == parts.keys() and all(part in wrong[kind] for kind, part in parts.items())

    await eventually(look, within_s=NOTICED_S, every_s=LOOK_S)


async def _set_read_only(town: Town, value: str) -> None:
    """For every connection, those that stand included."""
    name = town.database.url.partition("?")[0].rsplit("/", 1)[1]
    async with town.connection() as connection:
        await connection.execute("SET default_transaction_read_only = off")
        await connection.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = {value}')
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@asynccontextmanager
async def _intake_goes_on(town: Town, found: Recoveries) -> AsyncIterator[None]:
    """Every answer inside the block is 2xx."""
    moment = time.monotonic()
    yield
    refused = town.ledger.refused_since(moment)
    assert refused == [], f"requests were refused meanwhile: {refused}"
    found.notes.append(f"{town.ledger.accepted_since(moment)} requests answered 2xx meanwhile")


async def _dead_for_a_while(town: Town, scale: Scale) -> None:
    """For as long as an outage lasts, and until somebody was answered 2xx meanwhile."""
    moment = time.monotonic()
    await asyncio.sleep(scale.outage_s)
    await eventually(lambda: town.ledger.accepted_since(moment), within_s=NOTICED_S)


async def _a_relay_is_left(town: Town) -> None:
    """Where each relay has one of the leases, one of them dies and the other has both: somebody must be there
    to take over."""
    publisher = await town.holder_of("stream.relay")
    sequencer = await town.holder_of("sequencer")
    if publisher is sequencer or len(town.of_kind("relay")) > len((publisher, sequencer)):
        return
    publisher.kill()
    await eventually(lambda: _publishes(town, sequencer), within_s=NOTICED_S, every_s=LOOK_S)
    await town.restart(publisher)
    await town.ready()


async def _publishes(town: Town, relay: Liaison) -> bool:
    return await town.holder_of("stream.relay") is relay


async def _serving_courier(town: Town) -> Liaison:
    """A courier that has endpoints at present."""

    async def look() -> Liaison | None:
        async with town.connection() as connection:
            holder = await connection.fetchval(
                "SELECT lease_holder FROM endpoints WHERE lease_until > now() LIMIT 1"
            )
        return town.holding(int(holder.split("/")[1])) if holder else None

    found = await eventually(look, within_s=NOTICED_S, every_s=LOOK_S)
    assert found is not None
    return found


FAULTS = (
    Fault("kill", "kill -9 of gateway, worker, relay, courier", kill),
    Fault("pause", "sequencer, relay and a courier stand still beyond their leases", pause, Plan(relays=3)),
    Fault("broker", "the broker dies", broker),
    Fault(
        "one-broker-of-three",
        "one of three brokers dies, each in turn",
        one_broker_of_three,
        Plan(brokers=3),
        is_brief=False,
    ),
    Fault("database", "the database dies", database),
    Fault("receivers", "all receivers die", receivers),
    Fault("vector-store", "the vector store is lost", vector_store),
    Fault("disk-full", "the database's disk is full", disk_full, Plan(disk="400m")),
    Fault("read-only", "the database is read-only", read_only),
    Fault("soak", "a steady rate for a long time", soak, is_brief=False),
)
