"""A running process with 20,000 companies in it, indexed and optimised; made once, copied for every run."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import mkdtemp

from pydantic import SecretStr
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from schemas.organisation import Organisation, OrganisationContent, OrganisationKind
from services.bootstrap.serve import Running, running
from services.indexing.collections import COMPANIES
from services.kernel.settings import Settings, load_settings
from tests.bench.bare_model import THREADS
from tests.bench.figures import FOLDER, MODELS
from tests.bench.texts import Writer

VERSION = "4"
"""Raise it when what is written here changes: the ground is then made anew."""
PER_TRANSACTION = 200
SETTLE_S = 3_600.0
"""Embedding 46,000 texts takes two minutes on two idle cores, and much longer on busy ones."""
LOOK_S = 0.25

ADMIN_KEY = "lia_" + "bench" * 8
CLUSTER = OrganisationContent(
    handle="bench-cluster", name="Cluster", kind=OrganisationKind.cluster, country="FR"
)
BUYER = OrganisationContent(handle="bench-buyer", name="Laboratory", kind=OrganisationKind.bso, country="CH")

console = Console(stderr=True)


@asynccontextmanager
async def ground(companies: int) -> AsyncIterator[Running]:
    """A process that serves on a copy of the ground. The companies are members of CLUSTER."""
    kept = FOLDER / f"ground-{VERSION}-{companies}"
    if not kept.is_dir():
        await _make(kept, companies)
    folder = Path(mkdtemp(prefix="serving-", dir=FOLDER))
    try:
        await asyncio.to_thread(shutil.copytree, kept, folder, dirs_exist_ok=True)
        async with running(_settings(folder)) as process:
            await settled(process)
            await process.brain.profiles.warm()
            yield process
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def settled(process: Running) -> None:
    """Return once every event is handled."""
    async with asyncio.timeout(SETTLE_S):
        while any((await process.carrier.lag()).values()):  # noqa: ASYNC110 - lag is asked of the database
            await asyncio.sleep(LOOK_S)


async def _make(kept: Path, companies: int) -> None:
    """Through the product's own use cases; a run that is broken off leaves nothing behind."""
    fresh = kept.with_name(f"{kept.name}.part")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    async with running(_settings(fresh)) as process:
        with Progress(*columns, console=console, transient=True) as bar:
            written = bar.add_task(f"writing {companies:,} companies, kept in {kept}", total=companies)
            cluster = await _organisations(process)
            writer = Writer(seed=3)
            for start in range(0, companies, PER_TRANSACTION):
                profiles = [writer.profile(n) for n in range(start, min(start + PER_TRANSACTION, companies))]
                async with process.core.database.write() as tx:
                    await process.core.intake.writer.create(tx, cluster, profiles)
                bar.update(written, advance=len(profiles))
            handled = bar.add_task("embedding and indexing them", total=companies)
            while lag := (await process.carrier.lag())["indexing.companies"]:
                bar.update(handled, completed=companies - lag)
                await asyncio.sleep(LOOK_S)
            await settled(process)
        await process.brain.index.optimise(COMPANIES)
    fresh.rename(kept)


async def _organisations(process: Running) -> Organisation:
    """The buyer and the cluster; returns the cluster."""
    registry = process.core.directory.organisations
    admin = await process.core.directory.authenticate(ADMIN_KEY)
    await registry.register(admin, BUYER)
    return await registry.register(admin, CLUSTER)


def _settings(folder: Path) -> Settings:
    return load_settings(
        data_dir=folder,
        models_dir=MODELS,
        host="127.0.0.1",
        port=0,
        allow_loopback_webhooks=True,
        admin_key=SecretStr(ADMIN_KEY),
        embedding_threads=THREADS,
    )
