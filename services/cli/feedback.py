"""`feedback`: what a company's own answers change in its own list, and how to begin anew."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.markup import escape

from services.cli.client import Json, Key, Url, connected
from services.cli.output import out, print_json, print_table


def register(app: typer.Typer) -> None:
    app.command()(feedback)


def feedback(
    company: Annotated[str, typer.Argument(help="Id of the company (cmp_…).")],
    reset: Annotated[
        bool,
        typer.Option("--reset", help="Begin anew: answers given so far stay, and move nothing any more."),
    ] = False,
    url: Url = "http://localhost:8000",
    key: Key = None,
    as_json: Json = False,
) -> None:
    """What a company's answers move, in its own list, alerts and digests alone.

    No score changes, and nobody else's list does.

        liaison feedback cmp_…
        liaison feedback cmp_… --reset
    """
    path = f"/v1/companies/{company}/feedback"
    with connected(url, key) as client:
        if reset:
            client.delete(path)
        shown = client.get(path)
    if as_json:
        print_json(shown)
        return
    print_table(
        ("moved by", "score", "challenge", "because of"),
        [
            (f"{one['by']:+.2f}", f"{one['score']:.2f}", escape(one["title"]), escape(one["like"]))
            for one in shown["moved"]
        ],
        empty="Nothing stands elsewhere than its score puts it.",
    )
    print_table(
        ("answer", "speaks", "challenge"),
        [(_said(one), _speaks(one["says"]), escape(one["title"])) for one in shown["answers"]],
        empty=_none(shown["since"]),
    )
    out.print(
        f"An answer moves a suggestion by {shown['most']:.2f} at the most.", style="dim", highlight=False
    )


def _said(answer: dict[str, Any]) -> str:
    reason = answer.get("reason")
    return answer["answer"] if reason is None else f"{answer['answer']}: {reason}"


def _speaks(says: float) -> str:
    if says == 0:
        return "of something else"
    return "for such challenges" if says > 0 else "against such challenges"


def _none(since: str | None) -> str:
    if since is not None:
        return f"No answer counts: you began anew on {since[:10]}."
    return "No answer yet. Give one with `liaison answer mat_… --interested`."
