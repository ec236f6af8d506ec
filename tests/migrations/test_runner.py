"""The schema goes up, down and up again on both databases, and is what the models say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import (
    JSON,
    Boolean,
    Connection,
    Date,
    DateTime,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    String,
    TypeDecorator,
    insert,
    inspect,
    select,
    text,
)

from services.intake.model import CompanyRow
from services.kernel.database import Database
from services.migrations import runner
from services.migrations.tables import metadata
from tests.conftest import START, MovableClock
from tests.intake.people import a_challenge, a_company, at, build, principal

VERSION = "alembic_version"


@pytest.fixture
async def empty(empty_database_url: str) -> AsyncIterator[Database]:
    database = Database(empty_database_url)
    yield database
    await database.close()


async def tables(database: Database) -> set[str]:
    def names(connection: Connection) -> set[str]:
        return set(inspect(connection).get_table_names()) - {VERSION}

    async with database.engine.connect() as connection:
        return await connection.run_sync(names)


async def test_up_down_and_up_again_is_what_the_models_say(empty: Database) -> None:
    await runner.upgrade(empty)
    assert await tables(empty) == set(metadata.tables)
    assert await runner.differences(empty) == []

    await runner.downgrade(empty, "base")
    assert await tables(empty) == set()
    await runner.upgrade(empty)
    assert await tables(empty) == set(metadata.tables)
    assert await runner.differences(empty) == []


async def test_a_difference_between_models_and_migrations_is_found(empty: Database) -> None:
    await runner.upgrade(empty)
    async with empty.engine.begin() as connection:
        await connection.execute(text("DROP TABLE backgrounds"))
    found = await runner.differences(empty)
    assert len(found) == 1
    assert "backgrounds" in repr(found[0])


async def test_an_upgrade_keeps_every_row(empty: Database, clock: MovableClock) -> None:
    await runner.upgrade(empty)
    world = await build(empty, clock)
    made = await world.intake.challenges.announce(principal(world.cern), a_challenge())
    events = await world.events()

    await runner.upgrade(empty)

    assert await world.intake.challenges.get(None, made.id) == made
    assert await world.events() == events


async def test_back_to_the_first_schema_and_up_again_every_row_is_kept(
    empty: Database, clock: MovableClock
) -> None:
    await runner.upgrade(empty)
    world = await build(empty, clock)
    made = await world.intake.challenges.announce(principal(world.cern), a_challenge())
    firm = principal(world.firm)
    confirmed = [
        await world.intake.companies.create(firm, a_company(name=f"Firm {day}", last_confirmed=day))
        for day in (None, "2020-01-01", START.date())
    ]
    await world.intake.companies.update(firm, confirmed[0].id, a_company(name="Renamed"), at(1))
    clock.advance(3 * 86_400)
    await world.intake.companies.confirm(firm, confirmed[2].id, at(1))
    events = await world.events()
    columns = (CompanyRow.id, CompanyRow.version, CompanyRow.content_version, CompanyRow.confirmed_on)
    async with empty.read() as tx:
        profiles = set((await tx.execute(select(*columns))).all())
    assert {row.confirmed_on for row in profiles} == {START.date(), clock.now().date()}
    assert {(row.version, row.content_version) for row in profiles} == {(1, None), (2, None), (2, 1)}

    await runner.downgrade(empty, "0001")
    await runner.upgrade(empty)

    async with empty.read() as tx:
        assert set((await tx.execute(select(*columns))).all()) == profiles
    assert await world.intake.challenges.get(None, made.id) == made
    assert await world.events() == events
    assert await runner.differences(empty) == []


async def test_every_revision_goes_down_and_up_with_rows_in_every_table(empty: Database) -> None:
    await runner.upgrade(empty)
    async with empty.engine.begin() as connection:
        for table in metadata.sorted_tables:
            row = {column.name: a_value(column.type) for column in table.columns}
            await connection.execute(insert(table), row)
    before = await rows(empty)
    assert set(before) == set(metadata.tables)

    for revision in sorted(runner.revisions(), reverse=True):
        await runner.downgrade(empty, revision)
        for name, row in (await rows(empty)).items():
            kept = {column: before[name][column] for column in row if column in before[name]}
            assert row == dict.fromkeys(row) | kept, (revision, name)
    oldest = await rows(empty)

    await runner.upgrade(empty)
    after = await rows(empty)
    for name, row in oldest.items():
        assert {column: after[name][column] for column in row} == row
    assert await runner.differences(empty) == []


def a_value(kind: Any) -> Any:
    """Something that a column of this type can hold."""
    plain = kind.impl if isinstance(kind, TypeDecorator) else kind
    for of, value in VALUES:
        if isinstance(plain, of):
            return value[: plain.length] if isinstance(value, str) and plain.length else value
    raise AssertionError(kind)


VALUES: list[tuple[type[Any], Any]] = [
    (JSON, {"a": ["naïve", 1]}),
    (LargeBinary, b"bytes"),
    (String, "some words"),
    (Boolean, True),
    (Integer, 7),
    (Float, 0.5),
    (DateTime, START),
    (Date, START.date()),
]


async def rows(database: Database) -> dict[str, dict[str, Any]]:
    """The one row of each table, as the database has it now; tables without any are left out."""

    def read(connection: Connection) -> dict[str, dict[str, Any]]:
        present = MetaData()
        present.reflect(connection)
        found = {
            name: connection.execute(select(table)).first()
            for name, table in present.tables.items()
            if name != VERSION
        }
        return {name: dict(row._mapping) for name, row in found.items() if row is not None}

    async with database.engine.connect() as connection:
        return await connection.run_sync(read)


async def test_a_database_of_a_newer_release_is_refused_and_left_alone(empty: Database) -> None:
    await runner.upgrade(empty)
    async with empty.engine.begin() as connection:
        await connection.execute(text(f"UPDATE {VERSION} SET version_num = '9999'"))

    with pytest.raises(runner.NewerSchema) as caught:
        await runner.upgrade(empty)

    assert str(caught.value) == (
        "The database is at schema 9999, which this release does not know: it was used by a newer release of "
        "Liaison. Install that release, or restore the backup made before the upgrade."
    )
    async with empty.engine.connect() as connection:
        assert (await connection.execute(text(f"SELECT version_num FROM {VERSION}"))).scalar() == "9999"
    assert await tables(empty) == set(metadata.tables)


async def test_processes_that_start_together_migrate_once(empty_database_url: str) -> None:
    starting = [Database(empty_database_url) for _ in range(4)]
    try:
        await asyncio.gather(*(runner.upgrade(database) for database in starting))
        assert await tables(starting[0]) == set(metadata.tables)
    finally:
        for database in starting:
            await database.close()


async def test_a_migration_that_fails_leaves_nothing_half_done(
    empty: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    await runner.upgrade(empty)
    await runner.downgrade(empty, "base")
    async with empty.engine.begin() as connection:
        await connection.execute(text("CREATE TABLE subscriptions (id INTEGER)"))  # in the way of ours

    with pytest.raises(Exception, match="subscriptions"):
        await runner.upgrade(empty)

    assert await tables(empty) == {"subscriptions"}
    async with empty.engine.begin() as connection:
        await connection.execute(text("DROP TABLE subscriptions"))
    await runner.upgrade(empty)
    assert await runner.differences(empty) == []


def test_revisions_form_one_line() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(runner.__file__).parent))
    config.set_main_option("path_separator", "os")
    script = ScriptDirectory.from_config(config)
    assert len(script.get_heads()) == len(script.get_bases()) == 1
