"""what waits for a digest, and what a weekly budget counts"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from services.kernel import database

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "digests",
        sa.Column("subscription", sa.String(length=64), nullable=False),
        sa.Column("since", database.Instant(timezone=True), nullable=False),
        sa.Column("due_at", database.Instant(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("subscription", name=op.f("pk_digests")),
    )
    op.create_index(op.f("ix_digests_due_at"), "digests", ["due_at"], unique=False)
    op.create_table(
        "collected_events",
        sa.Column("subscription", sa.String(length=64), nullable=False),
        sa.Column("event", sa.String(length=64), nullable=False),
        sa.Column("thread", sa.String(length=220), nullable=False),
        sa.Column("stance", sa.String(length=8), nullable=False),
        sa.Column("score", sa.Float(), nullable=True),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("item", database.Document(), nullable=False),
        sa.PrimaryKeyConstraint("subscription", "event", name=op.f("pk_collected_events")),
    )
    op.create_index(
        "ix_collected_events_subscription_thread",
        "collected_events",
        ["subscription", "thread"],
        unique=False,
    )
    op.create_table(
        "alerts",
        sa.Column("subscription", sa.String(length=64), nullable=False),
        sa.Column("event", sa.String(length=64), nullable=False),
        sa.Column("sent_at", database.Instant(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("subscription", "event", name=op.f("pk_alerts")),
    )
    op.create_index("ix_alerts_subscription_sent_at", "alerts", ["subscription", "sent_at"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_alerts_subscription_sent_at", table_name="alerts")
    op.drop_table("alerts")
    op.drop_index("ix_collected_events_subscription_thread", table_name="collected_events")
    op.drop_table("collected_events")
    op.drop_index(op.f("ix_digests_due_at"), table_name="digests")
    op.drop_table("digests")
