"""`secrets`: keys of the installation, and what they seal."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated

import typer

from services.cli.client import Json
from services.cli.output import fail, out, print_json, progress
from services.cli.server import DataDir, database_of, settings_or_fail
from services.kernel.resealing import Resealed
from services.kernel.security import SecretBox
from services.kernel.settings import Settings

commands = typer.Typer(help="Keys of the installation, and what they seal.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(commands, name="secrets")


LOST_SHOWN = 20
"""Rows named that no key opens; more are counted."""


class Kind(StrEnum):
    encryption = "encryption"
    ledger = "ledger"


@commands.command(name="new-key")
def new_key(
    kind: Annotated[
        Kind, typer.Argument(help="encryption: for LIAISON_ENCRYPTION_KEYS; ledger: for LIAISON_LEDGER_KEY.")
    ],
) -> None:
    """Print a fresh key. It is kept nowhere."""
    from services.kernel.journal import checkpoint

    typer.echo(SecretBox.new_key() if kind is Kind.encryption else checkpoint.new_key())


@commands.command()
def reseal(data_dir: DataDir = None, as_json: Json = False) -> None:
    """Seal every secret in the database anew under the first of the encryption keys.

    For a key that is to go: put the new one in front of it, restart every process, then run this beside them.
    Stopped in between, it may be run again. When it ends well, nothing needs the other keys any more.
    """
    from services.kernel.secrets_folder import server_secrets

    settings = settings_or_fail(data_dir=data_dir)
    with database_of(settings), progress("sealing secrets anew") as advance:
        box = server_secrets(settings).box
        done = asyncio.run(_reseal(settings, box, advance))
    if as_json:
        print_json({"seen": done.seen, "renewed": done.renewed, "lost": list(done.lost)})
    if done.lost:
        more = f" and {len(done.lost) - LOST_SHOWN} more" if len(done.lost) > LOST_SHOWN else ""
        fail(
            f"None of the keys opens what is sealed in {', '.join(done.lost[:LOST_SHOWN])}{more}. Add the "
            "key that did to LIAISON_ENCRYPTION_KEYS and run this again; if it is lost, the owners must make "
            "new secrets (board, Settings)."
        )
    if not as_json:
        out.print(
            f"{done.renewed} secrets sealed anew; all of {done.seen} rows are under the first key, the other "
            "keys may go",
            highlight=False,
        )


async def _reseal(settings: Settings, box: SecretBox, advance: Callable[[int], None]) -> Resealed:
    from services.bootstrap.adapters import open_database
    from services.courier.resealing import reseal_endpoints
    from services.kernel.installation import check_keys
    from services.kernel.web.resealing import reseal_answers

    database = open_database(settings)
    seen, renewed = 0, 0
    lost: list[str] = []
    try:
        await check_keys(database, box)
        for of_room in (reseal_endpoints, reseal_answers):
            async for some in of_room(database, box):
                seen, renewed = seen + some.seen, renewed + some.renewed
                lost += some.lost
                advance(seen)
    finally:
        await database.close()
    return Resealed(seen, renewed, tuple(lost))
