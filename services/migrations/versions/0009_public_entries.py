"""an index of the entries that everybody may read"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_journal_public",
        "journal",
        ["position"],
        unique=False,
        sqlite_where=sa.text("public = 1"),
        postgresql_where=sa.text("public"),
    )


def downgrade() -> None:
    op.drop_index("ix_journal_public", table_name="journal")
