"""`database`: the schema, for upgrades and for developers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated

import typer

from services.cli.output import out
from services.cli.server import DataDir, database_of, settings_or_fail
from services.kernel.database import Database
from services.migrations import runner

commands = typer.Typer(help="The schema of the database.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(commands, name="database")


@commands.command()
def upgrade(data_dir: DataDir = None) -> None:
    """Bring the database to this release's schema. Every start does so by itself."""
    _run(data_dir, runner.upgrade)
    out.print("the database has the schema of this release")


@commands.command()
def downgrade(
    revision: Annotated[str, typer.Argument(help="Revision to go back to.")], data_dir: DataDir = None
) -> None:
    """Take the schema back to an older revision. Make a backup first."""
    _run(data_dir, lambda database: runner.downgrade(database, revision))
    out.print(f"the database is at revision {revision}")


@commands.command()
def revise(
    message: Annotated[str, typer.Argument(help="Why, in a few words; becomes the file's name.")],
    data_dir: DataDir = None,
) -> None:
    """For developers: write a new revision from the difference between database and models."""
    _run(data_dir, lambda database: runner.revise(database, message))


def _run(data_dir: DataDir, work: Callable[[Database], Awaitable[None]]) -> None:
    settings = settings_or_fail(data_dir=data_dir)

    async def run() -> None:
        database = Database(settings.database_url)
        try:
            await work(database)
        finally:
            await database.close()

    with database_of(settings):
        asyncio.run(run())
