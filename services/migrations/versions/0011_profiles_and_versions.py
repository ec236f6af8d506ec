"""the life of a profile: when it was last changed or confirmed, and which version says what it says; versions of
memberships, and of what is in the toolbox of a pairing"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0009"
branch_labels = None
depends_on = None

CONFIRMED = "document ->> 'last_confirmed'"
"""`YYYY-MM-DD` or null; both databases compare it as a text."""
VERSIONED = ("memberships", "pairing_items")


def upgrade() -> None:
    _add("companies", "content_version", sa.Integer(), "1")
    _add("companies", "confirmed_on", sa.Date(), "'1970-01-01'")
    for table in VERSIONED:
        _add(table, "version", sa.Integer(), "1")
    if op.get_bind().dialect.name == "postgresql":
        changed = "(changed_at AT TIME ZONE 'UTC')::date"
        latest = f"greatest({changed}, ({CONFIRMED})::date)"
    else:
        latest = f"max(date(changed_at), coalesce({CONFIRMED}, ''))"
    # A profile that was confirmed before the database went back to an older release says its version itself.
    content = "coalesce(CAST(document ->> 'content_version' AS integer), version)"
    op.execute(f"UPDATE companies SET content_version = {content}, confirmed_on = {latest}")  # noqa: S608
    op.create_index("ix_companies_state_confirmed_on", "companies", ["state", "confirmed_on"])


def _add(table: str, name: str, kind: sa.types.TypeEngine[Any], value: str) -> None:
    """SQLite adds a column that must have a value only together with one."""
    op.add_column(table, sa.Column(name, kind, nullable=False, server_default=sa.text(value)))
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column(table, name, server_default=None)


def downgrade() -> None:
    for table in VERSIONED:
        op.drop_column(table, "version")
    op.drop_index("ix_companies_state_confirmed_on", table_name="companies")
    op.drop_column("companies", "confirmed_on")
    op.drop_column("companies", "content_version")
