"""`answer`: what a company says to a suggestion."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from schemas.match import CompanyAnswer, DismissalReason
from services.cli.client import Json, Key, Url, connected
from services.cli.output import EXIT_USAGE, fail, out, print_json


class Reason(StrEnum):
    """The reasons as they are typed."""

    too_far = "too-far"
    no_capacity = "no-capacity"
    wrong_country = "wrong-country"
    already_known = "already-known"


def register(app: typer.Typer) -> None:
    app.command()(answer)


def answer(
    match: Annotated[str, typer.Argument(help="Id of a match (mat_…): `liaison matches cmp_… --ids`.")],
    interested: Annotated[bool, typer.Option("--interested", help="The company is interested.")] = False,
    dismiss: Annotated[Reason | None, typer.Option(help="It is not for the company, and why.")] = None,
    take_back: Annotated[bool, typer.Option("--take-back", help="Take the answer back.")] = False,
    note: Annotated[str | None, typer.Option(help="For the company's own file; no buyer reads it.")] = None,
    url: Url = "http://localhost:8000",
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Answer a match for a company: interested, or not for us.

    Answer again to change it. Whoever announced sees the answer, not the reason; no answer changes a score.

        liaison answer mat_… --interested
        liaison answer mat_… --dismiss too-far
    """
    if interested + (dismiss is not None) + take_back != 1:
        fail("Say one thing: --interested, --dismiss REASON, or --take-back.", EXIT_USAGE)
    path = f"/v1/matches/{match}/answer"
    with connected(url, key) as client:
        if take_back:
            client.delete(path)
            made = client.get(f"/v1/matches/{match}")
        else:
            body = {"answer": CompanyAnswer.interested, "note": note}
            if dismiss is not None:
                body |= {"answer": CompanyAnswer.dismissed, "reason": DismissalReason[dismiss.name]}
            made = client.post(path, {name: value for name, value in body.items() if value is not None})
    if as_json:
        print_json(made)
        return
    state = made["state"]
    out.print(f"{made['id']}  {state}  {made['challenge']['title']}", highlight=False, markup=False)
