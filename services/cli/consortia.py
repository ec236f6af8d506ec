"""`consortia`: the teams that cover a challenge, what a member answers, and who is missing in a team."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.markup import escape

from services.cli.client import Json, Key, Url, connected
from services.cli.output import EXIT_USAGE, fail, out, print_json, print_table

NOBODY = "✕ nobody"


class Answer(StrEnum):
    """What a member says; the path of the API has the same names."""

    consent = "consent"
    decline = "decline"
    confirm = "confirm"


def register(app: typer.Typer) -> None:
    app.command()(consortia)


def consortia(
    about: Annotated[str, typer.Argument(help="Id of a challenge (chl_…), or of a consortium (con_…).")],
    answer: Annotated[
        Answer | None,
        typer.Option(help="For a member of the consortium: consent, decline, or, once introduced, confirm."),
    ] = None,
    company: Annotated[
        str | None, typer.Option(help="Which member answers, if you speak for several (cmp_…).")
    ] = None,
    note: Annotated[str | None, typer.Option(help="With decline: for the company's own file.")] = None,
    member: Annotated[
        list[str] | None,
        typer.Option(
            "--with", help="Who is missing in a team that has this member already (cmp_…)? May be repeated."
        ),
    ] = None,
    members_max: Annotated[int | None, typer.Option(min=1, help="Members in all, with --with.")] = None,
    ask: Annotated[
        bool, typer.Option("--ask", help="With --with: ask the best completion, so that it hears of it.")
    ] = False,
    gone: Annotated[bool, typer.Option("--gone", help="Also those that were declined or dissolved.")] = False,
    url: Url = "http://localhost:8000",
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Teams that together cover a challenge; best first, with what nobody covers.

    Who announced sees every team. A company sees those it is asked for, the others without names until all
    have consented.

        liaison consortia chl_…
        liaison consortia con_… --answer consent
        liaison consortia chl_… --with cmp_… --ask
    """
    _check(about, answer, member, ask=ask)
    with connected(url, key) as client:
        if member:
            body = {"challenge": about, "members": member, "members_max": members_max}
            given = {name: value for name, value in body.items() if value is not None}
            found = client.post("/v1/consortia" if ask else "/v1/consortia/complete", given)
            teams = [found] if ask else found["teams"]
        elif answer is not None:
            said = {"company": company, "note": note if answer is Answer.decline else None}
            given = {name: value for name, value in said.items() if value is not None}
            found = client.post(f"/v1/consortia/{about}/{answer}", given)
            teams = [found]
        elif about.startswith("con_"):
            found = client.get(f"/v1/consortia/{about}")
            teams = [found]
        else:
            found = client.get(f"/v1/challenges/{about}/consortia", gone=gone)
            teams = found["consortia"]
    if as_json:
        print_json(found)
        return
    for team in teams:
        _print(team)
    if not teams:
        out.print(
            found.get("conflict")
            or "No consortium yet, or none that you have a part in. They appear when companies that answer "
            "different requirements have been found.",
            highlight=False,
            markup=False,
        )
    brief = found.get("gaps") if isinstance(found.get("gaps"), dict) else None
    if brief and brief["gaps"]:
        out.print(f"wanted  {escape(brief['sought'])}", highlight=False)


def _check(about: str, answer: Answer | None, member: list[str] | None, *, ask: bool) -> None:
    if member and not about.startswith("chl_"):
        fail("A team is completed for a challenge: name its id (chl_…).", EXIT_USAGE)
    if answer is not None and not about.startswith("con_"):
        fail("An answer is given to a consortium: name its id (con_…).", EXIT_USAGE)
    if ask and not member:
        fail("Say with whom the team begins: --with cmp_…", EXIT_USAGE)
    if answer is not None and member:
        fail("Do one thing: --answer, or --with.", EXIT_USAGE)


def _print(team: dict[str, Any]) -> None:
    if "id" in team:
        out.print(f"[bold]{team['id']}[/bold]  {team['state']}  {escape(team['headline'])}", highlight=False)
    out.print(
        f"covers {team['coverage']:.0%} of what is wanted"
        + ("; could each do it alone: " + ", ".join(team["competing"]) if team["competing"] else ""),
        highlight=False,
    )
    for one in team["members"]:
        company = one["company"]
        name = f"{company['name']} ({one['country']})" if company else f"a company from {one['country']}"
        mine = " (yours)" if one["yours"] else ""
        consent = f"  {one['consent']}" if one["consent"] else ""
        others = ", ".join(other["name"] for other in one["alternate_companies"])
        instead = f"  (or {escape(others)})" if others else ""
        out.print(f"  {one['role']}  {escape(name)}{mine}{consent}{instead}", highlight=False)
    print_table(
        ("requirement", "stage", "covered by", ""),
        [
            (
                f"{cell['requirement']}{' *' if cell['mandatory'] else ''}",
                cell["stage"],
                ", ".join(cell["roles"]) or NOBODY,
                escape(cell["text"]),
            )
            for cell in team["cells"]
        ],
        empty="",
    )
    out.print()
