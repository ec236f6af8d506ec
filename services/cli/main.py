"""The command and its parts."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

import typer

from services.cli import (
    answers,
    backup,
    challenges,
    companies,
    consortia,
    database,
    erasing,
    evaluation,
    ledger,
    operations,
    pairings,
    plans,
    processes,
    searching,
    secrets,
    server,
    subscriptions,
    topics,
)
from services.cli import contracts as contracts_

app = typer.Typer(
    name="liaison",
    help="Challenges of Big Science meet the companies that can answer them.\n\n"
    "Start with `liaison demo`, or `liaison serve` for a server of your own. Commands that talk to a server "
    "find it by LIAISON_URL and speak with LIAISON_KEY.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"liaison {version('liaison')}")
        raise typer.Exit


@app.callback()
def main(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


server.register(app)
processes.register(app)
challenges.register(app)
answers.register(app)
consortia.register(app)
searching.register(app)
companies.register(app)
plans.register(companies.imports)
subscriptions.register(app)
operations.register(app)
backup.register(app)
erasing.register(app)
evaluation.register(app)
app.add_typer(pairings.app, name="pairings")
app.add_typer(ledger.app, name="ledger")
app.add_typer(topics.app, name="topics")
app.add_typer(secrets.app, name="secrets")
app.add_typer(contracts_.app, name="schemas")
app.add_typer(database.app, name="database")
