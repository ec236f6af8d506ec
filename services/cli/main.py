"""The command and its parts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

ROOMS = {
    "serve": "server",
    "demo": "server",
    "gateway": "processes",
    "worker": "processes",
    "relay": "processes",
    "courier": "processes",
    "announce": "challenges",
    "matches": "matching",
    "stream": "challenges",
    "step": "leading",
    "answer": "answers",
    "feedback": "feedback",
    "consortia": "consortia",
    "pairings": "pairings",
    "dialogue": "dialogue",
    "confirm": "profiles",
    "publish": "profiles",
    "search": "searching",
    "import": "imports",
    "subscribe": "subscriptions",
    "replay": "subscriptions",
    "status": "operations",
    "reindex": "operations",
    "resume": "operations",
    "dead-letters": "operations",
    "backup": "backup",
    "restore": "backup",
    "erase": "erasing",
    "evaluate": "evaluation",
    "ledger": "ledger",
    "secrets": "secrets",
    "topics": "topics",
    "schemas": "contracts",
    "database": "database",
}
"""Which module registers a command: in the order of the help."""


class _Commands(Mapping[str, Any]):
    """A command's module is imported when the command is wanted: all of them together take seconds, and who
    asks for a status should not wait for what writes migrations."""

    def __iter__(self) -> Iterator[str]:
        return iter(ROOMS)

    def __len__(self) -> int:
        return len(ROOMS)

    def __contains__(self, name: object) -> bool:
        return name in ROOMS

    def __getitem__(self, name: str) -> Any:
        room = typer.Typer(rich_markup_mode="markdown", pretty_exceptions_enable=False)
        import_module(f"services.cli.{ROOMS[name]}").register(room)
        return get_group(room).commands[name]


class _Liaison(TyperGroup):
    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.commands = _Commands()  # type: ignore[assignment]  # it is only read


app = typer.Typer(
    name="liaison",
    cls=_Liaison,
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
