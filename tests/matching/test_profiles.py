"""Profiles in memory: as new as asked for, bounded, and never of a model that serves no more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence

import numpy as np

from schemas.company import Company, CompanyState
from services.kernel.embedding.encoder import unit
from services.kernel.embedding.lexical import LexicalEncoder
from services.kernel.embedding.port import EmbeddingModel, Vectors
from services.matching.profiles import Profiles
from tests.derivation import Derivation, embedder_on, words
from tests.intake.test_parts import company as a_profile
from tests.matching.market import change, company, withdraw


class Shelf:
    """Companies by id, and how often each was read."""

    def __init__(self, *companies: Company) -> None:
        self.known = {one.id: one for one in companies}
        self.read: list[str] = []

    async def companies(self, ids: Collection[str]) -> Mapping[str, Company]:
        self.read += ids
        return {one: self.known[one] for one in ids if one in self.known}

    async def active_companies(self) -> AsyncIterator[Sequence[Company]]:
        for one in list(self.known.values()):
            yield [one]

    async def active_count(self) -> int:
        return len(self.known)


class Plain:
    """An embedder of three dimensions; `gate` holds it up."""

    def __init__(self, name: str, dimensions: int = 3) -> None:
        self.model = EmbeddingModel(name=name, fingerprint=name, dimensions=dimensions)
        self.gate = asyncio.Event()
        self.gate.set()
        self.called = asyncio.Event()

    async def embed(self, texts: Sequence[str]) -> Vectors:
        self.called.set()
        await self.gate.wait()
        return unit(np.full((len(texts), self.model.dimensions), 1.0, np.float32))

    async def close(self) -> None:
        pass


def made(number: int, texts: int = 2, version: int = 1, **fields: object) -> Company:
    capabilities = [{"id": f"c{place}", "text": f"competence {number} {place}"} for place in range(texts)]
    return a_profile(id=f"cmp_{number:026d}", version=version, capabilities=capabilities, **fields)


def ids(*numbers: int, version: int = 1) -> dict[str, int]:
    return {f"cmp_{number:026d}": version for number in numbers}


async def test_a_profile_is_read_once_and_again_when_a_newer_one_is_asked_for() -> None:
    shelf = Shelf(made(1))
    profiles = Profiles(shelf, Plain("m"), words())

    first = await profiles.get(ids(1))
    assert await profiles.get(ids(1)) == first
    assert len(shelf.read) == 1

    shelf.known = {made(1).id: made(1, texts=3, version=2)}
    assert len((await profiles.get(ids(1)))[made(1).id].parts) == 2
    assert len((await profiles.get(ids(1, version=2)))[made(1).id].parts) == 3
    assert len((await profiles.get(ids(1, version=1)))[made(1).id].parts) == 3
    assert len(shelf.read) == 2


async def test_memory_is_bounded_by_texts_and_the_least_used_goes_first() -> None:
    shelf = Shelf(*(made(number) for number in range(1, 6)))
    profiles = Profiles(shelf, Plain("m"), words(), texts_kept=6)

    await profiles.get(ids(1, 2, 3))
    await profiles.get(ids(1))
    await profiles.get(ids(4))
    shelf.read.clear()
    await profiles.get(ids(1, 3, 4))
    assert shelf.read == []
    await profiles.get(ids(2))
    assert shelf.read == list(ids(2))


async def test_one_profile_that_is_larger_than_memory_is_still_given() -> None:
    profiles = Profiles(Shelf(made(1, texts=50), made(2)), Plain("m"), words(), texts_kept=10)
    assert len(next(iter((await profiles.get(ids(1))).values())).parts) == 50
    assert len(await profiles.get(ids(1, 2))) == 2


async def test_warming_stops_when_memory_is_full() -> None:
    shelf = Shelf(*(made(number) for number in range(1, 10)))
    profiles = Profiles(shelf, Plain("m"), words(), texts_kept=6)
    assert await profiles.warm() == 3
    shelf.read.clear()
    await profiles.get(ids(1, 2, 3))
    assert shelf.read == []


async def test_a_profile_without_a_text_is_a_profile() -> None:
    profiles = Profiles(Shelf(made(1, texts=0)), Plain("m"), words())
    assert [len(one.texts) for one in (await profiles.get(ids(1))).values()] == [0]


async def test_who_is_gone_or_unknown_is_left_out() -> None:
    profiles = Profiles(Shelf(made(1, state=CompanyState.withdrawn)), Plain("m"), words())
    assert await profiles.get(ids(1, 2)) == {}


async def test_a_profile_at_work_while_the_model_changes_is_of_the_new_one() -> None:
    old, new = Plain("old"), Plain("new", dimensions=5)
    old.gate.clear()
    profiles = Profiles(Shelf(made(1)), old, words())
    asked = asyncio.create_task(profiles.get(ids(1)))
    await old.called.wait()

    profiles.use(new)
    old.gate.set()

    found = next(iter((await asked).values()))
    assert found.texts.dense.shape == (2, 5)
    assert next(iter((await profiles.get(ids(1))).values())) is found


async def test_what_the_database_says_counts(derivation: Derivation) -> None:
    lexical: LexicalEncoder = words()
    embedder = embedder_on(derivation.world.database)
    profiles = Profiles(derivation.world.intake.reading, embedder, lexical)
    sensors = await company(derivation, "Cryosense")
    bakery = await company(derivation, "Boulangerie")
    assert await profiles.count() == 2
    assert await profiles.warm() == 2

    newer = await change(derivation, sensors, "Fits into a flange of 40 mm")
    await withdraw(derivation, bakery)
    found = await profiles.get({sensors.id: newer.version, bakery.id: 2})

    assert found.keys() == {sensors.id}
    assert [part.id for part in found[sensors.id].parts] == ["c1", "c2", "c3"]
    assert await profiles.count() == 1
    await embedder.close()
