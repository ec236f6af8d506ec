"""Tests side by side: `make test` runs several workers (pytest-xdist), each with whole files of tests.

A test that measures time asks to be `alone`: it waits until the tests of the other workers have ended, and
none begins before it has. Processes that a worker keeps for later tests go on, at rest. What is dear to
start is `shared`.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO

import pytest

_FIRST = ("end_to_end", "chaos", "deploy", "cli", "kernel", "bootstrap", "courier")
"""Folders with files of a minute and more come first: at the end the workers share what is short, so that
none goes on alone with a long one. Files with tests that want to be alone come last: amid the others each
would have all workers wait until the longest test of the moment has ended. What prepares at length and then
wants to be `undisturbed` comes before the short ones: they run beside what it prepares."""

_FOLDER = "LIAISON_TESTS_SIDE_BY_SIDE"
"""Environment variable by which the workers inherit the folder that they share."""

_PROCESS = ".process"

_ROOM = pytest.StashKey[IO[str]]()


def pytest_configure(config: pytest.Config) -> None:
    if getattr(config, "workerinput", None) is None:
        os.environ[_FOLDER] = tempfile.mkdtemp(prefix="liaison-tests-")


def pytest_unconfigure(config: pytest.Config) -> None:
    if getattr(config, "workerinput", None) is None:
        folder = Path(os.environ.pop(_FOLDER))
        for started in folder.glob(f"*{_PROCESS}"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(started.stem), signal.SIGKILL)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def shared(name: str) -> Iterator[Path]:
    """A folder that all workers of this run have in common, with one of them in it at a time."""
    folder = Path(os.environ[_FOLDER]) / name
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


def ends_with_the_run(pid: int) -> None:
    """The process is killed when all workers have ended, whichever of them has started it."""
    (Path(os.environ[_FOLDER]) / f"{pid}{_PROCESS}").touch()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    ranks = {folder: rank for rank, folder in enumerate(_FIRST)}
    here = Path(__file__).parent
    last = {item.path for item in items if item.get_closest_marker("alone") is not None}
    prepares = {item.path for item in items if "undisturbed" in getattr(item, "fixturenames", ())}

    def place(item: pytest.Item) -> tuple[bool, int, bool]:
        rank = ranks.get(item.path.relative_to(here).parts[0], len(ranks))
        is_prepared = item.path in prepares
        return item.path in last, len(ranks) if is_prepared else rank, not is_prepared

    items.sort(key=place)


@pytest.hookimpl(wrapper=True, tryfirst=True)  # outside of the test's own time-out
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    with _open("room") as room:
        if item.get_closest_marker("alone") is not None:
            _enter(room, fcntl.LOCK_EX)
        else:
            _enter(room, fcntl.LOCK_SH)
        item.stash[_ROOM] = room
        return (yield)


@pytest.fixture
def undisturbed(request: pytest.FixtureRequest) -> Callable[[], AbstractContextManager[None]]:
    """For tests that prepare at length what they measure: alone only `with undisturbed():`."""

    @contextmanager
    def entered() -> Iterator[None]:
        room = request.node.stash[_ROOM]
        fcntl.flock(room, fcntl.LOCK_UN)  # two that stay in and wait for an empty room would wait for ever
        _enter(room, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(room, fcntl.LOCK_SH)

    return entered


def _enter(room: IO[str], how: int) -> None:
    """Everybody passes a turnstile into the room; who wants to be alone keeps it shut until the room is
    empty. Without it the others could follow each other for ever."""
    with _open("turnstile") as turnstile:
        fcntl.flock(turnstile, fcntl.LOCK_EX)
        fcntl.flock(room, how)


def _open(name: str) -> IO[str]:
    return (Path(os.environ[_FOLDER]) / name).open("a")
