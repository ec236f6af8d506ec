"""Tests side by side: `make test` runs several workers (pytest-xdist), each with whole files of tests.

A test that measures time asks to be `alone`: it waits until the tests of the other workers have ended, and
none begins before it has. Processes and brokers that a worker keeps for later tests go on, at rest.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_FIRST = ("end_to_end", "chaos", "deploy", "cli", "kernel", "bootstrap", "courier")
"""Folders with files of a minute and more come first: at the end the workers share what is short, so that
none goes on alone with a long one."""

_FOLDER = "LIAISON_TESTS_SIDE_BY_SIDE"
"""Environment variable by which the workers inherit the folder of their locks."""


def pytest_configure(config: pytest.Config) -> None:
    if getattr(config, "workerinput", None) is None:
        os.environ[_FOLDER] = tempfile.mkdtemp(prefix="liaison-tests-")


def pytest_unconfigure(config: pytest.Config) -> None:
    if getattr(config, "workerinput", None) is None:
        shutil.rmtree(os.environ.pop(_FOLDER), ignore_errors=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    ranks = {folder: rank for rank, folder in enumerate(_FIRST)}
    here = Path(__file__).parent
    items.sort(key=lambda item: ranks.get(item.path.relative_to(here).parts[0], len(ranks)))


@pytest.hookimpl(wrapper=True, tryfirst=True)  # outside of the test's own time-out
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    with _room(Path(os.environ[_FOLDER]), alone=item.get_closest_marker("alone") is not None):
        return (yield)


@contextmanager
def _room(folder: Path, *, alone: bool) -> Iterator[None]:
    """Everybody passes a turnstile into the room; who wants to be alone keeps it shut until the room is
    empty. Without it the others could follow each other for ever."""
    with (folder / "turnstile").open("a") as turnstile, (folder / "room").open("a") as room:
        fcntl.flock(turnstile, fcntl.LOCK_EX)
        fcntl.flock(room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(turnstile, fcntl.LOCK_UN)
        yield
