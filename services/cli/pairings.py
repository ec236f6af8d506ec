"""`pairings`: needs of several buyers that could be bought together, and how far they have come."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.markup import escape

from schemas.pairing import PairingState
from services.cli import toolbox
from services.cli.client import Json, Key, Url, connected
from services.cli.output import EXIT_USAGE, fail, out, print_json, print_table

AT_MOST = 200

commands = typer.Typer(
    help="Needs of several buyers that could be bought together.",
    invoke_without_command=True,
    no_args_is_help=False,
)
toolbox.add_to(commands)


def register(app: typer.Typer) -> None:
    app.add_typer(commands, name="pairings")


@commands.callback()
def pairings(
    context: typer.Context,
    state: Annotated[PairingState | None, typer.Option(help="Only in this state.")] = None,
    need: Annotated[str | None, typer.Option(help="Only those of this need (chl_…).")] = None,
    dissolved: Annotated[bool, typer.Option("--dissolved", help="Also those that are no more.")] = False,
    url: Url = "http://localhost:8000",
    key: Key = None,
    as_json: Json = False,
) -> None:
    """List your pairings, the most alike first.

    liaison pairings
    liaison pairings groups
    liaison pairings show pai_…
    liaison pairings step pai_… confirmed
    liaison pairings deadline pai_… --title Agreement --due 2027-03-31
    liaison pairings plans
    """
    if context.invoked_subcommand is not None:
        return
    with connected(url, key) as client:
        asked = {"state": state.value if state else None, "need": need, "dissolved": dissolved or None}
        found = list(client.pages("/v1/pairings", at_most=AT_MOST, **asked))
    if as_json:
        print_json(found)
        return
    rows = [
        (
            one["id"],
            f"{one['comparison']['similarity']:.2f}",
            one["state"] + (" (asked)" if one["asked"] else ""),
            *(escape(f"{one[side]['buyer_name']}: {one[side]['title']}") for side in ("first", "second")),
        )
        for one in found
    ]
    print_table(
        ("pairing", "alike", "state", "need", "and"),
        rows,
        empty="No pairing yet. They appear when a need of yours that other buyers may read is like one of "
        "theirs: announce it, or send your investment plan with `liaison import plan FILE`.",
    )


@commands.command()
def groups(
    url: Url = "http://localhost:8000",
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Needs of three buyers and more of which every two are paired, the largest groups first."""
    with connected(url, key) as client:
        found = client.get("/v1/pairings/groups")
    if as_json:
        print_json(found)
        return
    rows = [
        (
            one["id"],
            f"{one['similarity']:.2f}",
            f"{one['starts']} to {one['ends']}",
            escape("; ".join(f"{need['buyer_name']}: {need['title']}" for need in one["needs"])),
        )
        for one in found
    ]
    print_table(
        ("group", "alike", "all buy", "needs"),
        rows,
        empty="No group yet. One forms when three needs of different buyers are paired, every two of them.",
    )


