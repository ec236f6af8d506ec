"""`INSERT … ON CONFLICT`, which SQLAlchemy spells once per database."""

from __future__ import annotations

from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession


def insert_or(tx: AsyncSession, table: Any) -> postgresql.Insert:
    """An INSERT that has `on_conflict_do_nothing` and `on_conflict_do_update`, for the database of `tx`.

    Both dialects' statements have the same methods; the one type stands for either.
    """
    if tx.get_bind().dialect.name == "sqlite":
        return sqlite.insert(table)  # type: ignore[return-value]
    return postgresql.insert(table)
