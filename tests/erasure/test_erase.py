"""A person is taken out of everything that is kept, and the ledger is whole before, after and in between."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from typer.testing import CliRunner

from schemas.events import LedgerErased
from services.cli.main import app
from services.courier.enqueue import NewMessage, enqueue
from services.erasure.erase import BrokenLedger, Found, erase, find
from services.erasure.words import BLOCK, TooShort, Words
from services.intake.parts import challenge_parts
from services.kernel.database import Database
from services.kernel.embedding.cached import text_digest
from services.kernel.embedding.stored import StoredVector, VectorsInDatabase
from services.kernel.journal.model import JournalEntry
from services.kernel.journal.reading import hashes, verify
from services.migrations import runner
from services.migrations.tables import metadata
from services.notification.model import CollectedRow
from tests.conftest import MovableClock
from tests.intake.people import World, a_challenge, a_company, anything, build, principal

NAME = "Élodie Müller-Doe"
NEED = f"Measure pressure between 0.1 and 20 bar at 4 K. Ask {NAME} (or E. Müller-Doe) about the “flange”."
WORDS = Words([NAME, "E. Müller-Doe"])
ENTRY: Any = JournalEntry.__table__


async def filled(database: Database, clock: MovableClock) -> tuple[World, str]:
    """A name in a challenge and its versions, a profile, what waits to be sent, and all that is told."""
    world = await build(database, clock)
    by = principal(world.cern)
    made = await world.intake.challenges.announce(by, a_challenge(need=NEED))
    amended = {"title": f"Sensor, says {NAME}", "need": NEED}
    await world.intake.challenges.amend(by, made.id, a_challenge(**amended), anything)
    told = [{"id": "c1", "text": f"cryogenic sensors; {NAME} knows"}]
    await world.intake.companies.create(principal(world.cluster), a_company(capabilities=told))
    async with database.write() as tx:
        body = b'{"data": {"need": "%s"}}' % NEED.encode()
        await enqueue(tx, [NewMessage("end_1", None, "evt_1", "test.v1", body)], now=clock.now())
        collected = {"subscription": "sub_1", "event": "evt_1", "thread": "event:evt_1", "stance": "keeps"}
        item = {"headline": f"New: “Sensor, says {NAME}”"}
        await tx.execute(insert(CollectedRow).values(**collected, position=1, item=item))
    present = await world.intake.challenges.get(None, made.id)
    texts = [part.text for part in challenge_parts(present)]
    await VectorsInDatabase(database).save("model", {text_digest(one): b"v" for one in [*texts, "another"]})
    await world.events()
    return world, made.id


async def everything(database: Database) -> str:
    """All rows of all tables, as they are stored."""
    found = []
    async with database.read() as tx:
        for table in metadata.sorted_tables:
            found += [str([_shown(one) for one in row]) for row in await tx.execute(select(table))]
    return "\n".join(found)


def _shown(value: Any) -> Any:
    return bytes(value).decode("latin-1") if isinstance(value, bytes | memoryview) else value


async def erased(world: World) -> Found:
    done = Found()
    async for some in erase(world.database, world.clock, WORDS, reason="as asked on 1 March"):
        for table, rows in some.rows.items():
            done.rows[table] = done.rows.get(table, 0) + rows
    await world.events()
    return done


async def test_nothing_of_it_is_left_and_the_ledger_is_whole(database: Database, clock: MovableClock) -> None:
    world, challenge = await filled(database, clock)
    before = await world.events()
    kept = await hashes_of(database)
    found = await find(database, WORDS)
    assert found.rows == {
        "challenge_versions": 2,
        "challenges": 1,
        "collected_events": 1,
        "companies": 1,
        "delivery_bodies": 1,
        "journal": 3,
    }

    assert (await erased(world)).rows == found.rows

    assert (await find(database, WORDS)).total == 0
    left = (await everything(database)).casefold()
    for spelt in (NAME, "E. Müller-Doe"):
        assert spelt.casefold() not in left
        assert spelt.encode().decode("latin-1").casefold() not in left
    present = await world.intake.challenges.get(None, challenge)
    assert present.need == NEED.replace(NAME, BLOCK * len(NAME)).replace("E. Müller-Doe", BLOCK * 13)
    for requirement in present.requirements:
        assert requirement.source is not None
        start, end = requirement.source
        assert requirement.text in present.need[start:end]

    verdict = await verdict_of(database)
    assert verdict.broken_at is None, verdict.reason
    (told,) = (event for event in await world.events() if event.type == LedgerErased.TYPE)
    assert verdict.erased == tuple(one["position"] for one in told.data["entries"])
    assert {one["event"] for one in told.data["entries"]} <= {event.id for event in before}
    assert told.public, "who could read the entries is told to take the words out too"
    assert {position: kept[position] for position in kept} == {
        position: hash_ for position, hash_ in (await hashes_of(database)).items() if position in kept
    }, "a checkpoint from before still fits"
    async with database.read() as tx:
        vectors = (await tx.execute(select(StoredVector.digest))).scalars().all()
        salts = await tx.execute(select(ENTRY.c.position).where(ENTRY.c.salt.is_(None)))
        assert set(salts.scalars()) == set(verdict.erased), "what would tell whether a guess is right is gone"
    assert text_digest("another") in vectors
    was = present.model_copy(update={"need": NEED, "title": f"Sensor, says {NAME}"})
    gone = {text_digest(part.text) for part in challenge_parts(was) if WORDS.stand_in(part.text)}
    assert gone
    assert not gone & set(vectors)


async def test_under_cover_of_an_erasure_nothing_else_can_be_changed(
    database: Database, clock: MovableClock
) -> None:
    world, _ = await filled(database, clock)
    await erased(world)
    first = (await verdict_of(database)).erased[0]

    async def broken_by(change: Any) -> int | None:
        """The first entry that does not fit after the change, which is taken back."""
        async with database.engine.connect() as connection:
            tx = AsyncSession(bind=connection)
            await tx.execute(change)
            found = (await verify(tx)).broken_at
            await tx.rollback()
        return found

    at = update(ENTRY).where(ENTRY.c.position == first)
    assert await broken_by(at.values(data={"challenge": "another"})) == first
    assert await broken_by(at.values(subject="challenge/chl_other")) == first
    assert await broken_by(at.values(hash="0" * 64)) == first
    before = update(ENTRY).where(ENTRY.c.position == first - 1).values(hash="0" * 64)
    assert await broken_by(before) == first - 1
    told = ENTRY.c.type == LedgerErased.TYPE
    assert await broken_by(delete(ENTRY).where(told)) == first
    assert await broken_by(update(ENTRY).where(told).values(data={"reason": "", "entries": []})) == first


async def test_what_is_erased_again_is_told_again(database: Database, clock: MovableClock) -> None:
    world, _ = await filled(database, clock)
    await erased(world)
    async for _ in erase(database, clock, Words(["pressure"]), reason="another"):
        pass
    await world.events()
    verdict = await verdict_of(database)
    assert verdict.broken_at is None
    assert len(verdict.erased) >= 3


async def test_a_ledger_that_is_broken_is_left_as_it_is(sqlite: Database, clock: MovableClock) -> None:
    world, _ = await filled(sqlite, clock)
    async with sqlite.write() as tx:
        await tx.execute(update(ENTRY).where(ENTRY.c.position == 1).values(key="another"))
    with pytest.raises(BrokenLedger, match="entry 1 already"):
        await erased(world)
    assert (await find(sqlite, WORDS)).total == 9


@settings(deadline=None)
@given(st.text(max_size=30), st.text("aé ", max_size=10))
def test_texts_keep_their_length_and_what_is_not_meant(before: str, after: str) -> None:
    text = f"{before} Jane\n Doe {after}"
    out = Words(["Jane Doe", "Doe"]).out_of(text)
    assert len(out) == len(text)
    assert out.startswith(f"{before} {BLOCK * 9} ")
    assert Words(["Ann"]).out_of({"Ann": ["Annex", "Ann-Marie", b"Ann", 7]}) == {
        "Ann": ["Annex", f"{BLOCK * 3}-Marie", (BLOCK * 3).encode(), 7]
    }


def test_words_that_would_take_too_much_are_refused() -> None:
    with pytest.raises(TooShort, match="at least 3 letters"):
        Words(["Jane Doe", "of"])


def test_as_an_operator_types_it(tmp_path: Path, clock: MovableClock) -> None:
    async def fill() -> None:
        database = Database(f"sqlite:///{tmp_path / 'liaison.db'}")
        await runner.upgrade(database)
        await filled(database, clock)
        await database.close()

    def run(*line: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, [*line, "--data-dir", str(tmp_path)])
        return done.exit_code, " ".join(done.output.split())

    asyncio.run(fill())
    code, told = run("erase", NAME)
    assert code == 0
    assert "Nothing was changed" in told
    assert "journal 3" in told
    assert run("erase", NAME, "--yes", "--reason", f"{NAME} asked")[0] == 2
    code, told = run("erase", NAME, "E. Müller-Doe", "--yes")
    assert code == 0
    assert "liaison reindex" in told
    code, told = run("ledger", "verify")
    assert code == 0
    assert "words were erased from entries" in told
    assert "kept nowhere" in run("erase", NAME)[1]


async def hashes_of(database: Database) -> dict[int, str]:
    async with database.read() as tx:
        return await hashes(tx, range(1, 100))


async def verdict_of(database: Database) -> Any:
    async with database.read() as tx:
        return await verify(tx)
