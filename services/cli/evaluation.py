"""`evaluate`: how good the suggestions are, on a judged bundle."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from services.cli.output import EXIT_USAGE, fail, out, print_json, print_table, progress
from services.cli.server import DataDir, settings_or_fail
from services.evaluation.choices import Method, Task, methods_of
from services.kernel.clock import SystemClock

if TYPE_CHECKING:
    from services.evaluation.result import Report


GROUPS_SHOWN = 12
"""Groups of an exposure table that are printed; the JSON has all."""


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
    if json_file == Path("-"):
        print_json(shown)
        return
    if json_file is not None:
        _write(json_file, shown)
    if publish is not None:
        _publish(publish, found, collection or bundle.resolve().name)
    _print(found)
    out.print(f"bundle {bundle.name}, task {task}", style="dim", highlight=False)


def _methods(chosen: Sequence[MethodChoice], task: Task) -> list[Method]:
    """In the order named, each once; the product alone where none is named."""
    if MethodChoice.every in chosen:
        return methods_of(task)
    return [Method(one.value) for one in dict.fromkeys(chosen)] or [Method.liaison]


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


def _print(found: Sequence[Report]) -> None:
    columns = ["metric", "method", "figure", "95 % interval"]
    if len(found) > 1:
        columns.append(f"more than {found[0].method}")
    rows = [
        (name if place == 0 else "", one.method.value, *_figures(one, name), "")[: len(columns)]
        for name in found[0].metrics
        for place, one in enumerate(found)
    ]
    print_table(columns, rows, empty="")
    for one in found:
        _print_details(one.method, one.details)


def _figures(one: Report, name: str) -> tuple[str, ...]:
    low, high = one.intervals[name]
    shown = (f"{one.metrics[name]:.4f}", f"{low:.3f} to {high:.3f}")
    if name not in one.differences:
        return shown
    apart, (least, most) = one.differences[name]["difference"], one.differences[name]["interval"]
    return (*shown, f"{apart:+.4f} ({least:+.3f} to {most:+.3f})")


def _print_details(method: Method, details: Mapping[str, Any]) -> None:
    for title, shares in details.get("exposure", {}).get("shares", {}).items():
        largest = sorted(shares.items(), key=lambda row: -row[1][0])[:GROUPS_SHOWN]
        rows = [(group, f"{first:.1%}", f"{everybody:.1%}") for group, (first, everybody) in largest]
        out.print(f"\n{method}: who is among the first ten", highlight=False)
        print_table((title.replace("_", " "), "of the first ten", "of all companies"), rows, empty="")
    popularity = details.get("exposure", {}).get("popularity")
    if popularity is not None:
        out.print(
            f"{method}: number of references and mean rank correlate by {popularity:+.3f} (Spearman; "
            "negative: the better known come earlier)",
            highlight=False,
        )
    if "reliability" in details:
        out.print(f"\n{method}: what a score is worth", highlight=False)
        table = [
            (
                f"{row['low']:.1f} to {row['high']:.1f}",
                row["count"],
                f"{row['mean_score']:.3f}",
                f"{row['mean_claimed']:.4f}",
                f"{row['share_right']:.4f}",
            )
            for row in details["reliability"]
        ]
        print_table(("score", "pairs", "mean score", "said to be right", "right"), table, empty="")
        out.print(
            f"expected calibration error {details['calibration_error']:.4f}, "
            f"of what would be suggested {details['calibration_error_suggested']:.4f}",
            highlight=False,
        )
    for title, added in details.get("parts", {}).items():
        out.print(f"\n{method}: what each part adds to {title}", highlight=False)
        print_table(("part", "figure"), [(part, f"{figure:.4f}") for part, figure in added.items()], empty="")
    if "languages" in details:
        out.print(f"\n{method}: by language", highlight=False)
        languages = [
            (name, f"{row['p@1']:.3f}", f"{row['mrr']:.3f}", row["queries"])
            for name, row in details["languages"].items()
        ]
        print_table(("language", "p@1", "mrr", "needs"), languages, empty="")
