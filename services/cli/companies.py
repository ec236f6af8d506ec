"""`import companies`: profiles from a file that somebody already has."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from services.cli.client import Json, Key, Url, connected
from services.cli.output import EXIT_FAILED, EXIT_USAGE, fail, out, print_json, print_table, progress

SUFFIXES = (".csv", ".xlsx", ".jsonl")
PROBLEMS_SHOWN = 50
"""The rest is counted; `--json` prints all."""


def companies(
    file: Annotated[
        Path, typer.Argument(help="CSV, Excel (.xlsx) or JSON lines.", exists=True, dir_okay=False)
    ],
    owner: Annotated[
        str | None, typer.Option(help="For administrators: handle of the organisation they belong to.")
    ] = None,
    draft: Annotated[
        bool,
        typer.Option(
            "--draft", help="Keep what is new as drafts; `liaison publish`, or the same file without this."
        ),
    ] = False,
    url: Url = "http://localhost:8000",
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Create or update profiles from a file.

    Columns are recognised by their names, in several languages. Rows that cannot be read are listed with
    line and reason, and make the command end with 1; all others are imported. Importing the same file again
    changes nothing.
    """
    if file.suffix.lower() not in SUFFIXES:
        fail(f"{file.name}: name a file that ends in {', '.join(SUFFIXES)}.", EXIT_USAGE)
    with connected(url, key) as client, progress(f"importing {file.name}") as advance:
        result = client.upload_telling(
            advance,
            "/v1/companies/import",
            file.name,
            file.read_bytes(),
            owner=owner,
            draft=True if draft else None,
        )
    if as_json:
        print_json(result)
    else:
        _tell(result)
    if result["problems"]:
        raise typer.Exit(EXIT_FAILED)


def _tell(result: dict[str, Any]) -> None:
    counts = ", ".join(f"{result[name]} {name}" for name in ("created", "updated", "unchanged"))
    out.print(f"[bold]{counts}[/bold]", highlight=False)
    shown = result["problems"][:PROBLEMS_SHOWN]
    if shown:
        rows = [(one["line"], escape(one["reason"])) for one in shown]
        print_table(("row", "reason"), rows, empty="")
    if result["problem_count"] > len(shown):
        out.print(f"… and {result['problem_count'] - len(shown)} more")
