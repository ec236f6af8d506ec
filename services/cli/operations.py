"""`status`, `reindex`, `resume`, `dead-letters`: for whoever runs the service."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer
from rich.markup import escape

from services.cli.client import Json, Key, Url, connected
from services.cli.output import EXIT_USAGE, age, fail, out, print_json, print_table, progress, since

LOOK_S = 0.5

PATIENCE_S = 30.0
"""What waits for so long waits for nobody: a lease of a dead process has run out twice."""
DIGEST_PATIENCE_S = 300.0
"""Digests are looked for once a minute; thousands that are due at one hour take a few more."""

letters = typer.Typer(help="Events that could not be handled, with the reason.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.command()(status)
    app.command()(reindex)
    app.command()(resume)
    app.add_typer(letters, name="dead-letters")


def status(url: Url = "http://localhost:8000", key: Key = None, as_json: Json = False) -> None:
    """Is anything waiting, for how long, and why."""
    with connected(url, key) as client:
        now = client.get("/v1/status")
        index, unknown = client.get_if_known("/v1/index")
    if as_json:
        print_json({**now, "index": index, "index_unknown": unknown or None})
        return
    tell_status(now, index, unknown)
    if now["halted"]:
        fail("A halted service stands still; once the cause is mended, `liaison resume SERVICE`.")


def tell_status(now: dict[str, Any], index: dict[str, Any] | None, unknown: str) -> None:
    """`unknown`: why nothing is known of the index, where that is so."""
    webhooks, letters_ = now["webhooks"], now["dead_letters"]
    undelivered = webhooks["due"] + webhooks["scheduled"]
    rows: list[tuple[str, object, str]] = [
        ("journal", now["journal"], "entries"),
        *_unsequenced(now),
        *((f"lag of {name}", behind, "events") for name, behind in sorted(now["lag"].items())),
        *([("lag", "unknown", now["lag_unknown"])] if now["lag_unknown"] else []),
        ("webhooks due", webhooks["due"], _late(now)),
        ("webhooks to be retried", webhooks["scheduled"], ""),
        ("oldest undelivered", since(webhooks["oldest"]), "the first of these" if undelivered else ""),
        ("endpoints off", webhooks["endpoints_off"], ""),
        ("waiting for digests", now["digests"]["events"], _digests(now["digests"])),
        *([("vector index", "unknown", unknown)] if index is None else _lacking(now["lacking"], index)),
        ("dead letters", sum(letters_.values()), "`liaison dead-letters list`" if letters_ else ""),
        *((f"dead letters of {name}", count, "") for name, count in sorted(letters_.items())),
        *(
            (f"HALTED {one['service']}", since(one["since"]), f"{one['reason']}; `liaison resume`")
            for one in now["halted"]
        ),
    ]
    print_table(("", "", ""), [(name, number, escape(note)) for name, number, note in rows], empty="")
    if webhooks["endpoints"]:
        out.print()
        print_table(
            ("endpoint", "state", "waiting", "for", "why"),
            [
                (one["id"], one["state"], one["pending"], since(one["oldest"]), escape(_why(one)))
                for one in webhooks["endpoints"]
            ],
            empty="",
        )


def _unsequenced(now: dict[str, Any]) -> list[tuple[str, object, str]]:
    """What nobody sees yet, if that is for longer than a change of the relay takes."""
    if age(now["unsequenced_since"]) < PATIENCE_S:
        return []
    told = f"for {since(now['unsequenced_since'])}: start `liaison relay`, or see in its log why it stands"
    return [("entries without a position", now["unsequenced"], told)]


def _late(now: dict[str, Any]) -> str:
    if age(now["due_since"]) < PATIENCE_S:
        return ""
    return (
        f"for {since(now['due_since'])}: start `liaison courier`; if one runs, an endpoint below is slow, or "
        "its log says more"
    )


def _digests(waiting: dict[str, Any]) -> str:
    """They are meant to wait; a digest that is late is not."""
    if age(waiting["overdue_since"]) < DIGEST_PATIENCE_S:
        return f"the oldest for {since(waiting['since'])}" if waiting["events"] else ""
    late = since(waiting["overdue_since"])
    return f"a digest is late for {late}: start `liaison worker`, or see in its log why"


def _lacking(lacking: int | None, index: dict[str, Any]) -> list[tuple[str, object, str]]:
    """What is not embedded, and why that may be so."""
    rows: list[tuple[str, object, str]] = [
        ("profiles without vectors", lacking, "not found by any match" if lacking else ""),
        (
            "texts the index lost",
            index["lost"],
            "`liaison reindex` writes them anew" if index["lost"] else "",
        ),
    ]
    if index["rebuilt"] is not None:
        rows.append(("index is being rebuilt", index["rebuilt"], "written so far"))
    if index["building"]:
        rows.append(("index for another model", "", f"{index['building']} is being built"))
    if index["failed"]:
        rows.append(("last rebuild FAILED", "", index["failed"]))
    return rows


def _why(endpoint: dict[str, Any]) -> str:
    failing = f"failing for {since(endpoint['failing_since'])}" if endpoint["failing_since"] else ""
    told = [endpoint["reason"], endpoint["last_attempt"], failing]
    return "; ".join(one for one in told if one)


def resume(
    service: Annotated[str, typer.Argument(help="A halted service, e.g. `matching`.")],
    url: Url = "http://localhost:8000",
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Let a service go on that was halted after a flood of failures."""
    with connected(url, key) as client:
        client.post(f"/v1/consumers/{service}/resume")
    if as_json:
        print_json({"resumed": service})
    else:
        out.print(f"{service} goes on with the event at which it stopped")


