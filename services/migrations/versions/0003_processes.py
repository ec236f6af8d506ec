"""several processes"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from services.kernel import database

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "installation",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_installation")),
    )
    op.create_table(
        "index_reports",
        sa.Column("name", sa.String(length=16), nullable=False),
        sa.Column("state", database.Document(), nullable=False),
        sa.Column("reported_at", database.Instant(timezone=True), nullable=False),
        sa.Column("ordered_at", database.Instant(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_index_reports")),
    )


def downgrade() -> None:
    op.drop_table("index_reports")
    op.drop_table("installation")
