"""the life of a profile: when it was last changed or confirmed, and which version says what it says; versions of
memberships, and of what is in the toolbox of a pairing"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

CONFIRMED = "document ->> 'last_confirmed'"
"""`YYYY-MM-DD` or null; both databases compare it as a text."""
VERSIONED = ("memberships", "pairing_items")


def upgrade() -> None:
    # What must have a value has a default, too: a process of the former release that still runs names none.
    postgresql = op.get_bind().dialect.name == "postgresql"
    today = sa.text(
        "CURRENT_DATE" if postgresql else "'1970-01-01'"
    )  # SQLite wants a constant, and one process
    op.add_column("companies", sa.Column("content_version", sa.Integer(), nullable=True))
    op.add_column("companies", sa.Column("confirmed_on", sa.Date(), nullable=False, server_default=today))
    for table in VERSIONED:
        op.add_column(table, sa.Column("version", sa.Integer(), nullable=False, server_default=sa.text("1")))
    if postgresql:
        latest = f"greatest((changed_at AT TIME ZONE 'UTC')::date, ({CONFIRMED})::date)"
    else:
        latest = f"max(date(changed_at), coalesce({CONFIRMED}, ''))"
    # A profile that was confirmed before the database went back to an older release says its version itself.
    content = "CAST(document ->> 'content_version' AS integer)"
    op.execute(f"UPDATE companies SET content_version = {content}, confirmed_on = {latest}")  # noqa: S608
    op.create_index("ix_companies_state_confirmed_on", "companies", ["state", "confirmed_on"])


def downgrade() -> None:
    for table in VERSIONED:
        op.drop_column(table, "version")
    op.drop_index("ix_companies_state_confirmed_on", table_name="companies")
    op.drop_column("companies", "confirmed_on")
    op.drop_column("companies", "content_version")