def reindex(
    wait: Annotated[bool, typer.Option(help="Wait until it is done.")] = True,
    url: Url = "http://localhost:8000",
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Write every vector anew from the rows. The present index goes on serving."""
    with connected(url, key) as client:
        state = client.post("/v1/index/rebuild")
        if wait:
            with progress("writing vectors") as advance:
                while state["rebuilt"] is not None:
                    advance(state["rebuilt"])
                    time.sleep(LOOK_S)
                    state = client.get("/v1/index")
    if as_json:
        print_json(state)
    else:
        for one in state["collections"]:
            out.print(f"{one['name']:<50} {one['points']:>9} texts", highlight=False)
    if wait and state["failed"]:
        fail(f"The index was not rebuilt: {state['failed']} Mend that, then run `liaison reindex` again.")
    if wait and state["lacking"]:
        fail(f"{state['lacking']} profiles lack vectors; see `liaison dead-letters list`.")


@letters.command(name="list")
def list_letters(
    service: Annotated[str | None, typer.Option(help="Only of this service, e.g. `matching`.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
    url: Url = "http://localhost:8000",
    key: Key = None,
    as_json: Json = False,
) -> None:
    """List what waits for a human."""
    with connected(url, key) as client:
        found = list(client.pages("/v1/dead-letters", at_most=limit, service=service))
    if as_json:
        print_json(found)
        return
    print_table(
        ("id", "service", "type", "tries", "reason"),
        [(one["id"], one["service"], one["type"], one["tries"], escape(one["reason"])) for one in found],
        empty="No dead letters: every event was handled.",
    )


@letters.command()
def show(
    letter: Annotated[str, typer.Argument(help="Id of the dead letter.")],
    url: Url = "http://localhost:8000",
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Show one, with what is known of the failure."""
    with connected(url, key) as client:
        found = client.get(f"/v1/dead-letters/{letter}")
    if as_json:
        print_json(found)
        return
    known = [(name.replace("_", " "), value) for name, value in found.items() if value not in (None, "")]
    print_table(("", ""), [(name, escape(str(value))) for name, value in known], empty="")


@letters.command()
def redrive(
    letter: Annotated[str | None, typer.Argument(help="Id of the dead letter.")] = None,
    service: Annotated[
        str | None, typer.Option(help="Or all that are open of this service, e.g. `matching`.")
    ] = None,
    url: Url = "http://localhost:8000",
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Have it handled again, once its cause is mended; or all of a service, after a flood."""
    if (letter is None) == (service is None):
        fail("Name either a dead letter, or a service with --service.", EXIT_USAGE)
    with connected(url, key) as client:
        if letter is not None:
            answer = client.post(f"/v1/dead-letters/{letter}/redrive")
            told = f"{letter} is handled again; `liaison dead-letters show {letter}` tells how that went"
        else:
            answer = client.post("/v1/dead-letters/redrive", service=service)
            told = (
                f"{answer['asked']} of {service} are handled again; `liaison dead-letters list --service "
                f"{service}` tells which are left"
            )
    if as_json:
        print_json(answer)
    else:
        out.print(told, highlight=False)


@letters.command()
def discard(
    letter: Annotated[str, typer.Argument(help="Id of the dead letter.")],
    reason: Annotated[str, typer.Option(help="Why it may be given up; kept.")],
    url: Url = "http://localhost:8000",
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Give it up, with a reason."""
    with connected(url, key) as client:
        given_up = client.post(f"/v1/dead-letters/{letter}/discard", {"reason": reason})
    if as_json:
        print_json(given_up)
    else:
        out.print(f"{letter} is given up")
