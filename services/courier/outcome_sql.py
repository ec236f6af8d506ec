"""Two statements that write any number of outcomes, given as one JSON document.

A statement per row would cost more than sending the webhook does: the driver's thread and the event loop
would hand the interpreter lock back and forth for each. One document is parsed by the database itself,
outside that lock.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, TextClause, text

ATTEMPT = {
    "delivery_id": "text",
    "number": "integer",
    "at": "timestamptz",
    "outcome": "text",
    "status": "integer",
    "duration_ms": "double precision",
    "detail": "text",
    "response": "text",
}
STATE = {
    "id": "text",
    "state": "text",
    "attempts": "integer",
    "failures": "integer",
    "next_attempt_at": "timestamptz",
    "delivered_at": "timestamptz",
}
"""Columns written, in the order of a row's values, with their types on PostgreSQL."""

Row = tuple[Any, ...]

_WITHOUT_ZONE = len("2026-01-01 00:00:00.000000")


@dataclass(frozen=True, slots=True)
class OutcomeSql:
    """The statements of one database; each takes `batch`, made by `batch(rows)`. Instants are in UTC, as
    every clock of ours gives them."""

    insert_attempts: TextClause
    update_deliveries: TextClause
    instant: Callable[[datetime], str]

    def batch(self, rows: list[Row]) -> str:
        """Rows as the statements want them. Values: str, int, float, None, datetime in UTC."""
        return orjson.dumps(rows, default=self._default, option=orjson.OPT_PASSTHROUGH_DATETIME).decode()

    def _default(self, value: Any) -> str:
        if isinstance(value, datetime):
            return self.instant(value)
        raise TypeError(f"not a value of an outcome: {value!r}")


def _statements(attempts: str, states: str, instant: Callable[[datetime], str]) -> OutcomeSql:
    names = ", ".join(ATTEMPT)
    insert = f"""
        INSERT INTO delivery_attempts ({names}) SELECT {names} FROM {attempts}
        WHERE true ON CONFLICT DO NOTHING
        """  # noqa: S608 - constants only
    # Whoever cancelled a message meanwhile has the last word, unless it has been delivered.
    change = f"""
        UPDATE deliveries SET state = b.state, attempts = b.attempts, failures = b.failures,
            next_attempt_at = b.next_attempt_at,
            delivered_at = COALESCE(b.delivered_at, deliveries.delivered_at)
        FROM {states} WHERE deliveries.id = b.id
            AND (deliveries.state = 'pending' OR b.state = 'delivered')
        """  # noqa: S608 - constants only
    return OutcomeSql(text(insert), text(change), instant)


def _sqlite_rows(columns: dict[str, str]) -> str:
    taken = ", ".join(f"json_extract(value, '$[{at}]') AS {name}" for at, name in enumerate(columns))
    return f"(SELECT {taken} FROM json_each(:batch)) AS b"  # noqa: S608 - constants only


def _postgresql_rows(columns: dict[str, str]) -> str:
    taken = ", ".join(
        f"CAST(value ->> {at} AS {kind}) AS {name}" for at, (name, kind) in enumerate(columns.items())
    )
    return f"(SELECT {taken} FROM json_array_elements(CAST(:batch AS json)) AS t(value)) AS b"  # noqa: S608 - constants only


_STATEMENTS = {
    # in each case the form in which the column type `Instant` keeps an instant
    "sqlite": _statements(
        _sqlite_rows(ATTEMPT),
        _sqlite_rows(STATE),
        lambda at: at.isoformat(" ", "microseconds")[:_WITHOUT_ZONE],
    ),
    "postgresql": _statements(_postgresql_rows(ATTEMPT), _postgresql_rows(STATE), datetime.isoformat),
}


def of(tx: Connection) -> OutcomeSql:
    """The statements for the database of this transaction."""
    return _STATEMENTS[tx.dialect.name]
