"""the life of a profile: when it was last changed or confirmed, and which version says what it says"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0009"
branch_labels = None
depends_on = None

CONFIRMED = "document ->> 'last_confirmed'"
"""`YYYY-MM-DD` or null; both databases compare it as a text."""


def upgrade() -> None:
    # SQLite adds a column that must have a value only together with one.
    op.add_column(
        "companies", sa.Column("content_version", sa.Integer(), nullable=False, server_default=sa.text("1"))
    )
    op.add_column(
        "companies",
        sa.Column("confirmed_on", sa.Date(), nullable=False, server_default=sa.text("'1970-01-01'")),
    )
    if op.get_bind().dialect.name == "postgresql":
        changed = "(changed_at AT TIME ZONE 'UTC')::date"
        latest = f"greatest({changed}, ({CONFIRMED})::date)"
        op.alter_column("companies", "content_version", server_default=None)
        op.alter_column("companies", "confirmed_on", server_default=None)
    else:
        latest = f"max(date(changed_at), coalesce({CONFIRMED}, ''))"
    # A profile that was confirmed before the database went back to an older release says its version itself.
    content = "coalesce(CAST(document ->> 'content_version' AS integer), version)"
    op.execute(f"UPDATE companies SET content_version = {content}, confirmed_on = {latest}")  # noqa: S608
    op.create_index("ix_companies_state_confirmed_on", "companies", ["state", "confirmed_on"])


def downgrade() -> None:
    op.drop_index("ix_companies_state_confirmed_on", table_name="companies")
    op.drop_column("companies", "confirmed_on")
    op.drop_column("companies", "content_version")