@commands.command()
def show(
    pairing: Annotated[str, typer.Argument(help="Id of a pairing (pai_…).")],
    url: Url = "http://localhost:8000",
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Two needs side by side, what speaks for and against, and the toolbox."""
    with connected(url, key) as client:
        found = client.get(f"/v1/pairings/{pairing}")
    if as_json:
        print_json(found)
        return
    first, second, compared = found["first"], found["second"], found["comparison"]
    _line(f"{found['id']}  {found['state']}  {compared['similarity']:.2f} alike ({compared['closeness']})")
    for need in (first, second):
        _line(f"  {need['buyer_name']}: {need['title']}  {need['starts']} to {need['ends']}")
    rows = [
        *(
            (one["first"]["text"], one["second"]["text"], f"{one['similarity']:.2f}")
            for one in compared["shared"]
        ),
        *((one["text"], "", "") for one in compared["only_first"]),
        *(("", one["text"], "") for one in compared["only_second"]),
    ]
    print_table(
        (first["buyer_name"], second["buyer_name"], "alike"),
        [tuple(escape(cell) for cell in row) for row in rows],
        empty="Neither need has requirements.",
    )
    for name in ("benefits", "pitfalls"):
        for one in compared[name]:
            _line(f"  {'+' if name == 'benefits' else '-'} {one['rule']}: {one['reason']}")
    _line(f"  lead: {_buyer(found, compared['lead']['need'])}. {compared['lead']['reason']}")
    people = {one["id"]: one["name"] or one["role"] for one in found["people"]}
    for one in found["people"]:
        _line(f"  {one['id']}  {', '.join(filter(None, (one['role'], one['name'], one['mailbox'])))}")
    for one in found["deadlines"]:
        who = f", {people[one['responsible']]}" if one["responsible"] in people else ""
        _line(f"  {one['id']}  due {one['due']}{' (done)' if one['done'] else ''}: {one['title']}{who}")
    for one in found["documents"]:
        _line(f"  {one['id']}  document: {one['title']}  {one['url']}")
    for one in found["kpis"]:
        _line(f"  {one['id']}  KPI {one['name']}: {one['value']} of {one['target']} {one['unit'] or ''}")
    for one in found["log"]:
        by = _name(found, one["by"]) if one["by"] else "Liaison"
        _line(f"  {one['at'][:16]}  {by}: {one['action']} {one['to'] or ''}  {one['note'] or ''}".rstrip())
    for buyer, wish in found["asked"].items():
        _line(f"  {_name(found, buyer)} asks for: {wish}")
    if found["reason"]:
        _line(f"  dissolved: {found['reason']}")
    if found["may"]:
        _line(f"  next: liaison pairings step {found['id']} {found['may'][0]}")


@commands.command()
def plans(
    plan: Annotated[str | None, typer.Argument(help="Id of a plan (pln_…): its needs as they stand.")] = None,
    url: Url = "http://localhost:8000",
    key: Key = None,
    as_json: Json = False,
) -> None:
    """List your investment plans, or the needs of one."""
    with connected(url, key) as client:
        path = "/v1/plans" if plan is None else f"/v1/plans/{plan}/needs"
        found = list(client.pages(path, at_most=AT_MOST))
    if as_json:
        print_json(found)
    elif plan is None:
        rows = [(one["id"], escape(one["name"]), str(one["needs"]), one["readers"]) for one in found]
        empty = "No plan yet. Send one with `liaison import plan FILE`."
        print_table(("plan", "name", "needs", "readers"), rows, empty=empty)
    else:
        rows = [
            (escape(one["reference"]), one["challenge"], one["state"], escape(one["title"])) for one in found
        ]
        print_table(("reference", "need", "state", "title"), rows, empty="None that you may read.")


@commands.command()
def step(
    pairing: Annotated[str, typer.Argument(help="Id of a pairing (pai_…).")],
    to: Annotated[
        PairingState, typer.Argument(help="The step that follows; the present one takes yours back.")
    ],
    reason: Annotated[str | None, typer.Option(help="Why it is dissolved.")] = None,
    url: Url = "http://localhost:8000",
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Ask for the next step; it is taken when the other buyer asks for it too."""
    if to is PairingState.dissolved and reason is None:
        fail("Say why: --reason. The other buyer reads it.", EXIT_USAGE)
    with connected(url, key) as client:
        made = client.post(f"/v1/pairings/{pairing}/steps", {"to": to.value, "reason": reason})
    if as_json:
        print_json(made)
        return
    waiting = "" if not made["asked"] else "; the other buyer has to agree"
    _line(f"{made['id']}  {made['state']}{waiting}")


@commands.command()
def join(
    challenge: Annotated[str, typer.Argument(help="The need of another buyer (chl_…).")],
    need: Annotated[str | None, typer.Option(help="Your own need; else you get a draft of one.")] = None,
    buyer: Annotated[
        str | None, typer.Option(help="For whom, by handle, if you announce for several.")
    ] = None,
    url: Url = "http://localhost:8000",
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Say that you need what another buyer needs, to buy it together."""
    with connected(url, key) as client:
        made = client.post(f"/v1/challenges/{challenge}/pairing", {"need": need, "buyer": buyer})
    if as_json:
        print_json(made)
        return
    _line(f"{made['id']}  {made['state']}  {made['first']['title']}")


def _buyer(found: dict[str, Any], need: str) -> str:
    name: str = next(found[side]["buyer_name"] for side in ("first", "second") if found[side]["id"] == need)
    return name


def _name(found: dict[str, Any], organisation: str) -> str:
    """Of a buyer; of who announced for it the id."""
    for side in ("first", "second"):
        if found[side]["buyer"] == organisation:
            return str(found[side]["buyer_name"])
    return organisation


def _line(text: str) -> None:
    out.print(text, highlight=False, markup=False)
