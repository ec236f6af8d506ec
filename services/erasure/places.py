"""Where words are kept that somebody wrote: the columns of every table that may hold some."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    JSON,
    ColumnElement,
    LargeBinary,
    String,
    Table,
    Text,
    TypeDecorator,
    cast,
    func,
    literal,
    or_,
)

from services.erasure.words import Words
from services.migrations.tables import metadata

JOURNAL = "journal"
"""Has a way of its own: what is taken out of it is told in it."""

NONE_OF_ITS_OWN = frozenset(
    {
        "alerts",
        "backgrounds",
        "cursors",
        "digests",
        "embeddings",
        "handled_events",
        "inbox_receipts",
        "index_generations",
        "index_reports",
        "indexed",
        "installation",
        "journal_audience",
        "leases",
        "subscription_addresses",
        JOURNAL,
    }
)
"""Tables without words of people: digests, vectors, the state of processes."""

KEPT = frozenset(
    {
        "countries",
        "cpv",
        "eligible_countries",
        "event_id",
        "headers",
        "lease_holder",
        "scopes",
        "secrets",
        "sectors",
        "service",
        "thread",
        "type",
        "url",
    }
)
"""Columns that stop working when they are changed, codes and ids. An address with a name in it is its owner's
to change."""

LABEL = 100
"""Characters that a column of labels and names holds at the least; shorter ones are ids and states."""

CASEFOLDED = "search"


@dataclass(frozen=True, slots=True)
class Place:
    """A table, and those of its columns that hold words."""

    table: Table
    columns: tuple[str, ...]

    def holding(self, tokens: list[str], dialect: str) -> ColumnElement[bool]:
        """Rows with any of the tokens in any of the columns, and perhaps some more."""
        return or_(*(_has(self.table.c[name], token, dialect) for name in self.columns for token in tokens))


def places() -> list[Place]:
    """All of them but the journal, by name."""
    found = []
    for table in sorted(metadata.tables.values(), key=lambda one: one.name):
        if table.name in NONE_OF_ITS_OWN:
            continue
        columns = tuple(
            one.name
            for one in table.columns
            if not one.primary_key and one.name not in KEPT and _holds_words(one.type)
        )
        if columns:
            found.append(Place(table, columns))
    return found


def without(words: Words, row: Any, columns: tuple[str, ...]) -> dict[str, Any]:
    """The columns that change, with their new values."""
    folded = words.casefolded()
    changed = {}
    for name in columns:
        before = getattr(row, name)
        after = (folded if name == CASEFOLDED else words).out_of(before)
        if after != before:
            changed[name] = after
    return changed


def _holds_words(kind: Any) -> bool:
    plain = kind.impl if isinstance(kind, TypeDecorator) else kind
    if isinstance(plain, JSON | Text | LargeBinary):
        return True
    return isinstance(plain, String) and (plain.length or 0) >= LABEL


def _has(column: Any, token: str, dialect: str) -> ColumnElement[bool]:
    if isinstance(column.type, LargeBinary):
        raw = literal(token.encode(), LargeBinary)
        return func.instr(column, raw) > 0 if dialect == "sqlite" else func.position(raw.op("in")(column)) > 0
    text = cast(column, Text)
    if column.name == CASEFOLDED:
        token = token.casefold()
    return text.contains(token, autoescape=True)
