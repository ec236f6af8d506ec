"""`search`: challenges, companies and capabilities, by words and meaning."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.markup import escape

from schemas.search import SearchKind
from services.cli.client import Json, Key, Url, connected
from services.cli.output import err, out, print_json, print_table, short, staleness


def register(app: typer.Typer) -> None:
    app.command()(search)


def search(
    words: Annotated[list[str], typer.Argument(help="Words or a sentence, in any language of the EU.")],
    kind: Annotated[SearchKind | None, typer.Option(help="Only these.")] = None,
    country: Annotated[str | None, typer.Option(help="ISO 3166-1 alpha-2, e.g. FR.")] = None,
    cpv: Annotated[str | None, typer.Option(help="The beginning of a CPV code, e.g. 384.")] = None,
    stage: Annotated[str | None, typer.Option(help="Stage of the lifecycle, e.g. manufacturing.")] = None,
    trl_min: Annotated[int | None, typer.Option(min=1, max=9, help="Readiness, at least.")] = None,
    trl_max: Annotated[int | None, typer.Option(min=1, max=9, help="Readiness, at most.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="At most so many.")] = 20,
    url: Url = "http://localhost:8000",
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Find open challenges, and the companies and capabilities that you may read.

    Slips of the pen are seen through, other languages too; each result says which words it was found for.

        liaison search cryogenic pressure sensor
        liaison search Vakuumkammer --kind capability --country DE
    """
    asked = {
        "q": " ".join(words),
        "kind": kind.value if kind else None,
        "country": country,
        "cpv": cpv,
        "stage": stage,
        "trl_min": trl_min,
        "trl_max": trl_max,
        "limit": limit,
    }
    with connected(url, key) as client:
        answer = client.get("/v1/search", **asked)
    if as_json:
        print_json(answer)
        return
    for one in answer["spelling"]:
        err.print(f"{one['word']} is read as {one['read_as']}", style="dim", highlight=False)
    print_table(
        ("", "what", "name", "found in"),
        [
            (
                f"{one['relevance']:.2f}",
                one["kind"],
                escape(one["name"]) + staleness(one.get("profile")),
                _why(one["found_in"][0]) if one["found_in"] else "",
            )
            for one in answer["items"]
        ],
        empty=_nothing(answer),
    )
    if answer["total"] > len(answer["items"]):
        out.print(f"{answer['total']} in all", style="dim")


def _why(text: dict[str, Any]) -> str:
    words = ", ".join(dict.fromkeys(word["word"] for word in text["words"]))
    return escape(f"{short(text['text'])} ({text['by']}{f': {words}' if words else ''})")


def _nothing(answer: dict[str, Any]) -> str:
    kept = "; ".join(f"without the {one['label']} {one['count']}" for one in answer["without"])
    if kept:
        return f"Nothing is found with all of these filters: {kept}."
    return "Nothing like that is here. Try fewer words, or say what it is rather than what it is called."
