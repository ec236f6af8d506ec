"""What the command prints: results on stdout (tables for people, JSON for programs), the rest on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, NoReturn

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from services.cli.plain_progress import PlainProgress

EXIT_FAILED = 1
"""The server refused, or what was checked does not hold."""
EXIT_USAGE = 2
"""The command line or the settings are wrong."""
EXIT_UNREACHABLE = 3
"""No server answers."""
EXIT_UNANSWERED = 4
"""The server took the request and has not answered in time: whether it was done is not known."""

TEXT_SHOWN = 90
"""Characters of a text in a line; with --json it is there in full."""

_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))

out = Console()
err = Console(stderr=True)


def print_json(value: Any) -> None:
    """One JSON document, indented, on stdout."""
    sys.stdout.write(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode() + "\n")


def print_line(value: Any) -> None:
    """One JSON document on one line, flushed: for streams that are piped."""
    sys.stdout.write(orjson.dumps(value).decode() + "\n")
    sys.stdout.flush()


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, empty: str) -> None:
    """A table for people; `empty` says what will appear here, and how to make it appear."""
    if not rows:
        err.print(empty)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column)
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    out.print(table)


def fail(message: str, code: int = EXIT_FAILED) -> NoReturn:
    """Say what is wrong, on stderr, and end."""
    err.print(message, style="red", highlight=False, markup=False)
    raise typer.Exit(code)


def _say(line: str) -> None:
    err.print(line, highlight=False, markup=False, soft_wrap=True)


@contextmanager
def progress(description: str, total: int | None = None) -> Iterator[Any]:
    """A bar on stderr, or plain lines now and then where that is no terminal; yields a function that takes
    (done, total, description)."""
    if not err.is_terminal:
        yield PlainProgress(description, total, say=_say, now=time.monotonic).advance
        return
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=err,
        transient=True,
    ) as bar:
        task = bar.add_task(description, total=total)

        def advance(done: int, total: int | None = None, description: str | None = None) -> None:
            bar.update(task, completed=done, total=total, description=description)

        yield advance


def since(moment: str | None, now: datetime | None = None) -> str:
    """How long ago an instant of the API was, for people: `12 s`, `7 min`, `3 h`, `5 d`; empty for none."""
    if moment is None:
        return ""
    seconds = age(moment, now)
    unit, size = next(one for one in _UNITS if seconds >= one[1] or one[1] == 1)
    return f"{seconds // size:.0f} {unit}"


def age(moment: str | None, now: datetime | None = None) -> float:
    """Seconds since an instant of the API; 0 for none."""
    if moment is None:
        return 0.0
    return max(0.0, ((now or datetime.now(UTC)) - datetime.fromisoformat(moment)).total_seconds())


def bar(score: float, width: int = 10) -> str:
    """A score in [0, 1] as a bar of eighths of a character."""
    eighths = round(max(0.0, min(1.0, score)) * width * 8)
    full, part = divmod(eighths, 8)
    return "█" * full + (" ▏▎▍▌▋▊▉"[part] if part else "") or "·"


def short(text: str) -> str:
    """A text on one line, its beginning if it is long."""
    line = " ".join(text.split())
    return line if len(line) <= TEXT_SHOWN else f"{line[:TEXT_SHOWN]} …"


def staleness(profile: dict[str, Any] | None) -> str:
    """What to say behind a company's name of a profile that nobody has looked after; empty of any other."""
    if profile is None or profile["state"] != "stale":
        return ""
    return f", stale: last confirmed {profile['last_confirmed']}"
