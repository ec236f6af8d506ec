"""`python -m tests.chaos`: every fault in full; ends with one table, and writes var/chaos.json."""

from __future__ import annotations

import argparse
import asyncio
import os
import random
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from tests.chaos import report
from tests.chaos.faults import Scale
from tests.chaos.run import Outcome
from tests.chaos.scenarios import SCENARIOS
from tests.kafka_broker import NEITHER


def main() -> int:
    known = {one.name: one for one in SCENARIOS}
    whole = Scale()
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--only", action="append", choices=sorted(known), metavar="NAME", help="this fault")
    parser.add_argument("--rounds", type=int, default=whole.rounds, help="of kill -9 (%(default)s)")
    parser.add_argument("--within", type=float, default=whole.within, help="minutes of kill -9 (no end)")
    parser.add_argument("--outage", type=float, default=whole.outage_s, help="seconds (%(default)s)")
    parser.add_argument("--minutes", type=float, default=whole.minutes, help="of the soak (%(default)s)")
    parser.add_argument("--load", type=float, default=whole.load, help="share of the full load (1)")
    parser.add_argument("--seed", type=int, help="of all that happens by chance (default: a new one)")
    parser.add_argument("--list", action="store_true", help="name the faults")
    wanted = parser.parse_args()
    console = Console()
    if wanted.list:
        for scenario in known.values():
            console.print(f"{scenario.name:<22}{scenario.about}", highlight=False)
        return 0
    home = os.environ.get("KAFKA_HOME")
    if not home:
        parser.error(NEITHER.partition(" or ")[0])
    seed = random.randrange(1 << 30) if wanted.seed is None else wanted.seed
    console.print(f"seed {seed}", highlight=False)
    outcomes: list[Outcome] = []
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    for name in wanted.only or known:
        with Progress(*columns, console=console, transient=True) as bar:
            task = bar.add_task(name)

            def tell(what: str, name: str = name, bar: Progress = bar, task: TaskID = task) -> None:
                bar.update(task, description=f"[bold]{name}[/bold]  {escape(what)}")
                if not console.is_terminal:
                    console.print(f"{name}: {what}", highlight=False, markup=False)

            tell("a town is built")
            scale = Scale(
                rounds=wanted.rounds,
                within=wanted.within,
                outage_s=wanted.outage,
                minutes=wanted.minutes,
                load=wanted.load,
                progress=tell,
            )
            outcome = asyncio.run(known[name].run(scale, Path(home), seed))
        outcomes.append(outcome)
        report.write([outcome])
        kept = "[green]kept[/green]" if outcome.is_good else "[red]broken[/red]"
        console.print(f"{name}: {kept}, {report.recovery(outcome.seconds)} s to recover", highlight=False)
    console.print()
    report.show(console, outcomes)
    console.print(f"\nwritten to {report.RESULTS}", highlight=False)
    return 0 if all(one.is_good for one in outcomes) else 1


if __name__ == "__main__":
    raise SystemExit(main())
