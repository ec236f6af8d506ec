"""`ledger`: has anything been changed, removed or moved? And proof for somebody outside."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncSession

from services.cli.client import Json
from services.cli.output import EXIT_USAGE, err, fail, out, print_json, print_line
from services.cli.server import DataDir, database_of, settings_or_fail
from services.kernel.clock import SystemClock
from services.kernel.journal import checkpoint as checkpoints
from services.kernel.journal.reading import Verdict, hashes
from services.kernel.journal.reading import verify as verify_chain
from services.kernel.settings import ConfigurationError, Settings

commands = typer.Typer(help="The hash-chained ledger of every event.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(commands, name="ledger")


T = TypeVar("T")

ERASED_SHOWN = 20
"""Positions named; more are counted."""


@commands.command()
def verify(data_dir: DataDir = None, as_json: Json = False) -> None:
    """Check the whole chain, and print the first entry that does not fit.

    Reads the database of the settings directly; a server may be running.
    """
    verdict = _read(settings_or_fail(data_dir=data_dir), verify_chain)
    if as_json:
        print_json(
            {
                "entries": verdict.entries,
                "head": verdict.head,
                "broken_at": verdict.broken_at,
                "erased": list(verdict.erased),
            }
        )
    _whole(verdict)
    if not as_json:
        out.print(f"{verdict.entries} entries, unbroken; head {verdict.head}", highlight=False)
        if verdict.erased:
            shown = ", ".join(str(one) for one in verdict.erased[:ERASED_SHOWN])
            more = (
                f" and {len(verdict.erased) - ERASED_SHOWN} more"
                if len(verdict.erased) > ERASED_SHOWN
                else ""
            )
            out.print(f"words were erased from entries {shown}{more}, as the ledger tells", highlight=False)


@commands.command()
def export(data_dir: DataDir = None) -> None:
    """Print a signed checkpoint of the ledger as it is now: one line of JSON, for somebody outside to keep.

    The whole chain is checked before. `liaison ledger export >> checkpoints.jsonl` collects them; the public
    key is told on stderr, for whoever keeps them to write down.
    """
    from services.kernel.secrets_folder import ledger_key

    settings = settings_or_fail(data_dir=data_dir)
    verdict = _read(settings, verify_chain)
    _whole(verdict)
    if not verdict.entries:
        fail("The ledger has no entries yet; there is nothing to sign.")
    try:
        key = ledger_key(settings)
    except ConfigurationError as error:
        fail(str(error), EXIT_USAGE)
    made = checkpoints.sign(key, position=verdict.entries, hash_=verdict.head, now=SystemClock().now())
    print_line(made.as_json())
    err.print(f"public key {made.key}", highlight=False, soft_wrap=True)


@commands.command()
def check(
    file: Annotated[Path, typer.Argument(help="Checkpoints, as `liaison ledger export` printed them.")],
    key: Annotated[
        list[str] | None,
        typer.Option(
            help="Public key that must have signed them, in base64; say it again for a key before or after a "
            "rotation. Default: any, told."
        ),
    ] = None,
    alone: Annotated[
        bool,
        typer.Option(
            "--alone",
            help="Without the ledger, for whoever has only the file: signatures, keys, each other.",
        ),
    ] = False,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Prove that the ledger of today leads through every checkpoint.

    Then nothing up to there was changed, removed, moved, or written anew. That takes the database. Whoever
    keeps checkpoints outside has none, and proves with --alone that each was signed by the key that they were
    told, and that all are of one ledger that only grew; whoever runs Liaison must then show, on demand, that
    its ledger leads through them.
    """
    try:
        kept = checkpoints.read(file.read_bytes().splitlines())
    except OSError as error:
        fail(f"{file} cannot be read: {error.strerror}.", EXIT_USAGE)
    except checkpoints.BadCheckpoint as error:
        fail(f"{file}: {error}")
    keys = sorted({one.key for one in kept})
    if key and (others := [one for one in keys if one not in key]):
        fail(
            f"{file} holds checkpoints signed by another key: {', '.join(others)}. If the ledger's key was "
            "rotated, name both with --key; whoever runs it tells the new one."
        )

    if (wrong := checkpoints.inconsistency(kept)) is not None:
        fail(f"{file} holds checkpoints of different ledgers: {wrong}.")
    newest = max(one.position for one in kept)
    if alone:
        if as_json:
            print_json({"checkpoints": len(kept), "newest": newest, "keys": keys})
        else:
            out.print(
                f"{len(kept)} checkpoints, signed by {', '.join(keys)}, of one ledger that grew to {newest} "
                "entries",
                highlight=False,
                soft_wrap=True,
            )
        return

    async def look(tx: AsyncSession) -> tuple[Verdict, dict[int, str]]:
        return await verify_chain(tx), await hashes(tx, {one.position for one in kept})

    verdict, found = _read(settings_or_fail(data_dir=data_dir), look)
    wrong = checkpoints.contradiction(kept, found)
    if as_json:
        print_json(
            {
                "checkpoints": len(kept),
                "newest": newest,
                "keys": keys,
                "entries": verdict.entries,
                "broken_at": verdict.broken_at,
                "contradiction": wrong,
            }
        )
    _whole(verdict)
    if wrong is not None:
        fail(f"The ledger is not the one that was signed: {wrong}.")
    if not as_json:
        out.print(
            f"{len(kept)} checkpoints, signed by {', '.join(keys)}: the ledger of {verdict.entries} entries "
            "leads through each",
            highlight=False,
            soft_wrap=True,
        )


def _whole(verdict: Verdict) -> None:
    if verdict.broken_at is not None:
        fail(f"The ledger is broken at entry {verdict.broken_at}: {verdict.reason}.")


def _read(settings: Settings, look: Callable[[AsyncSession], Awaitable[T]]) -> T:
    """What `look` finds in one reading transaction, while a person waits."""
    from services.kernel.database import Database

    file = make_url(settings.database_url)
    if file.get_backend_name() == "sqlite" and not Path(file.database or "").is_file():
        fail(
            f"There is no database at {file.database}. `liaison serve` makes one; --data-dir names another.",
            EXIT_USAGE,
        )

    async def work() -> T:
        database = Database(settings.database_url)
        try:
            async with database.read() as tx:
                return await look(tx)
        finally:
            await database.close()

    with database_of(settings), err.status("verifying"):
        return asyncio.run(work())
