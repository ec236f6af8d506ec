"""Logs are JSON lines with a trace id, and hold neither secrets nor persons."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.log_repeats import EVERY_S, Repeats
from services.kernel.logs import MASK, VALUE_MAX, masked, start_logging
from services.kernel.security import new_key
from services.kernel.settings import LogFormat, LogLevel
from services.kernel.telemetry import current_trace_id, span
from tests.tracing import traced


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level, config = root.handlers[:], root.level, structlog.get_config()
    stream = io.StringIO()
    start_logging(LogLevel.info, LogFormat.json, stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**config)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_json_with_level_logger_and_time(stream: io.StringIO) -> None:
    structlog.get_logger("liaison.test").info("challenge_announced", challenge="chl_1", version=2)
    structlog.get_logger("liaison.test").debug("too quiet")
    (line,) = lines(stream)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "challenge_announced",
        "challenge": "chl_1",
        "version": 2,
        "level": "info",
        "logger": "liaison.test",
    }


def test_what_libraries_log_goes_the_same_way(stream: io.StringIO) -> None:
    logging.getLogger("uvicorn.error").info("Started at %s", "http://user:pass@host/")
    logging.getLogger("uvicorn.access").info("GET /?key=1")
    logging.getLogger("alembic.runtime.migration").info("Running upgrade 0001 -> 0002")
    logging.getLogger("alembic.runtime.migration").warning("a revision is missing")
    line, warning = lines(stream)
    assert warning["event"] == "a revision is missing"
    assert line["event"] == f"Started at http://{MASK}@host/"
    assert line["logger"] == "uvicorn.error"


def test_what_a_library_says_again_and_again_is_said_once_in_a_while(stream: io.StringIO) -> None:
    """A broker that is down makes a worker's libraries say so a thousand times a second."""
    for attempt in range(1_000):
        logging.getLogger("aiokafka.consumer").error("Unable to connect to node %s: %s", 1, attempt)
    logging.getLogger("aiokafka.consumer").error("Marking the coordinator dead")
    for _ in range(2):
        logging.getLogger("liaison.kafka").error("what we say ourselves")
    assert [line["event"] for line in lines(stream)] == [
        "Unable to connect to node 1: 0",
        "Marking the coordinator dead",
        *["what we say ourselves"] * 2,
    ]


def test_a_repetition_tells_how_many_were_left_out(stream: io.StringIO) -> None:
    clock = iter((0.0, EVERY_S / 2, EVERY_S - 0.1, EVERY_S, 2 * EVERY_S))
    (handler,) = [one for one in logging.getLogger().handlers if getattr(one, "liaison", False)]
    handler.filters = [Repeats(("aiokafka",), now=lambda: next(clock))]
    for _ in range(5):
        logging.getLogger("aiokafka").error("Unable to connect")
    assert [line.get("left_out") for line in lines(stream)] == [None, 2, None]


def test_errors_come_with_their_trace_masked(stream: io.StringIO) -> None:
    try:
        raise ValueError("no such person: ada@example.org")
    except ValueError:
        structlog.get_logger().exception("went_wrong")
        logging.getLogger("library").exception("went wrong too")
    for line in lines(stream):
        assert "ValueError" in line["exception"]
        assert "ada@" not in line["exception"]


def test_lines_of_a_request_share_its_trace_id(stream: io.StringIO) -> None:
    with traced(), span("a request"):
        structlog.get_logger().info("one")
        logging.getLogger("library").warning("two")
        trace_id = current_trace_id()
    assert {line["trace_id"] for line in lines(stream)} == {trace_id}


SECRETS = st.sampled_from(
    [
        new_key(),
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "ada.lovelace+x@mail.example.org",
        "Bearer abcdefgh123",
    ]
)
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="@_"), max_size=20)


def shapes(leaf: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(leaf, lambda inner: st.lists(inner) | st.dictionaries(WORDS, inner), max_leaves=8)


@given(shapes(st.tuples(WORDS, SECRETS).map(" ".join) | st.integers() | st.none() | st.binary()))
def test_no_secret_and_no_address_gets_through(value: Any) -> None:
    shown = json.dumps(masked(value), default=str)
    for secret in ("whsec_M", "ada.lovelace", "abcdefgh123"):
        assert secret not in shown
    assert "lia_" not in shown


@pytest.mark.parametrize(
    "name",
    ["authorization", "Authorization", "set_cookie", "password", "secret", "api_key", "email", "contact"],
)
def test_sensitive_keys_are_masked_whatever_they_hold(name: str, stream: io.StringIO) -> None:
    structlog.get_logger().info("x", **{name: "plain", "inner": {name: ["plain"]}})
    (line,) = lines(stream)
    assert line[name] == MASK
    assert line["inner"][name] == MASK


def test_long_and_deep_values_are_cut(stream: io.StringIO) -> None:
    deep: Any = "x"
    for _ in range(50):
        deep = [deep]
    structlog.get_logger().info("x", long="y" * 100_000, deep=deep, lone="\ud800")
    (line,) = lines(stream)
    assert len(line["long"]) == VALUE_MAX + 1
    assert MASK in str(line["deep"])


def test_a_person_gets_plain_lines(stream: io.StringIO) -> None:
    start_logging(LogLevel.info, LogFormat.console, stream)
    structlog.get_logger().info("started", address="http://localhost:8000", secret="s")
    assert "started" in stream.getvalue()
    assert not stream.getvalue().startswith("{")
    assert MASK in stream.getvalue()
