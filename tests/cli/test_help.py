"""Every command explains itself."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import pytest
import typer
from typer.main import get_group
from typer.testing import CliRunner

import services.cli
from services.cli.main import ROOMS, app
from services.cli.output import bar, since
from tests.conftest import START

WANTED = {
    "serve", "demo", "announce", "import companies", "subscribe", "stream", "step", "matches", "reindex",
    "replay",
    "dead-letters list", "dead-letters show", "dead-letters redrive", "dead-letters discard", "ledger verify",
    "schemas export", "evaluate", "status", "resume", "database upgrade", "database downgrade",
    "database revise",
}  # fmt: skip


def commands(group: Any, *path: str) -> Iterator[tuple[str, Any]]:
    """Typer brings a click of its own in some releases: a group is what has commands."""
    if hasattr(group, "commands"):
        for name, one in group.commands.items():
            yield from commands(one, *path, name)
    else:
        yield " ".join(path), group


EVERY = dict(commands(typer.main.get_command(app)))


def test_the_commands_that_the_product_has() -> None:
    assert set(EVERY) >= WANTED


@pytest.mark.parametrize("name", sorted(EVERY))
def test_help_says_what_it_does_and_what_each_option_is(name: str) -> None:
    command = EVERY[name]
    assert command.help, "no help"
    assert len(command.help.split()) >= 4
    assert " ".join(command.help.split("\n\n")[0].split()).endswith(".")
    for parameter in command.params:
        assert parameter.name == "help" or getattr(parameter, "help", None), f"{parameter.name} has no help"
    shown = CliRunner().invoke(app, [*name.split(), "--help"])
    assert shown.exit_code == 0
    assert "Usage:" in shown.stdout


WITHOUT_JSON = {
    "serve": "a process", "demo": "a process", "gateway": "a process", "worker": "a process",
    "relay": "a process", "courier": "a process",
    "secrets new-key": "prints the key alone",
    "ledger export": "prints one line of JSON as it is",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(EVERY))
def test_programs_can_read_what_it_prints(name: str) -> None:
    offered = any("--json" in parameter.opts for parameter in EVERY[name].params)
    assert offered != (name in WITHOUT_JSON)


def test_no_command_is_forgotten() -> None:
    for _, name, _ in iter_modules(services.cli.__path__, "services.cli."):
        if name.endswith("__main__"):
            continue
        register = getattr(import_module(name), "register", None)
        if register is not None:
            room = typer.Typer()
            register(room)
            registered = {command for command, _ in commands(get_group(room))}
            assert {command.split()[0] for command in registered} <= set(ROOMS), name


def test_the_whole_explains_itself_and_tells_its_version() -> None:
    whole = CliRunner().invoke(app, ["--help"])
    assert whole.exit_code == 0
    assert "LIAISON_KEY" in whole.stdout
    told = CliRunner().invoke(app, ["--version"])
    assert told.stdout.startswith("liaison ")


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        (None, ""),
        ("2026-11-21T08:59:48Z", "12 s"),
        ("2026-11-21T08:53:00Z", "7 min"),
        ("2026-11-21T06:00:00+00:00", "3 h"),
        ("2026-11-16T08:00:00Z", "5 d"),
        ("2026-11-21T09:00:10Z", "0 s"),
    ],
)
def test_how_long_ago(moment: str | None, said: str) -> None:
    assert since(moment, START) == said


@pytest.mark.parametrize(
    ("score", "drawn"), [(0.0, "·"), (1.0, "████"), (0.5, "██"), (2.0, "████"), (-1.0, "·"), (0.53125, "██▏")]
)
def test_a_bar(score: float, drawn: str) -> None:
    assert bar(score, 4) == drawn
