"""`database`: the schema, for upgrades and for developers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated

import typer

from services.cli.client import Json
from services.cli.output import out, print_json
from services.cli.server import DataDir, database_of, settings_or_fail
from services.kernel.database import Database
from services.migrations import runner

commands = typer.Typer(help="The schema of the database.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(commands, name="database")


@commands.command()
def upgrade(data_dir: DataDir = None, as_json: Json = False) -> None:
    """Bring the database to this release's schema. Every start does so by itself."""
    _tell(_run(data_dir, runner.upgrade), "the database has the schema of this release", as_json=as_json)


@commands.command()
def downgrade(
    revision: Annotated[str, typer.Argument(help="Revision to go back to.")],
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Take the schema back to an older revision. Make a backup first."""
    present = _run(data_dir, lambda database: runner.downgrade(database, revision))
    _tell(present, f"the database is at revision {revision}", as_json=as_json)


@commands.command()
def revise(
    message: Annotated[str, typer.Argument(help="Why, in a few words; becomes the file's name.")],
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """For developers: write a new revision from the difference between database and models."""
    present = _run(data_dir, lambda database: runner.revise(database, message))
    _tell(present, "the revision is written; look it over before you commit it", as_json=as_json)


def _tell(revision: str | None, told: str, *, as_json: bool) -> None:
    """`revision`: which the database is at."""
    if as_json:
        print_json({"revision": revision})
    else:
        out.print(told, highlight=False)


def _run(data_dir: DataDir, work: Callable[[Database], Awaitable[None]]) -> str | None:
    """Do the work; returns the revision that the database is at afterwards, None before the first."""
    settings = settings_or_fail(data_dir=data_dir)

    async def run() -> str | None:
        database = Database(settings.database_url)
        try:
            await work(database)
            async with database.engine.connect() as connection:
                return await connection.run_sync(runner.present)
        finally:
            await database.close()

    with database_of(settings):
        return asyncio.run(run())
