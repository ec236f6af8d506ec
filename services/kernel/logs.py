"""Logs: one JSON object a line (or coloured lines where a person reads), with the trace id, without
personal data and without secrets. Everything goes through here, what libraries log included.

    log = structlog.get_logger(__name__)
    log.info("challenge_announced", challenge=challenge.id, version=challenge.version)
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import orjson
import structlog
from structlog.typing import Processor

from services.kernel.log_repeats import LEFT_OUT, Repeats
from services.kernel.settings import LogFormat, LogLevel
from services.kernel.telemetry import current_trace_id

MASK = "***"
VALUE_MAX = 4_000
"""Characters of one value that are logged: enough for a trace of calls, too few to flood the disk."""
DEPTH_MAX = 6
"""Nesting that is looked through; deeper values are left out."""

SENSITIVE_NAMES = re.compile(
    r"authori[sz]ation|cookie|password|passwd|secret|token|api_?key|^key$|private|signature|e_?mail|phone"
    r"|contact|^name$|first_name|last_name|^body$|^need$",
    re.IGNORECASE,
)
"""Keys whose values are never logged, whatever they are. Ids are for logging, names of people are not."""

_SENSITIVE_TEXT = re.compile(
    r"lia_[A-Za-z0-9_-]{8,}"  # API keys
    r"|liafeed_[A-Za-z0-9_-]{8,}"  # tokens in addresses of feeds
    r"|whsec_[A-Za-z0-9+/=_-]{8,}"  # webhook secrets
    r"|(?<=[Bb]earer )[A-Za-z0-9._~+/=-]{8,}"
    r"|(?<=://)[^\s/@:]+:[^\s/@]+(?=@)"  # user:password@ in addresses
    r"|[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+"  # e-mail addresses
)

_QUIET = {
    "uvicorn.access": logging.CRITICAL,
    "httpx": logging.WARNING,
    "aiokafka": logging.WARNING,
    "alembic": logging.WARNING,
}
"""Libraries that would say too much: every request is logged by the gateway already, and the revisions that a
start passes are news to nobody."""

_REPETITIVE = ("aiokafka", "faust", "mode")
"""Libraries that tell of every attempt."""


def masked(value: Any, depth: int = 0) -> Any:
    """The value without secrets and personal data: sensitive keys and everything that looks like one."""
    if isinstance(value, str):
        shown = value if len(value) <= VALUE_MAX else value[:VALUE_MAX] + "…"
        return _SENSITIVE_TEXT.sub(MASK, shown)
    if isinstance(value, bool | int | float | None):
        return value
    if depth >= DEPTH_MAX:
        return MASK
    if isinstance(value, dict):
        return {
            name: MASK if SENSITIVE_NAMES.search(str(name)) else masked(inner, depth + 1)
            for name, inner in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [masked(inner, depth + 1) for inner in value]
    return masked(str(value), depth)


def _mask(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name, value in event.items():
        if name not in ("event", "exc_info", "_record") and SENSITIVE_NAMES.search(name):
            event[name] = MASK
        elif name not in ("exc_info", "_record", "_from_structlog"):
            event[name] = masked(value)
    return event


def _trace(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    trace_id = current_trace_id()
    if trace_id:
        event["trace_id"] = trace_id
    return event


def _left_out(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    left_out = getattr(event.get("_record"), LEFT_OUT, None)
    if left_out:
        event[LEFT_OUT] = left_out
    return event


def _encode(event: Any, **_: Any) -> str:
    try:
        return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:  # half a surrogate pair, a number beyond 64 bits: what is slow and takes everything
        return json.dumps(event, default=str)


def start_logging(
    level: LogLevel = LogLevel.info, form: LogFormat = LogFormat.auto, stream: TextIO | None = None
) -> None:
    """Route structlog and the standard library's logging to `stream` (default: standard error), at `level`.

    May be called again; the last call counts.
    """
    stream = stream or sys.stderr
    console = form is LogFormat.console or (form is LogFormat.auto and stream.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _trace,
    ]
    ending: list[Processor] = (
        [structlog.processors.format_exc_info, _mask, structlog.dev.ConsoleRenderer()]
        if console
        else [structlog.processors.format_exc_info, _mask, structlog.processors.JSONRenderer(_encode)]
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.processors.StackInfoRenderer(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, _left_out],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *ending],
        )
    )
    handler.addFilter(Repeats(_REPETITIVE))
    root = logging.getLogger()
    for old in root.handlers[:]:
        if getattr(old, "liaison", False):
            root.removeHandler(old)
    handler.liaison = True  # type: ignore[attr-defined]  # so that a second call replaces it
    root.addHandler(handler)
    root.setLevel(level.value.upper())
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True
    for name, quiet in _QUIET.items():
        logging.getLogger(name).setLevel(quiet)
