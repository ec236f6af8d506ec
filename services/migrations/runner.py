"""Bringing a database to the shape that this release needs, and telling when it cannot be done."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

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


def _upgrade(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": ADVISORY_LOCK})
    config = _config(connection)
    present = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if present is not None and present not in known:
        raise NewerSchema(
            f"The database is at schema {present}, which this release does not know: it was used by a newer "
            "release of Liaison. Install that release, or restore the backup made before the upgrade."
        )
    command.upgrade(config, "head")


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
