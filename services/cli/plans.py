"""`import plan`: what a buyer means to buy in the coming years, from the file it has."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from schemas.challenge import DraftReaders
from services.cli.client import Json, Key, Url, connected
from services.cli.companies import PROBLEMS_SHOWN, SUFFIXES
from services.cli.output import EXIT_FAILED, EXIT_USAGE, err, fail, out, print_json, print_table


def plan(
    file: Annotated[
        Path, typer.Argument(help="CSV, Excel (.xlsx) or JSON lines.", exists=True, dir_okay=False)
    ],
    buyer: Annotated[str, typer.Option(help="Handle of the buyer, e.g. `cern`.")],
    name: Annotated[
        str | None, typer.Option(help="Of the plan; the same name again updates it. Default: the file's.")
    ] = None,
    readers: Annotated[
        DraftReaders, typer.Option(help="Who may read its needs, where a row does not say.")
    ] = DraftReaders.buyers,
    language: Annotated[str | None, typer.Option(help="Of rows that name none; default `en`.")] = None,
    url: Url = "http://localhost:8000",
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Bring in an investment plan: every row becomes a draft of a challenge.

    Needs that other buyers may read are looked at for buyers to buy together with. Rows that cannot be read
    are listed with line and reason, and make the command end with 1; all others are imported. Importing the
    plan again updates it. `GET /v1/plans/template` has a file to fill in.

        liaison import plan plan-2027.xlsx --buyer cern --readers buyers
    """
    if file.suffix.lower() not in SUFFIXES:
        fail(f"{file.name}: name a file that ends in {', '.join(SUFFIXES)}.", EXIT_USAGE)
    with connected(url, key) as client, err.status(f"importing {file.name}"):
        result = client.upload(
            "/v1/plans/import",
            file.name,
            file.read_bytes(),
            name=name or file.stem,
            buyer=buyer,
            readers=readers.value,
            language=language,
        )
    if as_json:
        print_json(result)
    else:
        counts = ", ".join(f"{result[what]} {what}" for what in ("created", "updated", "unchanged", "absent"))
        out.print(f"[bold]{escape(result['plan']['name'])}[/bold]: {counts}", highlight=False)
        shown = result["problems"][:PROBLEMS_SHOWN]
        if shown:
            print_table(("row", "reason"), [(one["line"], escape(one["reason"])) for one in shown], empty="")
        if result["problem_count"] > len(shown):
            out.print(f"… and {result['problem_count'] - len(shown)} more")
    if result["problems"]:
        raise typer.Exit(EXIT_FAILED)
