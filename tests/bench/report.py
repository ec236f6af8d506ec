"""The figures as a file for machines and as a table for people."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench.figures import Bench, Figure, Samples, quartiles

RESULTS = Path("var") / "bench.json"


def write(figures: Sequence[Figure], file: Path = RESULTS) -> None:
    """Bring the file up to date: benches that were left out this time keep their last figure."""
    known: dict[str, Figure] = {}
    if file.is_file():
        known = {one["name"]: one for one in json.loads(file.read_text("utf-8"))}
    known |= {one["name"]: one for one in figures}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(list(known.values()), indent=2, ensure_ascii=False) + "\n", "utf-8")


def show(console: Console, measured: Sequence[tuple[Bench, Figure, Samples]]) -> None:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("bench")
    for heading in ("ratio", "aim", "ours", "reference"):
        table.add_column(heading, justify="right")
    table.add_column("unit")
    table.add_column("")
    for bench, figure, samples in measured:
        table.add_row(
            f"[bold]{bench.name}[/bold]",
            f"[bold]{figure['ratio']:g}[/bold]",
            str(bench.aim),
            f"{figure['ours']:g}\n[dim]{quartiles(samples.ours)}[/dim]",
            f"{figure['reference']:g}\n[dim]{quartiles(samples.reference)}[/dim]",
            figure["unit"],
            "[green]met[/green]" if figure["met"] else "[red]missed[/red]",
        )
    console.print(table)
    console.print()
    for bench, _, samples in measured:
        console.print(f"[bold]{bench.name}[/bold]  {bench.about}", highlight=False)
        for note in samples.notes:
            console.print(f"  [dim]{note}[/dim]", highlight=False)
