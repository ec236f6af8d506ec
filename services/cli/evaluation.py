"""`evaluate`: how good the suggestions are, on a judged bundle."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from services.cli.output import EXIT_USAGE, fail, out, print_json, print_table, progress
from services.cli.server import DataDir, settings_or_fail


class Task(StrEnum):
    match = "match"


def register(app: typer.Typer) -> None:
    app.command()(evaluate)


def evaluate(
    bundle: Annotated[
        Path,
        typer.Option(help="Folder with challenges.jsonl, companies.jsonl (.gz) and judgements.tsv."),
    ],
    task: Annotated[Task, typer.Option(help="match: challenge → companies.")] = Task.match,
    json_file: Annotated[
        Path | None,
        typer.Option("--json", help="Also write the figures to this file, as JSON; `-`: print JSON alone."),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Index a bundle through the product's own code into a scratch index, score every challenge by the
    product's own matching, and print nDCG@10, nDCG@50, recall@50 and MRR.

    What was embedded is kept in the data folder, so that a second run is faster.
    """
    from services.evaluation.bundle import BundleError
    from services.evaluation.run import evaluate_match

    settings = settings_or_fail(data_dir=data_dir)
    try:
        with progress("reading the bundle") as advance:
            metrics = asyncio.run(
                evaluate_match(settings, bundle, lambda what, done, total: advance(done, total, what))
            )
    except BundleError as error:
        fail(str(error), EXIT_USAGE)
    result: dict[str, Any] = {"task": task.value, "method": "liaison", "metrics": metrics}
    if json_file == Path("-"):
        print_json(result)
        return
    if json_file is not None:
        json_file.write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2) + b"\n")
    print_table(("metric", "liaison"), [(name, f"{value:.4f}") for name, value in metrics.items()], empty="")
    out.print(f"bundle {bundle.name}, task {task}", style="dim", highlight=False)
