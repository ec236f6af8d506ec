"""From rows to a file and back, whatever the database and whatever its schema: tables are asked for their
columns, not the code."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import JSON, Connection, Executable, Integer, MetaData, Table, func, insert, select, text
from sqlalchemy.exc import SQLAlchemyError

from services.backup import file
from services.backup.file import BadBackup, Document, Head, Reader
from services.kernel.database import Database
from services.kernel.journal.reading import Verdict, verify
from services.kernel.notify import PROCESS
from services.kernel.settings import ConfigurationError
from services.migrations import runner

VERSION = "alembic_version"
DERIVED = frozenset({"embeddings"})
"""Tables that are left out, and fill again by themselves: vectors of texts, by far the largest."""

FETCHED = 1_000
"""Rows in memory at once while a backup is made."""
INSERTED = 500
"""Rows in one statement of a restore."""


_PROCESSES = """
    SELECT application_name FROM pg_stat_activity
    WHERE datname = current_database() AND starts_with(application_name, :process)
    """


class NotEmpty(ConfigurationError):
    """The database holds rows, and nobody said that they may go."""


class InUse(ConfigurationError):
    """A process works on the database that is to be replaced."""


Told = Callable[[str, int], None]
"""Which table is being worked on, and how many rows are done in all."""


def _nobody(_table: str, _rows: int) -> None:
    pass


async def backup(database: Database, target: Path | BinaryIO, *, now: datetime, told: Told = _nobody) -> int:
    """Write all tables, as of one moment, into a new file or a stream; returns how many rows. Others may go
    on writing. `told` how far it is.

    Raises `ConfigurationError` for a database without a schema, OSError for a file that cannot be written.
    """
    async with database.snapshot() as connection:
        return await connection.run_sync(lambda sync: _write(sync, target, now, told))


async def restore(
    database: Database,
    source: Path | BinaryIO,
    *,
    now: datetime,
    replace: bool = False,
    told: Told = _nobody,
) -> Verdict:
    """Fill an empty database from the backup, and bring it to this release's schema: in one transaction, so
    that one that turns out to be damaged changes nothing. Returns the state of the ledger.

    `replace`: a database that holds rows loses them. `told` how far it is. Raises `BadBackup`, `NotEmpty`,
    `InUse`, `NewerSchema`, OSError.
    """
    with file.reading(source) as content:
        if content.head.schema not in runner.revisions():
            raise runner.NewerSchema(
                f"The backup has schema {content.head.schema}, which this release does not know: it was made "
                "by a newer release of Liaison. Install that release."
            )
        async with database.engine.begin() as connection:
            await connection.run_sync(lambda sync: _replace(sync, content, now, told, may_replace=replace))
    async with database.read() as tx:
        return await verify(tx)


def _write(connection: Connection, target: Path | BinaryIO, now: datetime, told: Told) -> int:
    schema = runner.present(connection)
    if schema is None:
        raise ConfigurationError("There is nothing to back up: the database has no schema of Liaison yet.")
    with file.writing(target, Head(schema, now)) as writer:
        for table in _tables(connection):
            if table.name in DERIVED:
                continue
            columns = list(table.columns)
            documents = [isinstance(column.type, JSON) for column in columns]
            writer.table(table.name, [column.name for column in columns])
            rows = connection.execution_options(yield_per=FETCHED).execute(
                select(table).order_by(*table.primary_key.columns)
            )
            for row in rows:
                pairs = zip(row, documents, strict=True)
                writer.row([Document(v) if is_document and v is not None else v for v, is_document in pairs])
                if writer.rows % FETCHED == 0:
                    told(table.name, writer.rows)
        return writer.rows


def _replace(
    connection: Connection, content: Reader, now: datetime, told: Told, *, may_replace: bool
) -> None:
    runner.lock(connection)
    if runner.present(connection) is not None:
        _may_go(connection, now, may_replace=may_replace)
        runner.to(connection, "base")
    runner.to(connection, content.head.schema)
    _fill(connection, content, told)
    runner.to(connection, "head")


def _may_go(connection: Connection, now: datetime, *, may_replace: bool) -> None:
    tables = {table.name: table for table in _tables(connection)}
    if not may_replace:
        for table in tables.values():
            if connection.execute(select(table).limit(1)).first() is not None:
                raise NotEmpty(
                    "The database is not empty, and was left as it is. Name an empty one with "
                    "LIAISON_DATABASE_URL, or say --replace, and its rows are lost."
                )
    if (holder := _in_use_by(connection, tables, now)) is not None:
        raise InUse(f"A process works on this database ({holder}): stop all of Liaison, then restore.")


def _in_use_by(connection: Connection, tables: dict[str, Table], now: datetime) -> str | None:
    """Whoever holds a lease, of either kind; on PostgreSQL also processes that hold none, as gateways do."""
    is_shared = connection.dialect.name == "postgresql"
    at = now if is_shared else now.astimezone(UTC).replace(tzinfo=None)
    leases, endpoints = tables["leases"].c, tables["endpoints"].c
    asked: list[Executable] = [
        select(leases.holder).where(leases.expires_at > at),
        select(endpoints.lease_holder).where(endpoints.lease_until > at),
    ]
    if is_shared:
        asked.append(text(_PROCESSES).bindparams(process=PROCESS))
    found = (connection.execute(one).scalar() for one in asked)
    return next((holder for holder in found if holder is not None), None)


def _fill(connection: Connection, content: Reader, told: Told) -> None:
    done = 0
    known = {table.name: table for table in _tables(connection)}
    for table, columns, rows in _batches(content):
        into = known.get(table)
        for column in columns:
            if into is not None and column not in into.columns and runner.add_kept(connection, table, column):
                into = known[table] = next(one for one in _tables(connection) if one.name == table)
        if into is None or not set(columns) <= set(into.columns.keys()):
            raise BadBackup(f"The backup holds a table {table!r} that is not of its schema.")
        values = [
            {name: _value(into, name, value) for name, value in zip(columns, row, strict=True)}
            for row in rows
        ]
        try:
            connection.execute(insert(into), values)
        except SQLAlchemyError as error:
            raise BadBackup(f"Rows of the table {table!r} do not fit: {type(error).__name__}.") from error
        done += len(rows)
        told(table, done)
    if connection.dialect.name == "postgresql":
        for each in known.values():
            _go_on_counting(connection, each)


def _batches(content: Reader) -> Iterator[tuple[str, tuple[str, ...], list[file.Row]]]:
    """Rows of one table, at most INSERTED at once."""
    table: file.Table | None = None
    batch: list[file.Row] = []
    for item in content:
        if isinstance(item, file.Table) or len(batch) == INSERTED:
            if table is not None and batch:
                yield table.name, table.columns, batch
            batch = []
        if isinstance(item, file.Table):
            table = item
        else:
            batch.append(item)
    if table is not None and batch:
        yield table.name, table.columns, batch


def _value(table: Table, column: str, value: Any) -> Any:
    if isinstance(value, Document):
        return value.value
    if isinstance(value, datetime) and not getattr(table.columns[column].type, "timezone", False):
        return value.replace(tzinfo=None)  # SQLite, where every instant is in UTC
    return value


def _go_on_counting(connection: Connection, table: Table) -> None:
    """Numbers that PostgreSQL gives go on after the highest that was restored."""
    for column in table.primary_key.columns:
        if not isinstance(column.type, Integer):
            continue
        counter = connection.execute(
            text("SELECT pg_get_serial_sequence(:table, :column)"),
            {"table": table.name, "column": column.name},
        ).scalar()
        highest = connection.execute(select(func.max(column))).scalar()
        if counter is not None and highest is not None:
            connection.execute(
                text("SELECT setval(:counter, :value)"), {"counter": counter, "value": highest}
            )


def _tables(connection: Connection) -> list[Table]:
    """Every table as it is, in an order in which rows find those that they refer to."""
    metadata = MetaData()
    metadata.reflect(connection)
    for table in metadata.tables.values():
        for column in table.columns:
            if isinstance(column.type, JSON):
                column.type.none_as_null = True  # nothing there, and not a document that says so
    return [table for table in metadata.sorted_tables if table.name != VERSION]
