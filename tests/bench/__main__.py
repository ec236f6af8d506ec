"""`python -m tests.bench`: ratios measured in one run, as a table and in var/bench.json."""

from __future__ import annotations

import argparse
import time

from rich.console import Console

from tests.bench import report
from tests.bench.figures import Bench, Figure, Samples, Scale
from tests.bench.runner import benches, run_apart


def main() -> int:
    known = benches()
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", action="append", choices=sorted(known), metavar="NAME", help="this bench")
    parser.add_argument("--quick", action="store_true", help="small and few: to see that everything runs")
    parser.add_argument("--list", action="store_true", help="name the benches")
    wanted = parser.parse_args()
    console = Console()
    if wanted.list:
        for bench in known.values():
            console.print(f"{bench.name:<16}{bench.about}", highlight=False)
        return 0
    measured: list[tuple[Bench, Figure, Samples]] = []
    for name in wanted.only or known:
        began = time.monotonic()
        console.print(f"[dim]{name} …[/dim]")
        samples = run_apart(name, Scale(wanted.quick))
        console.print(f"[dim]{name}: {time.monotonic() - began:.0f} s[/dim]", highlight=False)
        measured.append((known[name], known[name].figure(samples), samples))
    console.print()
    report.show(console, measured)
    if not wanted.quick:
        report.write([figure for _, figure, _ in measured])
        console.print(f"\nwritten to {report.RESULTS}", highlight=False)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
