"""`erase`: words that must go, such as the name of a person, taken out of everything that is kept."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer
from rich.markup import escape

from services.cli.client import Json
from services.cli.output import EXIT_USAGE, err, fail, out, print_json, print_table, progress
from services.cli.server import DataDir, database_of, settings_or_fail
from services.kernel.clock import SystemClock
from services.kernel.database import Database

REASON = "at the request of the person"

AFTERWARDS = (
    "Now restart every process, since they keep profiles and events in memory, then run `liaison reindex`. "
    "deploy/OPERATIONS.md, “Erase a person”, has what is left: Kafka, backups, those who were told."
)


def register(app: typer.Typer) -> None:
    app.command()(erase)


def erase(
    words: Annotated[
        list[str],
        typer.Argument(help="A name or address, each spelling by itself, e.g. “Jane Doe” “J. Doe”."),
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Do it. Without, only the places are counted.")] = False,
    reason: Annotated[
        str, typer.Option(help="Kept in the ledger for good: must not name the person.")
    ] = REASON,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Take words out of every text that is kept: each of their characters becomes a █.

    Versions, events, suggestions, webhooks that are kept, notes, labels. The ledger stays whole and tells
    which entries were changed, and why. It cannot be undone: make a backup before, and let it expire.
    """
    from services.bootstrap.adapters import open_database
    from services.erasure import erase as erasing
    from services.erasure.words import TooShort, Words

    settings = settings_or_fail(data_dir=data_dir)
    try:
        wanted = Words(words)
        if wanted.stand_in(reason):
            fail("The reason names what is to be erased, and is kept for good: say it otherwise.", EXIT_USAGE)
    except TooShort as error:
        fail(str(error), EXIT_USAGE)

    async def work(database: Database) -> erasing.Found:
        if not yes:
            return await erasing.find(database, wanted)
        done = erasing.Found()
        with progress("erasing") as advance:
            async for some in erasing.erase(database, SystemClock(), wanted, reason=reason):
                for table, rows in some.rows.items():
                    done.rows[table] = done.rows.get(table, 0) + rows
                advance(done.total)
        done.waiting = (await erasing.find(database, wanted)).total
        return done

    async def run() -> erasing.Found:
        database = open_database(settings)
        try:
            return await work(database)
        finally:
            await database.close()

    try:
        with database_of(settings):
            found = asyncio.run(run())
    except erasing.BrokenLedger as error:
        fail(str(error))
    if as_json:
        print_json({"erased": yes, "rows": found.rows, "left": found.waiting if yes else found.total})
    elif found.rows or not found.waiting:
        print_table(
            ("table", "rows"),
            [(escape(table), rows) for table, rows in sorted(found.rows.items())],
            empty="These words are kept nowhere, as whole words in this spelling.",
        )
    if yes and found.waiting:
        fail(f"{found.waiting} rows hold the words again or were just written: run this once more.")
    if not as_json:
        if yes and found.rows:
            out.print(AFTERWARDS, highlight=False)
        elif found.rows:
            err.print("Nothing was changed. With --yes the words are taken out of these.", highlight=False)
