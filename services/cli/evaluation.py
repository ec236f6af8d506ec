"""`evaluate`: how good the suggestions are, on a judged bundle."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from services.cli.evaluation_report import print_reports
from services.cli.output import EXIT_USAGE, fail, out, print_json, progress
from services.cli.server import DataDir, settings_or_fail
from services.evaluation.choices import Method, Task, methods_of
from services.kernel.clock import SystemClock

if TYPE_CHECKING:
    from services.evaluation.result import Report


STDOUT = Path("-")


class MethodChoice(StrEnum):
    """A method by its name, or all of them; written out, because a type checker reads no computed members."""

    liaison = Method.liaison.value
    unbounded = Method.unbounded.value
    bm25 = Method.bm25.value
    dense = Method.dense.value
    mean_vector = Method.mean_vector.value
    every = "all"


def register(app: typer.Typer) -> None:
    app.command()(evaluate)


def evaluate(
    bundle: Annotated[
        Path,
        typer.Option(
            help="Folder with challenges.jsonl, and companies.jsonl and judgements.tsv (match, reverse, "
            "consortium), "
            "pairs.tsv (pair) or translations.jsonl (translate). JSON lines may be compressed (.gz)."
        ),
    ],
    task: Annotated[
        Task,
        typer.Option(
            help="match: challenge → companies; reverse: company → challenges; pair: needs of other buyers "
            "that are alike; translate: the same need in English; consortium: who is missing in a team, and "
            "which team it would be."
        ),
    ] = Task.match,
    method: Annotated[
        list[MethodChoice] | None,
        typer.Option(
            help="Repeat it to compare several side by side; default: liaison, the product itself.",
        ),
    ] = None,
    json_file: Annotated[
        Path | None,
        typer.Option(
            "--json",
            help="Also write the figures to this file, as JSON, a list if there are several methods; "
            "`-`: print JSON alone.",
        ),
    ] = None,
    publish: Annotated[
        Path | None,
        typer.Option(
            help="Also put the figures into this file of published ones, as the page about scores shows them "
            "(services/matching/data/measured.json)."
        ),
    ] = None,
    collection: Annotated[
        str | None,
        typer.Option(help="Name of the bundle among published figures; default: that of its folder."),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Put a bundle through the product's own indexing and scoring, in a scratch index, and print how good it
    is, with 95 % intervals (bootstrap over the queries).

    What was embedded is kept in the data folder, so that a second run is faster.
    """
    from services.evaluation.bundle import BundleError
    from services.evaluation.run import evaluate as run_evaluation

    settings = settings_or_fail(data_dir=data_dir)
    _refuse_what_cannot_be_written(json_file, publish)
    try:
        with progress("reading the bundle") as advance:
            found = asyncio.run(
                run_evaluation(
                    settings,
                    bundle,
                    task,
                    _methods(method or [], task),
                    lambda what, done, total: advance(done, total, what),
                )
            )
    except BundleError as error:
        fail(str(error), EXIT_USAGE)
    documents = [one.as_json() for one in found]
    shown = documents if len(documents) > 1 else documents[0]
    if publish is not None:
        _publish(publish, found, collection or bundle.resolve().name)
    if json_file == STDOUT:
        print_json(shown)
        return
    if json_file is not None:
        _write(json_file, shown)
    print_reports(found)
    out.print(f"bundle {bundle.name}, task {task}", style="dim", highlight=False)


def _methods(chosen: Sequence[MethodChoice], task: Task) -> list[Method]:
    """In the order named, each once; the product alone where none is named."""
    if MethodChoice.every in chosen:
        return methods_of(task)
    return [Method(one.value) for one in dict.fromkeys(chosen)] or [Method.liaison]


def _refuse_what_cannot_be_written(json_file: Path | None, publish: Path | None) -> None:
    """Before minutes of work, not behind them."""
    from services.evaluation.bundle import BundleError
    from services.evaluation.publish import present

    for file, option in ((json_file, "--json"), (publish, "--publish")):
        if file is not None and not file.parent.is_dir():
            fail(f"{file} cannot be written: no folder {file.parent}. Name another file with {option}.")
    try:
        if publish is not None:
            present(publish)
    except BundleError as error:
        fail(str(error), EXIT_USAGE)
    except OSError as error:
        fail(f"{publish} cannot be read: {error.strerror}. Name another file with --publish.")


def _publish(file: Path, found: Sequence[Report], collection: str) -> None:
    from services.evaluation.bundle import BundleError
    from services.evaluation.publish import publish

    try:
        publish(file, found, collection, SystemClock().now().date())
    except BundleError as error:
        fail(str(error), EXIT_USAGE)
    except OSError as error:
        fail(f"{file} cannot be written: {error.strerror}. Name another file with --publish.")


def _write(file: Path, shown: Any) -> None:
    try:
        file.write_bytes(orjson.dumps(shown, option=orjson.OPT_INDENT_2) + b"\n")
    except OSError as error:
        fail(f"{file} cannot be written: {error.strerror}. Name another file with --json.")
