"""Databases and a broker for benches, each of its own and gone afterwards."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import mkdtemp

from services.kernel.database import Database
from services.migrations import runner
from tests.bench.figures import FOLDER
from tests.kafka_broker import Broker
from tests.postgresql_server import DatabaseServer

HAS_KAFKA = bool(os.environ.get("KAFKA_HOME"))


@asynccontextmanager
async def sqlite() -> AsyncIterator[Database]:
    """An empty database in a file, with every table."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    folder = Path(mkdtemp(prefix="sqlite-", dir=FOLDER))
    database = Database(f"sqlite:///{folder / 'liaison.db'}")
    try:
        await runner.upgrade(database)
        yield database
    finally:
        await database.close()
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def postgresql() -> AsyncIterator[Database]:
    """The same on a server of its own, which waits for its disk as in production."""
    server = DatabaseServer()
    try:
        await asyncio.to_thread(server.start)
        database = Database(server.url)
        try:
            await runner.upgrade(database)
            yield database
        finally:
            await database.close()
    finally:
        server.close()


@asynccontextmanager
async def kafka() -> AsyncIterator[str]:
    """Bootstrap servers of one node of its own."""
    folder = Path(mkdtemp(prefix="liaison-kafka-"))
    broker = await asyncio.to_thread(Broker, Path(os.environ["KAFKA_HOME"]), folder)
    try:
        await asyncio.to_thread(broker.start)
        yield broker.bootstrap_servers
    finally:
        broker.kill()
        shutil.rmtree(folder, ignore_errors=True)
