"""`announce`, `stream`: a challenge, and what comes of it as it happens."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.markup import escape

from services.cli.client import TIMEOUT_S, Client, Json, Key, Url, connected, problem, unreachable
from services.cli.output import (
    EXIT_USAGE,
    bar,
    err,
    fail,
    out,
    print_json,
    print_line,
)

STREAM_SILENCE_S = 60.0
"""The server sends a heartbeat every 15 s: after four missed ones the connection is dead."""
RECONNECT_S = 2.0


def register(app: typer.Typer) -> None:
    app.command()(announce)
    app.command()(stream)


def announce(
    file: Annotated[
        Path,
        typer.Argument(
            help="The challenge: JSON with all fields, or plain text whose first line is the title; "
            "`-` reads it from stdin.",
            allow_dash=True,
        ),
    ],
    buyer: Annotated[str | None, typer.Option(help="Handle of the buyer, e.g. `cern`.")] = None,
    deadline: Annotated[str | None, typer.Option(help="Last day for answers, YYYY-MM-DD.")] = None,
    language: Annotated[str | None, typer.Option(help="ISO 639-1 code of the text; default `en`.")] = None,
    idempotency_key: Annotated[
        str | None, typer.Option(help="Send again with the same key without announcing twice.")
    ] = None,
    url: Url = "http://localhost:8000",
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Announce a challenge.

    Title, need, buyer and deadline are enough: requirements are cut from the text.

        liaison announce need.txt --buyer cern --deadline 2027-02-01
    """
    text = typer.get_text_stream("stdin").read() if str(file) == "-" else _read(file)
    content = _content(text, file)
    given = {"buyer": buyer, "deadline": deadline, "language": language}
    content |= {name: value for name, value in given.items() if value is not None}
    missing = [name for name in ("title", "need", "buyer", "deadline") if not content.get(name)]
    if missing:
        fail(f"The challenge has no {missing[0]}. Put it into the file or give --{missing[0]}.", EXIT_USAGE)
    with connected(url, key) as client:
        made = client.post("/v1/challenges", content, key=idempotency_key)
    if as_json:
        print_json(made)
        return
    count = len(made["requirements"])
    out.print(f"[bold]{made['id']}[/bold]  announced, {count} requirement{'s' * (count != 1)}")
    for one in made["requirements"]:
        must = "must" if one["mandatory"] else "should"
        out.print(f"  {one['id']:<4} {must:<7}{one['kind']:<12} {escape(one['text'])}", highlight=False)
    out.print(f"page    {made['links']['page']}\nmatches liaison matches {made['id']}", highlight=False)


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        fail(f"{file} does not exist. Name the file of the challenge, or `-` for stdin.", EXIT_USAGE)
    except OSError as error:
        fail(f"{file} cannot be read: {error.strerror}.", EXIT_USAGE)
    except UnicodeDecodeError as error:
        fail(f"{file} is not UTF-8 (byte {error.start}). Save it as UTF-8.", EXIT_USAGE)


def _content(text: str, file: Path) -> dict[str, Any]:
    if file.suffix == ".json" or text.lstrip().startswith("{"):
        try:
            read = json.loads(text)
        except ValueError as error:
            fail(f"{file} is not JSON: {error}.", EXIT_USAGE)
        if not isinstance(read, dict):
            fail(f"{file} holds no JSON object.", EXIT_USAGE)
        return read
    title, _, need = text.strip().partition("\n")
    return {"title": title.lstrip("# ").strip(), "need": need.strip() or title.strip()}


def stream(
    challenge: Annotated[str | None, typer.Option(help="Only events of this challenge.")] = None,
    company: Annotated[str | None, typer.Option(help="Only events of this company.")] = None,
    subscription: Annotated[
        str | None, typer.Option(help="Only what this subscription of yours (sub_…) asks for.")
    ] = None,
    types: Annotated[
        list[str] | None, typer.Option("--type", help="Only events of this type; may be repeated.")
    ] = None,
    after: Annotated[
        int | None, typer.Option(help="Begin after this position; 0 for everything. Default: now.")
    ] = None,
    url: Url = "http://localhost:8000",
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Show events as they happen: seconds since the start, kind, and of a match the company, its score, a bar
    per requirement and the gap.

    Goes on where it was when the connection breaks; Ctrl-C ends it. With --json one CloudEvent a line.

        liaison stream --challenge chl_…
    """
    parameters = {
        "challenge": challenge,
        "company": company,
        "subscription": subscription,
        "types": types or None,
        "after": after,
    }
    began = time.monotonic()
    with connected(url, key) as client:
        position: str | None = None
        try:
            while True:
                position = _follow(client, parameters, position, began, as_json)
                time.sleep(RECONNECT_S)
        except KeyboardInterrupt:
            return


def _follow(
    client: Client, parameters: dict[str, Any], position: str | None, began: float, as_json: bool
) -> str | None:
    """One connection; returns the position to go on from."""
    headers = {"Last-Event-ID": position} if position else {}
    query = {name: value for name, value in parameters.items() if value is not None}
    timeout = httpx.Timeout(TIMEOUT_S, read=STREAM_SILENCE_S)
    answered = position is not None
    try:
        with client.http.stream("GET", "/v1/stream", params=query, headers=headers, timeout=timeout) as reply:
            if not reply.is_success:
                reply.read()
                fail(problem(reply))
            answered = True
            data: list[str] = []
            for line in reply.iter_lines():
                if line.startswith("id:"):
                    position = line[3:].strip()
                elif line.startswith("data:"):
                    data.append(line[5:].strip())
                elif not line and data:
                    _show(json.loads("\n".join(data)), time.monotonic() - began, as_json)
                    data.clear()
    except httpx.TransportError as error:
        if not answered:
            unreachable(client.http, error)
        err.print(f"connection lost ({type(error).__name__}); trying again", style="dim")
    return position


def _show(event: dict[str, Any], seconds: float, as_json: bool) -> None:
    kind = event.get("type")
    if kind is None:  # the stream speaks of itself: where it begins, or that something is missing
        if "reason" in event:
            err.print(f"events are missing here: {event['reason']}", style="yellow", highlight=False)
        return
    if as_json:
        print_line(event)
        return
    kind = kind.removeprefix("liaison.").removesuffix(".v1")
    data = event.get("data", {})
    text = (
        _match(data)
        if _is_match(data)
        else data.get("headline") or data.get("sought") or _subject(event, data)
    )
    out.print(
        f"{seconds:6.2f} s  {_KINDS.get(kind, kind):<20} {escape(text)}", highlight=False, soft_wrap=True
    )


_KINDS = {"match.suggested": "match"}


def _is_match(data: dict[str, Any]) -> bool:
    return isinstance(data.get("company"), dict) and "requirements" in data


def _match(data: dict[str, Any]) -> str:
    """Company (country), score, a bar per requirement, and the words of the gap."""
    company = f"{data['company']['name']} ({data['company']['country']})"
    bars = "  ".join(f"{one['id']} {bar(one['score'], 8):<8}" for one in data["requirements"])
    missing = [word for one in data["requirements"] for word in one.get("missing", ())]
    gap = f"  gap: {', '.join(dict.fromkeys(missing))}" if missing else ""
    return f"{company:<32} {data['score']:.2f}   {bars}{gap}"


def _subject(event: dict[str, Any], data: dict[str, Any]) -> str:
    named = data.get("challenge") or data.get("company")
    if isinstance(named, dict):
        return str(named.get("title") or named.get("name") or event.get("subject", ""))
    return str(event.get("subject", ""))
