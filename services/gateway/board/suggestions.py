"""Suggestions as pages show them, of a challenge or of a company, best first, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from schemas.match import Match
from services.kernel.problems import NotFound
from services.kernel.web.pagination import decode_cursor, encode_cursor
from services.matching.service import Position, position

PAGE = 20
"""Suggestions shown at once: enough to see who answers, and a first view below 100 kB."""


@dataclass(frozen=True, slots=True)
class Shown:
    """Some suggestions, and the address of the part of the page that goes on behind them. `since`: what
    changed after this instant is marked as new. `answers`: the reader may answer them."""

    suggestions: Sequence[Match]
    more: str | None
    since: datetime | None = None
    answers: bool = False

    def is_new(self, suggestion: Match) -> bool:
        return self.since is not None and suggestion.changed_at > self.since

    def last_told(self, suggestion: Match) -> datetime:
        """When the last thing happened to it that pages are told of."""
        answer = suggestion.answer
        return max(suggestion.changed_at, answer.at) if answer else suggestion.changed_at


def shown(
    found: Sequence[Match], base: str, since: datetime | None = None, *, answers: bool = False
) -> Shown:
    """Of a query for PAGE + 1 suggestions; `base` is the address that serves the next ones."""
    first = found[:PAGE]
    if len(found) <= PAGE:
        return Shown(first, None, since, answers)
    last = first[-1]
    more = f"{base}?{urlencode({'cursor': encode_cursor(position(last))})}"
    return Shown(first, more, since, answers)


def after(cursor: str) -> Position | None:
    """Where to go on; None from the beginning. Raises `NotFound` for what `shown` has not made."""
    if not cursor:
        return None
    values = decode_cursor(cursor)
    if len(values) != 2 or not isinstance(values[0], float | int) or not isinstance(values[1], str):
        raise NotFound("Load the page again: this is not an address that it has made.")
    return float(values[0]), values[1]


def instant(text: str) -> datetime | None:
    """An instant that a page has written into itself; None for anything else."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo is not None else None
