"""Another embedding model: built while the old one serves, then switched to, whatever happens meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime

import pytest
from sqlalchemy import select

from schemas.challenge import Challenge
from schemas.company import Company
from schemas.events import CompanyUpdated, IndexSwitched
from services.indexing.collections import ALIASES, CHALLENGES, COMPANIES, collection_name
from services.indexing.generation import Generation, Generations
from services.indexing.handlers import index_companies
from services.indexing.model import GenerationRow, IndexedRow
from services.indexing.upkeep import Upkeep
from services.intake.reading import Reading
from services.kernel.embedding.cached import CachedEmbedder
from services.kernel.embedding.encoder import Encoder
from services.matching.model import MatchRow
from tests.conftest import MovableClock
from tests.derivation import Derivation, Mind, embedder_on, words
from tests.indexing.looking import contents, on_record
from tests.matching.market import MIRROR, announce, change, company, withdraw

Action = Callable[[], Awaitable[None]]


class Meanwhile:
    """Companies and challenges as they are; something happens after a page was read, before it is written."""

    def __init__(self, reading: Reading, action: Action) -> None:
        self._reading = reading
        self._action: Action | None = action

    async def active_companies(self) -> AsyncIterator[Sequence[Company]]:
        async for page in self._reading.active_companies():
            if self._action is not None:
                await self._action()
                self._action = None
            yield page

    def open_challenges(self) -> AsyncIterator[Sequence[Challenge]]:
        return self._reading.open_challenges()

    async def company_versions(self, settled_before: datetime) -> Mapping[str, int]:
        return await self._reading.company_versions(settled_before)

    async def challenge_versions(self, settled_before: datetime) -> Mapping[str, int]:
        return await self._reading.challenge_versions(settled_before)

    async def companies(self, ids: Collection[str]) -> Mapping[str, Company]:
        return await self._reading.companies(ids)

    async def challenges(self, ids: Collection[str]) -> Mapping[str, Challenge]:
        return await self._reading.challenges(ids)

    async def present_versions(self, ids: Collection[str]) -> Mapping[str, int]:
        return await self._reading.present_versions(ids)


class Two:
    """A process that serves with the bundled model and is to change to the tiny one."""

    def __init__(self, derivation: Derivation, tiny: Encoder) -> None:
        world, old = derivation.world, derivation.mind.generations.serving
        self.derivation = derivation
        self.embedder: CachedEmbedder = embedder_on(world.database, tiny)
        self.generations = Generations(old, Generation(self.embedder, words(), derivation.index, "tiny"))
        self.mind = Mind(world, self.generations, world.clock)
        self.old = old

    async def open(self) -> None:
        await self.generations.open()
        await self.mind.upkeep.begin()

    def upkeep(self, action: Action) -> Upkeep:
        world = self.derivation.world
        return Upkeep(self.generations, world.database, world.clock, Meanwhile(world.intake.reading, action))


@pytest.fixture
async def two(derivation: Derivation, tiny: Encoder) -> AsyncIterator[Two]:
    two = Two(derivation, tiny)
    yield two
    await two.embedder.close()


async def test_the_old_model_serves_until_the_new_one_is_built_then_everything_is_matched_anew(
    two: Two,
) -> None:
    derivation, database = two.derivation, two.derivation.world.database
    for name in ("Cryosense", "Optique Grenoble"):
        await company(derivation, name)
    await announce(derivation)
    await announce(derivation, **MIRROR)
    before = await derivation.settle()
    await two.open()
    new = two.generations.building
    assert new is not None
    assert await derivation.index.resolve(COMPANIES) == two.old.collection(COMPANIES)

    later = await announce(derivation, title="A pressure sensor, announced meanwhile")
    await derivation.settle(two.mind)
    async with database.read() as tx:
        rows = (await tx.execute(select(MatchRow.document).where(MatchRow.challenge == later.id))).scalars()
        assert {row["versions"]["model"] for row in rows} == {two.old.embedder.model.fingerprint}

    assert await two.mind.upkeep.change_model() is two.old

    assert two.generations.all() == (new,)
    assert {alias: await derivation.index.resolve(alias) for alias in ALIASES} == {
        alias: new.collection(alias) for alias in ALIASES
    }
    assert sorted(await derivation.index.collections()) == sorted(new.collection(alias) for alias in ALIASES)
    assert await derivation.index.count(COMPANIES) == 4
    assert await derivation.index.count(CHALLENGES) == 4 + 3 + 4
    assert await two.mind.upkeep.lost() == 0
    events = await derivation.settle(two.mind)
    switched = [event for event in events if event.type == IndexSwitched.TYPE]
    assert [event.data for event in switched] == [
        {"index": new.fingerprint, "model": new.embedder.model.name}
    ]
    async with database.read() as tx:
        documents = (await tx.execute(select(MatchRow.document))).scalars().all()
        models = (await tx.execute(select(GenerationRow.fingerprint))).scalars().all()
        collections = set((await tx.execute(select(IndexedRow.collection))).scalars())
    standing = [one for one in documents if one["state"] == "suggested"]
    assert standing
    assert {one["versions"]["model"] for one in standing} == {new.embedder.model.fingerprint}
    assert {one["versions"]["index"] for one in standing} == {new.fingerprint}
    assert models == [new.fingerprint]
    assert collections == {new.collection(alias) for alias in ALIASES}
    assert len(before) < len(events)


async def test_what_is_written_while_it_is_built_lands_in_both(two: Two) -> None:
    derivation = two.derivation
    made = [await company(derivation, name) for name in ("Cryosense", "Vakuumtechnik", "Boulangerie")]
    await derivation.settle()
    await two.open()
    new = two.generations.building
    assert new is not None

    async def meanwhile() -> None:
        """All of it while the page with the first versions lies ready to be written."""
        await change(derivation, made[0], "Handled at once")
        await withdraw(derivation, made[1])
        await company(derivation, "Optique Grenoble")
        await derivation.settle(two.mind)
        await change(derivation, made[2], "Handled only afterwards")
        for generation in two.generations.all():
            found = await contents(generation, COMPANIES)
            assert set(found[made[0].id].values()) == {2}
            assert made[1].id not in found

    await two.upkeep(meanwhile).change_model()
    await derivation.settle(two.mind)

    found = await contents(new, COMPANIES)
    reading = derivation.world.intake.reading
    assert {entity: set(parts.values()) for entity, parts in found.items()} == {
        entity: {version} for entity, version in (await reading.present_versions(found.keys())).items()
    }
    assert len(found) == 3
    assert made[1].id not in found
    assert {
        entity: texts
        for entity, (_, texts) in (await on_record(derivation.world.database, new, COMPANIES)).items()
    } == {entity: len(parts) for entity, parts in found.items()}


async def test_a_write_that_is_not_on_record_yet_is_not_overwritten(two: Two) -> None:
    derivation = two.derivation
    made = await company(derivation, "Cryosense")
    await derivation.settle()
    await two.open()
    new = two.generations.building
    assert new is not None
    handler = index_companies(two.generations, derivation.world.intake.reading, derivation.world.clock)
    plans = []

    async def meanwhile() -> None:
        await change(derivation, made, "A third")
        events = await derivation.world.events()
        plans.append(await handler.prepare([one for one in events if one.type == CompanyUpdated.TYPE]))

    await two.upkeep(meanwhile).change_model()
    async with derivation.world.database.write() as tx:
        await plans[0](tx)

    assert await contents(new, COMPANIES) == {made.id: {"c1": 2, "c2": 2, "c3": 2}}
    assert await on_record(derivation.world.database, new, COMPANIES) == {made.id: (2, 3)}
    assert await two.mind.upkeep.lost() == 0


async def test_what_an_earlier_attempt_left_is_not_served(two: Two) -> None:
    derivation = two.derivation
    stays, goes = await company(derivation, "Cryosense"), await company(derivation, "Vakuumtechnik")
    await derivation.settle()
    await two.open()
    new = two.generations.building
    assert new is not None
    await two.mind.upkeep.write_all(new)  # and then the process was killed
    assert goes.id in await contents(new, COMPANIES)
    await withdraw(derivation, goes)
    await derivation.settle()  # by a process with the old configuration, which knows nothing of the new index

    await two.mind.upkeep.change_model()

    assert (await contents(new, COMPANIES)).keys() == {stays.id}


async def test_a_switch_that_was_cut_short_is_finished_at_the_next_start(two: Two) -> None:
    derivation, database = two.derivation, two.derivation.world.database
    await company(derivation, "Cryosense")
    await announce(derivation)
    await derivation.settle()
    await two.open()
    new = two.generations.building
    assert new is not None
    await two.mind.upkeep.write_all(new)
    await two.generations.switch()  # and then the process was killed

    for _ in range(2):
        again = Mind(derivation.world, Generations(new), derivation.world.clock)
        await again.generations.open()
        await again.upkeep.begin()
        events = await derivation.settle(again)

    assert len([event for event in events if event.type == IndexSwitched.TYPE]) == 1
    async with database.read() as tx:
        assert (await tx.execute(select(GenerationRow.fingerprint))).scalars().all() == [new.fingerprint]
        documents = (await tx.execute(select(MatchRow.document))).scalars().all()
    assert {one["versions"]["model"] for one in documents} == {new.embedder.model.fingerprint}
    assert sorted(await derivation.index.collections()) == sorted(new.collection(alias) for alias in ALIASES)


async def test_an_index_whose_model_is_lost_is_filled_by_the_new_one(two: Two, clock: MovableClock) -> None:
    derivation = two.derivation
    await company(derivation, "Cryosense")
    await announce(derivation)
    await derivation.settle()
    new = two.generations.building
    assert new is not None
    clock.advance(120)

    mind = Mind(derivation.world, Generations(new), clock)
    await mind.generations.open()
    await mind.upkeep.begin()
    assert await mind.upkeep.lacking() == 2
    assert await mind.upkeep.repair() == 2
    await derivation.settle(mind)

    assert await derivation.index.resolve(COMPANIES) == new.collection(COMPANIES)
    assert await derivation.index.count(COMPANIES) == 2
    assert (await mind.upkeep.lacking(), await mind.upkeep.lost(), await mind.upkeep.repair()) == (0, 0, 0)
    assert collection_name(COMPANIES, two.old.fingerprint) not in await derivation.index.collections()


async def test_there_must_be_something_to_switch_to(derivation: Derivation) -> None:
    with pytest.raises(ValueError, match="no generation is being built"):
        await derivation.mind.upkeep.change_model()
    with pytest.raises(ValueError, match="no generation is being built"):
        await derivation.mind.generations.switch()
