"""companies begin anew with what their answers change in their own lists"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from services.kernel import database

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "feedback_resets",
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("reset_at", database.Instant(timezone=True), nullable=False),
        sa.Column("reset_by", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("company", name=op.f("pk_feedback_resets")),
    )


def downgrade() -> None:
    op.drop_table("feedback_resets")
