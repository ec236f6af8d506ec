"""The hash chain that makes the journal a ledger: no entry can be changed, removed or moved unseen."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC
from typing import Any

import orjson

GENESIS = "0" * 64
"""The hash before the first entry."""


HASHED = ("id", "type", "subject", "key", "time", "data", "audience", "public", "correlation_id")
"""What the hash covers, beside the position and the salt. The trace context is a diagnosis, not a
fact: left out."""


def entry_hash(previous: str, position: int, entry: Mapping[Any, Any]) -> str:
    """SHA-256, in hex, over the forerunner's hash and the entry as JSON with sorted keys and no blanks.

    `entry` has at least the keys HASHED, and `salt` if it has one; `time` is timezone-aware, `audience` a
    list.
    """
    body = _content(entry) | {"position": position}
    if salt := entry.get("salt"):
        body["salt"] = salt
    return hashlib.sha256(previous.encode() + b"\n" + _encoded(body)).hexdigest()


def digest(entry: Mapping[Any, Any]) -> str:
    """SHA-256, in hex, over what the entry says, wherever it stands: of what is left of an entry from which
    words were erased."""
    return hashlib.sha256(_encoded(_content(entry))).hexdigest()


def _content(entry: Mapping[Any, Any]) -> dict[str, Any]:
    body = {name: entry[name] for name in HASHED}
    body["time"] = entry["time"].astimezone(UTC).isoformat(timespec="microseconds")
    body["audience"] = sorted(entry["audience"])
    return body


def _encoded(body: Mapping[str, Any]) -> bytes:
    return orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
