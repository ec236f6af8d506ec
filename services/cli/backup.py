"""`backup` and `restore`: the whole database in one file."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from sqlalchemy.exc import DBAPIError

from services.cli.client import Json
from services.cli.output import EXIT_USAGE, err, fail, out, print_json, progress
from services.cli.server import DataDir, settings_or_fail
from services.kernel.clock import SystemClock
from services.kernel.problems import TransientError
from services.kernel.settings import ConfigurationError

T = TypeVar("T")

STANDARD = Path("-")
"""Stdout or stdin: where containers can write nothing, and files are somebody else's."""


def register(app: typer.Typer) -> None:
    app.command()(backup)
    app.command()(restore)


def backup(
    file: Annotated[
        Path, typer.Argument(help="The file to write, e.g. liaison-2027-02-01.backup; - for stdout.")
    ],
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Write the whole database into one file, as of one moment; the service goes on meanwhile.

    The file restores into SQLite and PostgreSQL alike. Vectors are left out: they are derived. Not in it
    are the encryption keys: keep `secrets/` of the data folder, or LIAISON_ENCRYPTION_KEYS, in another safe
    place; without them the signing secrets of webhooks cannot be opened.
    """
    from services.backup.tables import backup as write

    settings = settings_or_fail(data_dir=data_dir)
    if file == STANDARD and sys.stdout.isatty():
        fail("A backup is no text: send it into a file, `liaison backup - > FILE`.", EXIT_USAGE)
    target = sys.stdout.buffer if file == STANDARD else file

    async def work(told: Callable[[str, int], None]) -> int:
        from services.bootstrap.adapters import open_database

        database = open_database(settings)
        try:
            return await write(database, target, now=SystemClock().now(), told=told)
        finally:
            await database.close()

    with progress("writing") as advance:
        rows = _told(lambda: work(lambda table, done: advance(done, description=f"writing {table}")))
    told = err if file == STANDARD else out  # stdout is the backup
    if as_json and told is out:
        print_json({"rows": rows, "file": str(file)})
    else:
        told.print(f"{rows} rows in {'the backup' if file == STANDARD else file}", highlight=False)


def restore(
    file: Annotated[Path, typer.Argument(help="A file that `liaison backup` wrote; - for stdin.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Give up what the database holds. Stop all of Liaison before.")
    ] = False,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Fill an empty database from a backup, and bring it to this release's schema.

    Afterwards start Liaison with the encryption keys of the time of the backup. What the index lacks is
    written anew by itself; over an index of another time run `liaison reindex`.
    """
    from services.backup.tables import restore as fill
    from services.kernel.journal.reading import Verdict

    settings = settings_or_fail(data_dir=data_dir)
    source = sys.stdin.buffer if file == STANDARD else file

    async def work(told: Callable[[str, int], None]) -> Verdict:
        from services.bootstrap.adapters import open_database

        database = open_database(settings)
        try:
            return await fill(database, source, now=SystemClock().now(), replace=replace, told=told)
        finally:
            await database.close()

    with progress("restoring") as advance:
        verdict = _told(lambda: work(lambda table, done: advance(done, description=f"restoring {table}")))
    if as_json:
        print_json(
            {
                "entries": verdict.entries,
                "head": verdict.head,
                "broken_at": verdict.broken_at,
                "reason": verdict.reason,
            }
        )
    if verdict.broken_at is not None:
        fail(f"Restored, but the ledger is broken at entry {verdict.broken_at}: {verdict.reason}.")
    if not as_json:
        out.print(f"restored; the ledger has {verdict.entries} entries, head {verdict.head}", highlight=False)


def _told(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """What comes of the work; what goes wrong is a sentence."""
    from services.backup.file import BadBackup

    try:
        return asyncio.run(work())
    except ConfigurationError as error:
        fail(str(error), EXIT_USAGE)
    except FileExistsError as error:
        fail(f"{error}, and was left as it is. Name another file.", EXIT_USAGE)
    except DBAPIError as error:
        fail(f"The database answers: {error.orig}.")
    except (BadBackup, TransientError, OSError) as error:
        fail(str(error))
