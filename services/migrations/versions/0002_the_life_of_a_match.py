"""the life of a match: when it reached the company, and what the company answers"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from services.kernel import database

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("matches", schema=None) as batch_op:
        batch_op.add_column(sa.Column("suggested_at", database.Instant(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("notified_at", database.Instant(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("seen_at", database.Instant(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("answer", sa.String(length=20), nullable=True))
        batch_op.add_column(sa.Column("answer_reason", sa.String(length=20), nullable=True))
        batch_op.add_column(sa.Column("answer_note", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("answered_by", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("answered_at", database.Instant(timezone=True), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("matches", schema=None) as batch_op:
        for name in ("answered_at", "answered_by", "answer_note", "answer_reason", "answer"):
            batch_op.drop_column(name)
        for name in ("seen_at", "notified_at", "suggested_at"):
            batch_op.drop_column(name)
