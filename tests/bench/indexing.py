"""Profiles through the indexing handler, against the bare model on the same texts."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import mkdtemp

from sqlalchemy import func, select

from schemas.company import Company, CompanyState
from schemas.events import CompanyCreated
from services.directory.service import Directory
from services.indexing.collections import COMPANIES
from services.indexing.generation import Generation, Generations
from services.indexing.handlers import BATCH, IndexEntities, index_companies
from services.indexing.meaning import ShippedMeaning
from services.intake.parts import company_parts
from services.intake.register import Register
from services.intake.service import Intake
from services.kernel import journal
from services.kernel.clock import SystemClock
from services.kernel.database import Database
from services.kernel.embedding.batching import BatchingEmbedder
from services.kernel.embedding.cached import CachedEmbedder
from services.kernel.embedding.lexical import LexicalEncoder
from services.kernel.embedding.stored import StoredVector, VectorsInDatabase
from services.kernel.identifiers import new_id
from services.kernel.journal import Event
from services.kernel.vectors.edge import EdgeVectorIndex
from services.migrations import runner
from tests.bench.bare_model import encode, open_model
from tests.bench.figures import FOLDER, Aim, Bench, Samples, Scale
from tests.bench.texts import Writer


async def measure(scale: Scale) -> Samples:
    FOLDER.mkdir(parents=True, exist_ok=True)
    folder = Path(mkdtemp(prefix="indexing-", dir=FOLDER))
    try:
        return await _measure(scale, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _measure(scale: Scale, folder: Path) -> Samples:
    encoder, clock = open_model(), SystemClock()
    database = Database(f"sqlite:///{folder / 'liaison.db'}")
    await runner.upgrade(database)
    index = await EdgeVectorIndex.open(folder / "vectors")
    embedder = CachedEmbedder(BatchingEmbedder(encoder), VectorsInDatabase(database))
    generations = Generations(Generation(embedder, LexicalEncoder.shipped(), index, meaning=ShippedMeaning()))
    await generations.open()
    directory = Directory(database, clock, Register(database))
    handler = index_companies(generations, Intake(database, clock, directory).reading, clock)
    writer, samples, written = Writer(seed=1), Samples(), 0
    count = scale.pick(2 * BATCH, 64)
    try:
        for repetition in range(scale.pick(6, 2)):
            companies = [_company(writer, number) for number in range(count)]
            texts = [part.text for one in companies for part in company_parts(one)]
            events = await _announced(database, companies)
            began = time.perf_counter()
            await _handle(handler, database, events)
            ours = time.perf_counter() - began
            began = time.perf_counter()
            await encode(encoder, texts)
            bare = time.perf_counter() - began
            written += len(texts)
            if repetition:  # the first is for warming up
                samples.ours.append(count / ours)
                samples.reference.append(count / bare)
        await _check(database, index, written)
    finally:
        await embedder.close()
        await index.close()
        await database.close()
    return samples


def _company(writer: Writer, number: int) -> Company:
    return Company(
        **dict(writer.profile(number)),
        id=new_id("cmp"),
        version=1,
        state=CompanyState.active,
        owner=new_id("org"),
        changed_at=SystemClock().now(),
    )


async def _announced(database: Database, companies: Sequence[Company]) -> list[Event]:
    """The events of new profiles, through the journal as always."""
    new = [
        journal.NewEvent(
            type=CompanyCreated.TYPE,
            subject=f"company/{one.id}",
            key=one.id,
            data=CompanyCreated(company=one).model_dump(mode="json"),
            audience=frozenset({one.owner}),
        )
        for one in companies
    ]
    async with database.write() as tx:
        before = await journal.head(tx)
        await journal.append(tx, new, now=SystemClock().now())
    async with database.read() as tx:
        return await journal.read(tx, after=before, limit=len(new))


async def _handle(handler: IndexEntities, database: Database, events: Sequence[Event]) -> None:
    """What the stream does: batches, each with its plan in one transaction."""
    for start in range(0, len(events), handler.batch):
        plan = await handler.prepare(events[start : start + handler.batch])
        async with database.write() as tx:
            await plan(tx)


async def _check(database: Database, index: EdgeVectorIndex, texts: int) -> None:
    """Nothing was left out: every text has its point; vectors are kept for the texts that differ."""
    async with database.read() as tx:
        kept = (await tx.execute(select(func.count()).select_from(StoredVector))).scalar() or 0
    if await index.count(COMPANIES) != texts or not 0 < kept <= texts:
        raise AssertionError(f"{texts} texts, {await index.count(COMPANIES)} points, {kept} kept vectors")


BENCHES = [
    Bench(
        name="indexing",
        about="profiles embedded, kept, indexed and told of / the bare model; same texts and threads",
        unit="profiles/s",
        aim=Aim(0.9, at_least=True),
        measure=measure,
    )
]
