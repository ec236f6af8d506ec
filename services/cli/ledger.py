"""`ledger verify`: has anything been changed, removed or moved?"""

from __future__ import annotations

import asyncio
from pathlib import Path

import typer
from sqlalchemy.engine import make_url

from services.cli.client import Json
from services.cli.output import EXIT_USAGE, err, fail, out, print_json
from services.cli.server import DataDir, database_of, settings_or_fail
from services.kernel.journal.reading import Verdict
from services.kernel.journal.reading import verify as verify_chain

app = typer.Typer(help="The hash-chained ledger of every event.", no_args_is_help=True)


@app.command()
def verify(data_dir: DataDir = None, as_json: Json = False) -> None:
    """Check the whole chain, and print the first entry that does not fit.

    Reads the database of the settings directly; a server may be running.
    """
    settings = settings_or_fail(data_dir=data_dir)
    file = make_url(settings.database_url)
    if file.get_backend_name() == "sqlite" and not Path(file.database or "").is_file():
        fail(
            f"There is no database at {file.database}. `liaison serve` makes one; --data-dir names another.",
            EXIT_USAGE,
        )
    with database_of(settings), err.status("verifying"):
        verdict = asyncio.run(_verify(settings.database_url))
    if as_json:
        print_json({"entries": verdict.entries, "head": verdict.head, "broken_at": verdict.broken_at})
    if verdict.broken_at is not None:
        fail(f"The ledger is broken at entry {verdict.broken_at}: {verdict.reason}.")
    if not as_json:
        out.print(f"{verdict.entries} entries, unbroken; head {verdict.head}", highlight=False)


async def _verify(url: str) -> Verdict:
    from services.kernel.database import Database

    database = Database(url)
    try:
        async with database.read() as tx:
            return await verify_chain(tx)
    finally:
        await database.close()
