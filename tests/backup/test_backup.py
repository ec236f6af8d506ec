"""A backup is the whole database, and makes the same one again, on either kind."""

from __future__ import annotations

import asyncio
import gzip
import os
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select, text

from services.backup import tables
from services.backup.file import BadBackup
from services.courier.model import EndpointRow
from services.kernel import leases
from services.kernel.database import Database
from services.kernel.journal.append import append, sequence
from services.kernel.journal.event import NewEvent
from services.kernel.journal.reading import head, verify
from services.kernel.settings import ConfigurationError
from services.migrations import runner
from services.migrations.tables import metadata
from tests.conftest import MovableClock, create_postgresql_database
from tests.eventually import eventually
from tests.intake.people import a_challenge, a_company, build, principal


@pytest.fixture
async def source(empty_database_url: str, clock: MovableClock) -> AsyncIterator[Database]:
    """A database in which something has happened."""
    database = Database(empty_database_url)
    await runner.upgrade(database)
    world = await build(database, clock)
    await world.intake.companies.create(principal(world.cluster), a_company())
    await world.intake.challenges.announce(principal(world.cern), a_challenge())
    if not database.is_serial:
        async with database.write() as tx:
            await sequence(tx)
    yield database
    await database.close()


@pytest.fixture(params=["sqlite", "postgresql"])
async def target(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """An empty one, of either kind."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'target.db'}"
    else:
        url = await create_postgresql_database(request.getfixturevalue("postgresql"))
    database = Database(url)
    yield database
    await database.close()


async def content(database: Database) -> dict[str, list[Any]]:
    """Every row of every table, as the models read it."""
    async with database.read() as tx:
        return {
            name: [
                tuple(row)
                for row in (await tx.execute(select(table).order_by(*table.primary_key.columns))).all()
            ]
            for name, table in metadata.tables.items()
        }


async def test_the_restored_database_is_the_same_on_either_kind(
    source: Database, target: Database, tmp_path: Path, clock: MovableClock
) -> None:
    before = await content(source)
    rows = await tables.backup(source, tmp_path / "file", now=clock.now())
    assert rows == sum(map(len, before.values()))
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600

    said: list[tuple[str, int]] = []
    verdict = await tables.restore(
        target, tmp_path / "file", now=clock.now(), told=lambda table, done: said.append((table, done))
    )
    assert said[-1][1] == rows
    assert [done for _, done in said] == sorted(done for _, done in said)
    assert {table for table, _ in said} >= {"journal", "companies"}

    assert await content(target) == before
    assert verdict.broken_at is None
    async with source.read() as tx:
        assert verdict == await verify(tx)
    assert await runner.differences(target) == []


async def test_what_is_written_after_a_restore_goes_on_where_the_old_one_ended(
    source: Database, target: Database, tmp_path: Path, clock: MovableClock
) -> None:
    await tables.backup(source, tmp_path / "file", now=clock.now())
    await tables.restore(target, tmp_path / "file", now=clock.now())
    async with target.read() as tx:
        before = await head(tx)
    async with target.write() as tx:
        await append(tx, [NewEvent("liaison.test.happened.v1", "test/1", "1", {})], now=clock.now())
    if not target.is_serial:
        async with target.write() as tx:
            await sequence(tx)
    async with target.read() as tx:
        assert await head(tx) == (await verify(tx)).entries >= before + 1


def an_endpoint(now: datetime) -> dict[str, Any]:
    return {"id": "end_1", "owner": "org_1", "url": "https://x.example/", "secrets": [], "created_at": now}


async def test_a_database_with_rows_is_left_alone_unless_told(
    source: Database, tmp_path: Path, clock: MovableClock
) -> None:
    path = tmp_path / "file"
    await tables.backup(source, path, now=clock.now())
    before = await content(source)
    with pytest.raises(tables.NotEmpty, match="--replace"):
        await tables.restore(source, path, now=clock.now())
    async with source.write() as tx:
        await tx.execute(text("DELETE FROM companies"))
        assert await leases.acquire(tx, "sequencer", "elsewhere/1", now=clock.now()) is not None
    with pytest.raises(tables.InUse, match="elsewhere/1"):
        await tables.restore(source, path, now=clock.now(), replace=True)
    later = clock.now() + timedelta(minutes=1)
    async with source.write() as tx:
        await tx.execute(text("DELETE FROM leases"))
        courier = {"lease_holder": "elsewhere/2", "lease_until": later + timedelta(seconds=1)}
        await tx.execute(insert(EndpointRow).values(an_endpoint(clock.now()) | courier))
    with pytest.raises(tables.InUse, match="elsewhere/2"):
        await tables.restore(source, path, now=later, replace=True)
    later += timedelta(minutes=1)
    if not source.is_serial:  # a gateway has no lease at all
        other = Database(source.url.render_as_string(hide_password=False))
        sharing = asyncio.create_task(other.share_wakeups())
        await eventually(lambda: other.wakeups.is_shared)
        with pytest.raises(tables.InUse, match=f"liaison .*/{os.getpid()}"):
            await tables.restore(source, path, now=later, replace=True)
        sharing.cancel()
        await asyncio.gather(sharing, return_exceptions=True)
        await other.close()
    await tables.restore(source, path, now=later, replace=True)
    assert await content(source) == before


@pytest.mark.parametrize("harm", ["cut", "changed", "foreign"])
async def test_a_damaged_file_changes_nothing(
    source: Database, target: Database, tmp_path: Path, clock: MovableClock, harm: str
) -> None:
    path = tmp_path / "file"
    await tables.backup(source, path, now=clock.now())
    lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    if harm == "cut":
        path.write_bytes(gzip.compress(b"".join(lines[:-1])))
    elif harm == "changed":
        path.write_bytes(gzip.compress(b"".join(lines).replace(b"CERN", b"CERM", 1)))
    else:
        path.write_bytes(b"no backup at all")
    with pytest.raises(BadBackup):
        await tables.restore(target, path, now=clock.now())
    async with target.engine.connect() as connection:
        assert await connection.run_sync(runner.present) is None


async def test_a_backup_of_an_older_schema_is_brought_to_this_one(
    source: Database, target: Database, tmp_path: Path, clock: MovableClock
) -> None:
    await runner.downgrade(source, "0001")
    await tables.backup(source, tmp_path / "file", now=clock.now())
    verdict = await tables.restore(target, tmp_path / "file", now=clock.now())
    assert verdict.broken_at is None
    assert verdict.entries > 0
    assert await runner.differences(target) == []


async def test_a_backup_of_a_newer_release_is_refused(
    source: Database, target: Database, tmp_path: Path, clock: MovableClock
) -> None:
    def newer(connection: Connection) -> None:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    async with source.engine.begin() as connection:
        await connection.run_sync(newer)
    await tables.backup(source, tmp_path / "file", now=clock.now())
    with pytest.raises(runner.NewerSchema, match="9999"):
        await tables.restore(target, tmp_path / "file", now=clock.now())


async def test_an_existing_file_is_not_overwritten_and_nothing_is_no_backup(
    source: Database, target: Database, tmp_path: Path, clock: MovableClock
) -> None:
    path = tmp_path / "file"
    path.write_text("mine")
    with pytest.raises(FileExistsError):
        await tables.backup(source, path, now=clock.now())
    assert path.read_text() == "mine"
    with pytest.raises(ConfigurationError, match="no schema"):
        await tables.backup(target, tmp_path / "other", now=clock.now())
    assert not (tmp_path / "other").exists()
