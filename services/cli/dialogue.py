"""`dialogue`: questions on a challenge, and answers that everybody reads at the same moment."""

from __future__ import annotations

from typing import Annotated

import typer

from services.cli.client import Json, Key, Url, connected
from services.cli.output import EXIT_USAGE, fail, out, print_json

commands = typer.Typer(help="Questions on a challenge, and answers for everybody.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(commands, name="dialogue")


Challenge = Annotated[str, typer.Argument(help="Id of a challenge (chl_…).")]


@commands.command()
def show(
    challenge: Challenge,
    url: Url = "http://localhost:8000",
    key: Key = None,
    as_json: Json = False,
) -> None:
    """What was asked and answered, and your own questions; for the buyer those that wait."""
    with connected(url, key) as client:
        found = client.get(f"/v1/challenges/{challenge}/dialogue")
    if as_json:
        print_json(found)
        return
    for one in found["entries"]:
        _line(f"{one['number']}. {one['question'] or 'To all'}")
        _line(f"   {one['answer']}")
    for one in found["questions"]:
        said = {"declined": f"declined: {one['reason']}", "answered": f"answered as {one['entry']}"}
        _line(f"{one['id']}  {said.get(one['state'], 'waits for an answer')}")
        _line(f"   {one['text']}")
    if not found["entries"] and not found["questions"]:
        _line("Nothing was asked yet." if found["open"] else "Nothing was asked.")
    if found["open"]:
        _line(f"Questions are taken until {found['closes']}.")


@commands.command()
def ask(
    challenge: Challenge,
    text: Annotated[str, typer.Argument(help="The question, without who you are: it is published.")],
    url: Url = "http://localhost:8000",
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Ask the buyer. Nobody learns who asked; everybody reads the answer."""
    with connected(url, key) as client:
        made = client.post(f"/v1/challenges/{challenge}/dialogue/questions", {"text": text})
    if as_json:
        print_json(made)
        return
    _line(f"{made['id']}  received; the answer is published to everybody")


@commands.command()
def answer(
    challenge: Challenge,
    text: Annotated[str, typer.Argument(help="The answer.")],
    question: Annotated[
        list[str] | None,
        typer.Option(help="Which question it answers (que_…); several are merged; none: a word to all."),
    ] = None,
    wording: Annotated[
        str | None, typer.Option(help="The question as it is published; needed where several are merged.")
    ] = None,
    url: Url = "http://localhost:8000",
    key: Key = None,
    as_json: Json = False,
) -> None:
    """For the buyer: answer everybody at once. What is published stays."""
    if len(question or ()) > 1 and wording is None:
        fail("Several questions are merged: give the --wording in which they are published.", EXIT_USAGE)
    entry = {"questions": question or [], "wording": wording, "answer": text}
    with connected(url, key) as client:
        made = client.post(f"/v1/challenges/{challenge}/dialogue/entries", {"entries": [entry]})
    if as_json:
        print_json(made)
        return
    _line(f"published as {made['entries'][0]['number']}")


@commands.command()
def decline(
    challenge: Challenge,
    question: Annotated[str, typer.Argument(help="Id of a question (que_…).")],
    reason: Annotated[str, typer.Option(help="Whoever asked reads it.")],
    url: Url = "http://localhost:8000",
    key: Key = None,
    as_json: Json = False,
) -> None:
    """For the buyer: leave a question without an answer, and say why to whoever asked."""
    with connected(url, key) as client:
        made = client.post(
            f"/v1/challenges/{challenge}/dialogue/questions/{question}/decline", {"reason": reason}
        )
    if as_json:
        print_json(made)
        return
    _line(f"{made['id']}  {made['state']}")


def _line(text: str) -> None:
    out.print(text, highlight=False, markup=False)
