"""Bringing a database to the shape that this release needs, and telling when it cannot be done."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Column, Connection, text

from services.kernel.database import Database
from services.kernel.settings import ConfigurationError
from services.migrations.tables import metadata

ADVISORY_LOCK = 0x6C696169
"""PostgreSQL advisory lock of our migrations ("liai"): of processes that start together one migrates."""


class NewerSchema(ConfigurationError):
    """The database was made by a newer release; an older one must not write into it."""


async def upgrade(database: Database) -> None:
    """Bring the database to the newest revision; does nothing if it is there. Raises `NewerSchema`."""
    async with database.engine.begin() as connection:
        await connection.run_sync(_upgrade)


async def downgrade(database: Database, revision: str) -> None:
    """Take the database back to a revision (`base`: before the first)."""
    async with database.engine.begin() as connection:
        await connection.run_sync(lambda sync: command.downgrade(_config(sync), revision))


async def revise(database: Database, message: str) -> None:
    """Write a new revision from the difference between the database and the models."""
    async with database.engine.begin() as connection:
        await connection.run_sync(
            lambda sync: command.revision(_config(sync), message=message, autogenerate=True)
        )


async def differences(database: Database) -> list[object]:
    """What the migrations leave different from the models; empty when they agree."""
    async with database.engine.begin() as connection:
        return await connection.run_sync(
            lambda sync: list(
                compare_metadata(MigrationContext.configure(sync, opts={"compare_type": True}), metadata)
            )
        )


def revisions() -> set[str]:
    """Every revision that this release knows."""
    return {script.revision for script in ScriptDirectory.from_config(_plain_config()).walk_revisions()}


def present(connection: Connection) -> str | None:
    """The revision that the database is at; None: it has no schema of ours."""
    return MigrationContext.configure(connection).get_current_revision()


def lock(connection: Connection) -> None:
    """Until the transaction ends no other process changes the schema."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": ADVISORY_LOCK})


def to(connection: Connection, revision: str) -> None:
    """Bring the database to a revision: `base`, one later than the present one, or `head`."""
    config = _config(connection)
    if revision == "base":
        command.downgrade(config, revision)
    else:
        command.upgrade(config, revision)


def add_kept(connection: Connection, table: str, name: str) -> bool:
    """Add a column of this release to an older schema, as going back leaves it (0008 keeps the salts, which
    nobody can make again). False: there is no such column, or a row cannot be without it."""
    known = metadata.tables.get(table)
    column = known.columns.get(name) if known is not None else None
    if column is None or not column.nullable:
        return False
    operations = Operations(MigrationContext.configure(connection))
    operations.add_column(table, Column(name, column.type, nullable=True))
    return True


def _upgrade(connection: Connection) -> None:
    lock(connection)
    found = present(connection)
    if found is not None and found not in revisions():
        raise NewerSchema(
            f"The database is at schema {found}, which this release does not know: it was used by a newer "
            "release of Liaison. Install that release, or restore the backup made before the upgrade."
        )
    to(connection, "head")


def _config(connection: Connection) -> Config:
    config = _plain_config()
    config.attributes["connection"] = connection
    return config


def _plain_config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    config.set_main_option("path_separator", "os")
    return config
