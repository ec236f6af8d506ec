"""Every promise has its tests, and they are there under these names."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from tests.promises import PROMISES, Promise

TESTS = Path(__file__).parent
PROMISED = 13


@cache
def functions_of(file: str) -> frozenset[str]:
    tree = ast.parse((TESTS / file).read_text("utf-8"))
    return frozenset(one.name for one in tree.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef))


@pytest.mark.parametrize("promise", PROMISES, ids=[one.name for one in PROMISES])
def test_what_is_promised_is_shown(promise: Promise) -> None:
    assert promise.tests
    for named in promise.tests:
        file, _, function = named.partition("::")
        assert function.startswith("test_")
        assert function in functions_of(file), f"{named} is not there any more"


def test_there_is_a_promise_of_each_name() -> None:
    assert len({one.name for one in PROMISES}) == len(PROMISES) == PROMISED
    assert len({one.tests[0] for one in PROMISES}) == PROMISED, "each has a test of its own"
