"""The outcomes as a table for people and as a file for machines."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tests.chaos.run import Outcome

RESULTS = Path("var") / "chaos.json"
SHOWN = 10
"""Troubles of one fault that are printed; the file has all."""


def show(console: Console, outcomes: Sequence[Outcome]) -> None:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("fault")
    for heading in ("rounds", "events", "webhooks", "lost", "wrongly\nrepeated", "seconds to recover"):
        table.add_column(heading, justify="right")
    table.add_column("")
    for one in outcomes:
        table.add_row(
            f"[bold]{one.fault}[/bold]\n[dim]{one.about}[/dim]",
            str(one.rounds),
            f"{one.events:,}",
            f"{one.webhooks:,}",
            str(one.lost),
            str(one.wrongly_repeated),
            recovery(one.seconds),
            "[green]kept[/green]" if one.is_good else "[red]broken[/red]",
        )
    console.print(table)
    for one in outcomes:
        for note in one.notes:
            console.print(f"[bold]{one.fault}[/bold]  [dim]{escape(note)}[/dim]", highlight=False)
        for trouble in one.troubles[:SHOWN]:
            console.print(f"[bold]{one.fault}[/bold]  [red]{escape(trouble)}[/red]", highlight=False)
        if len(one.troubles) > SHOWN:
            console.print(f"[bold]{one.fault}[/bold]  and {len(one.troubles) - SHOWN} more", highlight=False)


def recovery(seconds: Sequence[float]) -> str:
    """The only one, or the median and the worst."""
    if not seconds:
        return "–"
    if len(seconds) == 1:
        return f"{seconds[0]:.1f}"
    return f"{statistics.median(seconds):.1f}, at most {max(seconds):.1f}"


def write(outcomes: Sequence[Outcome], file: Path = RESULTS) -> None:
    """Bring the file up to date: faults that were left out this time keep their last outcome."""
    known = {one["fault"]: one for one in json.loads(file.read_text("utf-8"))} if file.is_file() else {}
    for one in outcomes:
        known[one.fault] = asdict(one) | {"kept": one.is_good}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(list(known.values()), indent=2, ensure_ascii=False) + "\n", "utf-8")
