"""Identifiers: a prefix that says what it is, and a ULID that sorts by the time it was made."""

from __future__ import annotations

from ulid import ULID

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32, as the ULID specification has it."""

PATTERN_TAIL = r"_[0-9A-HJKMNP-TV-Z]{26}$"


def new_id(prefix: str) -> str:
    """`prefix_` and a fresh ULID, e.g. `chl_01J9Z3…`: 48 bits of time in ms, 80 random bits."""
    return f"{prefix}_{ULID()}"
