"""subscriptions have secret addresses, for feed readers and calendars"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from services.kernel import database

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "subscription_addresses",
        sa.Column("subscription", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("made_at", database.Instant(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("subscription", name=op.f("pk_subscription_addresses")),
        sa.UniqueConstraint("digest", name=op.f("uq_subscription_addresses_digest")),
    )
    op.create_index("ix_challenges_changed", "challenges", ["changed_at"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_challenges_changed", table_name="challenges")
    op.drop_table("subscription_addresses")
