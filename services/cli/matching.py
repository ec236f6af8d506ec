"""`matches`: who answers a challenge, what a company answers, and one match in full."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.markup import escape

from services.cli.client import Json, Key, Url, connected
from services.cli.output import bar, out, print_json, print_table, short, staleness

GATE_SIGNS = {"passed": "✓", "failed": "✕", "unknown": "?"}


def register(app: typer.Typer) -> None:
    app.command()(matches)


def matches(
    about: Annotated[
        str, typer.Argument(help="Id of a challenge (chl_…), of a company (cmp_…), or of one match (mat_…).")
    ],
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 50,
    ids: Annotated[bool, typer.Option("--ids", help="A line each with its id, e.g. to answer it.")] = False,
    url: Url = "http://localhost:8000",
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Who answers a challenge, or which open challenges a company answers, best first; or one match in full:
    what answers each requirement, and what would change the score.

        liaison matches chl_…
        liaison matches cmp_… --ids
        liaison matches mat_…
    """
    if about.startswith("mat_"):
        with connected(url, key) as client:
            match = client.get(f"/v1/matches/{about}")
        if as_json:
            print_json(match)
        else:
            _print_match(match)
        return
    of_company = about.startswith("cmp_")
    kind, other = ("companies", "challenge") if of_company else ("challenges", "company")
    with connected(url, key) as client:
        found = list(client.pages(f"/v1/{kind}/{about}/matches", at_most=limit))
    if as_json:
        print_json(found)
        return
    if ids:
        for one in found:
            _say(f"{one['id']}  {one['score']:.2f}  {_other_side(one, of_company)}")
        return
    print_table(
        ("score", "", "right in the trial", other, "why"),
        [
            (
                f"{one['score']:.2f}",
                bar(one["score"]),
                "" if one.get("likelihood") is None else f"{one['likelihood']:.1%}",
                escape(_other_side(one, of_company)),
                escape(one["headline"]),
            )
            for one in found
        ],
        empty="No suggestions yet. They appear when a profile answers a requirement; the more specific the "
        "capabilities, the better.",
    )
    page = found[0].get("scoring_page") if found else None
    if page is not None:
        out.print(f"How a score comes about: {page}", style="dim", highlight=False, soft_wrap=True)


def _other_side(one: dict[str, Any], of_company: bool) -> str:
    if of_company:
        return f"{one['challenge']['title']} ({one['challenge']['buyer_name']})"
    company = f"{one['company']['name']} ({one['company']['country']})"
    return company + staleness(one.get("profile"))


def _print_match(match: dict[str, Any]) -> None:
    """`match`: as GET /v1/matches/{id} answers."""
    challenge, company = match["challenge"], match["company"]
    likelihood = match.get("likelihood")
    worth = "" if likelihood is None else f"  {likelihood:.1%} of such were right in the trial"
    _say(f"{challenge['title']} ({challenge['buyer_name']}), until {challenge['deadline']}")
    _say(f"{company['name']} ({company['country']}), {match['state']}")
    _say(f"{match['score']:.2f}  {bar(match['score'])}{worth}")
    _say(match["headline"])
    _say("")
    width = max((len(one["id"]) for one in match["requirements"]), default=0)
    for one in match["requirements"]:
        must = "must: " if one["mandatory"] else ""
        _say(f"{one['id']:{width}}  {one['score']:.2f}  {bar(one['score']):10}  {must}{short(one['text'])}")
        _say(f"{'':{width}}                    {_answer(one['answered_by'])}", style="dim")
    if not match["requirements"]:
        _say("The challenge states no requirements: the score is that of its title and need together.")
    _say("")
    for gate in match["gates"]:
        _say(f"{GATE_SIGNS[gate['state']]} {gate['reason']}")
    _print_improvement(match.get("improvement"))
    if match.get("scoring_page"):
        _say(f"How a score comes about: {match['scoring_page']}", style="dim")


def _answer(answer: dict[str, Any] | None) -> str:
    return "✕ nothing comes near" if answer is None else f"nearest: {short(answer['text'])}"


def _print_improvement(improvement: dict[str, Any] | None) -> None:
    if improvement is None:
        return
    nearest, missing = improvement["nearest"], improvement["missing"]
    _say(f"What would change it most: {improvement['text']} ({improvement['score']:.2f})")
    if nearest is not None:
        _say(f"  nearest that the company has: {short(nearest['text'])}")
    if missing:
        _say(f"  nothing in the profile says: {', '.join(missing)}")


def _say(line: str, style: str | None = None) -> None:
    """A line as it is: a terminal breaks it, a pipe does not."""
    out.print(line, style=style, highlight=False, markup=False, soft_wrap=True)
