"""Several workers on one vector store: another model without a gap, and the newest version always last."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import pytest

from schemas.events import CompanyUpdated, IndexSwitched
from services.indexing import changing
from services.indexing.changing import Changing
from services.indexing.collections import ALIASES, COMPANIES, Indexed
from services.indexing.generation import Generation, Generations
from services.indexing.handlers import index_companies
from services.indexing.upkeep import Upkeep
from services.kernel.clock import SystemClock
from services.kernel.embedding.cached import CachedEmbedder
from services.kernel.embedding.encoder import Encoder
from services.matching.handlers import AnotherIndex
from tests.conftest import MovableClock
from tests.derivation import Derivation, Mind, embedder_on, words
from tests.indexing.looking import contents, on_record
from tests.matching.market import announce, change, company

RETIRED_S = 60.0


EMPTIED: list[str] = []


@dataclass(frozen=True, slots=True)
class Watched(Generation):
    """Tells when it is emptied."""

    async def drop(self) -> None:
        EMPTIED.append(self.fingerprint)
        await Generation.drop(self)


class Worker:
    """One of several with the same settings: serves with the bundled model, is to change to the tiny."""

    def __init__(self, derivation: Derivation, embedder: CachedEmbedder) -> None:
        world, clock = derivation.world, derivation.world.clock
        old = derivation.mind.generations.serving
        self.generations = Generations(old, Watched(embedder, words(), derivation.index, "tiny"))
        self.mind = Mind(world, self.generations, clock)
        self.upkeep = Upkeep(
            self.generations, world.database, clock, world.intake.reading, retired_s=RETIRED_S
        )
        # Real time for the lease, which is renewed beside the test's own clock.
        self.changing = Changing(self.generations, self.upkeep, world.database, SystemClock())

    async def open(self) -> None:
        await self.generations.open()
        await self.upkeep.begin()


@pytest.fixture
async def embedder(derivation: Derivation, tiny: Encoder) -> AsyncIterator[CachedEmbedder]:
    embedder = embedder_on(derivation.world.database, tiny)
    yield embedder
    await embedder.close()


async def test_one_builds_and_the_others_go_over_before_the_old_one_goes(
    derivation: Derivation,
    embedder: CachedEmbedder,
    clock: MovableClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(changing, "FOLLOW_S", 0.02)
    for name in ("Cryosense", "Optique Grenoble"):
        await company(derivation, name)
    await announce(derivation)
    await derivation.settle()
    former = derivation.mind.generations.serving
    workers = [Worker(derivation, embedder) for _ in range(3)]
    for one in workers:
        await one.open()
    EMPTIED.clear()

    await asyncio.wait_for(asyncio.gather(*(one.changing.run() for one in workers)), 60)

    new = workers[0].generations.serving
    assert len(EMPTIED) == 1, "a second builder would take away what the first has built"
    assert {one.generations.serving.fingerprint for one in workers} == {new.fingerprint}
    assert all(one.generations.building is None for one in workers)
    assert {await derivation.index.resolve(alias) for alias in ALIASES} == {
        new.collection(alias) for alias in ALIASES
    }
    # Whoever has not noticed yet still finds the old collections.
    assert await derivation.index.count(former.collection(COMPANIES)) == 4
    assert await derivation.index.count(new.collection(COMPANIES)) == 4
    late = Worker(derivation, embedder)  # a process that began when the old one still served
    await late.open()
    assert await derivation.index.resolve(COMPANIES) == new.collection(COMPANIES)
    assert await late.generations.follow()

    clock.advance(RETIRED_S)
    for one in workers:
        await one.upkeep.retire()
    assert sorted(await derivation.index.collections()) == sorted(new.collection(alias) for alias in ALIASES)
    switched = [event for event in await derivation.world.events() if event.type == IndexSwitched.TYPE]
    assert [event.data["index"] for event in switched] == [new.fingerprint]


async def test_a_builder_that_was_paused_for_longer_than_its_lease_does_not_switch(
    derivation: Derivation, embedder: CachedEmbedder
) -> None:
    await company(derivation, "Cryosense")
    await derivation.settle()
    worker = Worker(derivation, embedder)
    await worker.open()

    class SupersededError(Exception):
        pass

    async def superseded() -> None:
        raise SupersededError

    with pytest.raises(SupersededError):
        await worker.upkeep.change_model(may_switch=superseded)
    assert await derivation.index.resolve(COMPANIES) == worker.generations.serving.collection(COMPANIES)
    assert worker.generations.building is not None


async def test_all_is_matched_anew_by_who_has_gone_over_and_by_nobody_else(
    derivation: Derivation, embedder: CachedEmbedder
) -> None:
    """The event may come to a worker that has not noticed the change, or that was started with another
    setting."""
    await company(derivation, "Cryosense")
    await announce(derivation)
    await derivation.settle()
    builder, other = Worker(derivation, embedder), Worker(derivation, embedder)
    for one in (builder, other):
        await one.open()
    await builder.upkeep.change_model()
    switched = [event for event in await derivation.world.events() if event.type == IndexSwitched.TYPE]

    with pytest.raises(AnotherIndex, match="LIAISON_EMBEDDING_MODEL"):
        await derivation.mind.match.prepare(switched)
    await other.mind.match.prepare(switched)
    assert other.generations.serving.fingerprint == builder.generations.serving.fingerprint


async def test_what_a_process_with_the_former_setting_wrote_is_caught_up_with(
    derivation: Derivation, embedder: CachedEmbedder, clock: MovableClock
) -> None:
    first = await company(derivation, "Cryosense")
    await derivation.settle()
    worker = Worker(derivation, embedder)
    await worker.open()
    await worker.upkeep.change_model()
    second = await company(derivation, "Optique Grenoble")
    await change(derivation, first, "A third")
    former = derivation.mind.handlers[0]  # knows the old index alone
    behind = derivation.cursors[former.name]
    events = await derivation.world.events(after=behind)
    await derivation.handle(former, [one for one in events if one.type in former.consumes])
    clock.advance(120)

    assert await worker.upkeep.lacking() == 2
    assert await worker.upkeep.catch_up() == 2
    assert await worker.upkeep.lacking() == 0
    found = await contents(worker.generations.serving, COMPANIES)
    assert {entity: set(parts.values()) for entity, parts in found.items()} == {first.id: {2}, second.id: {1}}


@dataclass(frozen=True, slots=True)
class Paused(Generation):
    """Of a process that is stopped when it is about to write, and goes on when the others are long done."""

    pauses: list[Callable[[], Awaitable[None]]] = field(default_factory=list)

    async def write(self, alias: str, entities: Sequence[Indexed]) -> None:
        while self.pauses:
            await self.pauses.pop()()
        await Generation.write(self, alias, entities)


async def test_a_paused_process_does_not_leave_its_older_version_in_the_index(
    derivation: Derivation,
) -> None:
    made = await company(derivation, "Cryosense")
    await derivation.settle()
    await change(derivation, made, "The second version")
    serving = derivation.mind.generations.serving
    slow = Paused(serving.embedder, serving.lexical, serving.vectors, meaning=serving.meaning)
    handler = index_companies(Generations(slow), derivation.world.intake.reading, derivation.world.clock)
    events = [event for event in await derivation.world.events() if event.type == CompanyUpdated.TYPE]

    async def meanwhile() -> None:
        await change(derivation, made, "The third version")
        await derivation.settle()

    slow.pauses.append(meanwhile)
    plan = await handler.prepare(events)
    assert set((await contents(serving, COMPANIES))[made.id].values()) == {3}
    async with derivation.world.database.write() as tx:
        await plan(tx)
    (version, _) = (await on_record(derivation.world.database, serving, COMPANIES))[made.id]
    assert version == 3
