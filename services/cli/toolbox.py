"""`pairings person|deadline|document|kpi|remove`: the toolbox of a pairing, kept by either side."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from schemas.base import Contract
from schemas.pairing import DeadlineContent, DocumentContent, KpiContent, PairingState, PersonContent
from services.cli.client import Json, Key, Url, connected
from services.cli.output import EXIT_USAGE, fail, out, print_json

CONTENTS: dict[str, type[Contract]] = {
    "people": PersonContent,
    "deadlines": DeadlineContent,
    "documents": DocumentContent,
    "kpis": KpiContent,
}
"""By the list of a pairing that holds them, which is also their path."""

Pairing = Annotated[str, typer.Argument(help="Id of a pairing (pai_…).")]
Change = Annotated[
    str | None,
    typer.Option(help="Change this entry (its id), instead of adding one; what you leave out stays."),
]
Stage = Annotated[PairingState | None, typer.Option(help="The step that it belongs to.")]


def add_to(commands: typer.Typer) -> None:
    for command in (person, deadline, document, kpi, remove):
        commands.command()(command)


def person(
    pairing: Pairing,
    role: Annotated[str | None, typer.Option(help="For example 'Legal'.")] = None,
    name: Annotated[str | None, typer.Option(help="Prefer a role and its mailbox to a name.")] = None,
    mailbox: Annotated[str | None, typer.Option(help="An address that others read too.")] = None,
    stage: Stage = None,
    change: Change = None,
    url: Url = "http://localhost:8000",
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Say who is responsible.

    liaison pairings person pai_… --role Legal --mailbox legal@example.org
    """
    said = {"role": role, "name": name, "mailbox": mailbox, "stage": stage}
    _put("people", pairing, said, change, url=url, key=key, as_json=as_json, needed="role")


def deadline(
    pairing: Pairing,
    title: Annotated[str | None, typer.Option(help="What is due.")] = None,
    due: Annotated[str | None, typer.Option(help="The day: 2027-03-31.")] = None,
    responsible: Annotated[str | None, typer.Option(help="Id of a person of this pairing.")] = None,
    stage: Stage = None,
    done: Annotated[bool | None, typer.Option("--done/--not-done", help="Whether it is done.")] = None,
    change: Change = None,
    url: Url = "http://localhost:8000",
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Set a deadline; both buyers are reminded a week before.

    liaison pairings deadline pai_… --title Agreement --due 2027-03-31
    """
    said = {"title": title, "due": due, "responsible": responsible, "stage": stage, "done": done}
    _put("deadlines", pairing, said, change, url=url, key=key, as_json=as_json, needed="title")


def document(
    pairing: Pairing,
    title: Annotated[str | None, typer.Option(help="What it is.")] = None,
    link: Annotated[str | None, typer.Option(help="Where it is kept: https://…")] = None,
    note: Annotated[str | None, typer.Option(help="A remark for both buyers.")] = None,
    stage: Stage = None,
    change: Change = None,
    url: Url = "http://localhost:8000",
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Name a document by its address.

    liaison pairings document pai_… --title Draft --link https://…
    """
    said = {"title": title, "url": link, "note": note, "stage": stage}
    _put("documents", pairing, said, change, url=url, key=key, as_json=as_json, needed="title")


def kpi(
    pairing: Pairing,
    name: Annotated[str | None, typer.Option(help="What is measured.")] = None,
    unit: Annotated[str | None, typer.Option(help="What it is counted in.")] = None,
    target: Annotated[float | None, typer.Option(help="What you want to reach.")] = None,
    value: Annotated[float | None, typer.Option(help="Where it stands.")] = None,
    stage: Stage = None,
    change: Change = None,
    url: Url = "http://localhost:8000",
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Watch a figure.

    liaison pairings kpi pai_… --name Savings --unit % --target 10
    """
    said = {"name": name, "unit": unit, "target": target, "value": value, "stage": stage}
    _put("kpis", pairing, said, change, url=url, key=key, as_json=as_json, needed="name")


def remove(
    pairing: Pairing,
    entry: Annotated[str, typer.Argument(help="Id of a person, deadline, document or KPI of it.")],
    url: Url = "http://localhost:8000",
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Take an entry out of the toolbox; a person is nowhere kept then."""
    with connected(url, key) as client:
        found = client.get(f"/v1/pairings/{pairing}")
        kind = next((kind for kind in CONTENTS if any(one["id"] == entry for one in found[kind])), None)
        if kind is None:
            fail(f"{entry} is no entry of {pairing}. `liaison pairings show {pairing}` lists them.")
        client.delete(f"/v1/pairings/{pairing}/{kind}/{entry}")
    if as_json:
        print_json({"id": entry, "removed": True})
    else:
        out.print("removed", highlight=False)


def _put(
    kind: str,
    pairing: str,
    said: dict[str, Any],
    change: str | None,
    *,
    url: str,
    key: str | None,
    as_json: bool,
    needed: str,
) -> None:
    given = {name: value for name, value in said.items() if value is not None}
    if change is None and needed not in given:
        fail(f"Say at least --{needed}.", EXIT_USAGE)
    path = f"/v1/pairings/{pairing}/{kind}"
    with connected(url, key) as client:
        if change is None:
            made = client.post(path, given)
        else:
            entries = client.get(f"/v1/pairings/{pairing}")[kind]
            before = next((one for one in entries if one["id"] == change), None)
            if before is None:
                fail(f"{change} is not among the {kind} of {pairing}.")
            content = {name: before[name] for name in CONTENTS[kind].model_fields}
            made = client.put(f"{path}/{change}", content | given, version=before["version"])
    if as_json:
        print_json(made)
    else:
        out.print(f"{made['id']}  {'added' if change is None else 'changed'}", highlight=False)
