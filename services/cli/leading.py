"""`step`: a challenge goes on its way."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from schemas.challenge import ChallengeState, DecisionOutcome
from services.cli.client import Json, Key, Url, connected
from services.cli.output import EXIT_USAGE, fail, out, print_json


def register(app: typer.Typer) -> None:
    app.command()(step)


def step(
    challenge: Annotated[str, typer.Argument(help="Id of a challenge of yours (chl_…).")],
    state: Annotated[
        ChallengeState,
        typer.Argument(help="Where it goes; or where it stands, to say more of that.", show_choices=True),
    ],
    outcome: Annotated[
        DecisionOutcome | None,
        typer.Option(help="With `decided`: what was decided. While companies are asked only `abandoned`."),
    ] = None,
    reason: Annotated[
        str | None, typer.Option(help="With `decided` and `withdrawn`: why. Everybody reads it.")
    ] = None,
    link: Annotated[
        str | None,
        typer.Option(
            help="https address, with `reported` of the report, with `decided` of a tender's notice."
        ),
    ] = None,
    title: Annotated[str | None, typer.Option(help="With `reported`: the title of the report.")] = None,
    idempotency_key: Annotated[
        str | None, typer.Option(help="Send again with the same key without stepping twice.")
    ] = None,
    url: Url = "http://localhost:8000",
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Lead a challenge on its way; everybody who follows it, or was told of it, hears where it goes.

    announced → consulting → consultation-closed → reported → decided. The way goes forward, and steps may be
    left out. From `consultation-closed` on it takes no more answers. `announced` announces a draft,
    `withdrawn` takes a challenge back, with a reason, at any time.

        liaison step chl_… consultation-closed

        liaison step chl_… reported --link https://…/report.pdf

        liaison step chl_… decided --outcome tender --link https://ted.europa.eu/… --reason "Three can do it."
    """
    path, body = _asked(challenge, state, outcome, reason=reason, link=link, title=title)
    with connected(url, key) as client:
        made = client.post(path, body, key=idempotency_key)
    if as_json:
        print_json(made)
        return
    out.print(_said(made), highlight=False, markup=False, soft_wrap=True)


def _asked(
    challenge: str,
    state: ChallengeState,
    outcome: DecisionOutcome | None,
    *,
    reason: str | None,
    link: str | None,
    title: str | None,
) -> tuple[str, dict[str, Any] | None]:
    """Where to send what; what does not belong to the state is refused before anything is sent."""
    address = f"/v1/challenges/{challenge}"
    decided = state is ChallengeState.decided
    reported = state is ChallengeState.reported
    withdrawn = state is ChallengeState.withdrawn
    _belongs("--outcome", outcome, decided, "decided")
    _belongs("--reason", reason, decided or withdrawn, "decided or withdrawn")
    _belongs("--link", link, decided or reported, "reported or decided")
    _belongs("--title", title, reported, "reported")
    if state is ChallengeState.announced:
        return f"{address}/announce", None
    if withdrawn:
        if reason is None:
            fail("Say why: --reason. Everybody reads it.", EXIT_USAGE)
        return f"{address}/withdraw", {"reason": reason}
    body: dict[str, Any] = {"to": state.value}
    if decided:
        if outcome is None:
            choice = ", ".join(one.value for one in DecisionOutcome)
            fail(f"Say what was decided: --outcome with one of {choice}.", EXIT_USAGE)
        body["decision"] = {"outcome": outcome.value, "reason": reason, "notice": link}
    elif title is not None or link is not None:
        body["report"] = {"title": title, "url": link}
    return f"{address}/steps", body


def _belongs(option: str, value: object, fits: bool, states: str) -> None:
    if value is not None and not fits:
        fail(f"{option} goes with the state {states}. Leave it out.", EXIT_USAGE)


def _said(made: dict[str, Any]) -> str:
    decision = made["decision"]
    state = f"{made['state']}: {decision['outcome']}" if decision else made["state"]
    return f"{made['id']}  {state}, version {made['version']}  {made['title']}"
