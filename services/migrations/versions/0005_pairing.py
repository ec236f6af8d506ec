"""investment plans, and needs that could be bought together"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from services.kernel import database

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "plans",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("buyer", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=300), nullable=False),
        sa.Column("name_key", sa.String(length=64), nullable=False),
        sa.Column("readers", sa.String(length=16), nullable=False),
        sa.Column("created_at", database.Instant(timezone=True), nullable=False),
        sa.Column("changed_at", database.Instant(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plans")),
        sa.UniqueConstraint("owner", "name_key", name=op.f("uq_plans_owner_name_key")),
    )
    op.create_table(
        "plan_needs",
        sa.Column("plan", sa.String(length=64), nullable=False),
        sa.Column("reference", sa.String(length=64), nullable=False),
        sa.Column("challenge", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("plan", "reference", name=op.f("pk_plan_needs")),
        sa.UniqueConstraint("challenge", name=op.f("uq_plan_needs_challenge")),
    )
    op.create_table(
        "pairings",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("first", sa.String(length=64), nullable=False),
        sa.Column("second", sa.String(length=64), nullable=False),
        sa.Column("first_buyer", sa.String(length=64), nullable=False),
        sa.Column("second_buyer", sa.String(length=64), nullable=False),
        sa.Column("first_by", sa.String(length=64), nullable=False),
        sa.Column("second_by", sa.String(length=64), nullable=False),
        sa.Column("similarity", sa.Float(precision=53), nullable=False),
        sa.Column("document", database.Document(), nullable=False),
        sa.Column("changed_at", database.Instant(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pairings")),
        sa.UniqueConstraint("first", "second", name=op.f("uq_pairings_first_second")),
    )
    with op.batch_alter_table("pairings", schema=None) as batch_op:
        for column in ("second", "first_buyer", "second_buyer", "first_by", "second_by"):
            batch_op.create_index(batch_op.f(f"ix_pairings_{column}"), [column], unique=False)
        batch_op.create_index("ix_pairings_state", ["state", "id"], unique=False)
    op.create_table(
        "pairing_log",
        sa.Column("pairing", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", database.Instant(timezone=True), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=True),
        sa.Column("action", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("to", sa.String(length=24), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("pairing", "number", name=op.f("pk_pairing_log")),
    )
    op.create_table(
        "pairing_items",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("pairing", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("document", database.Document(), nullable=False),
        sa.Column("due", sa.Date(), nullable=True),
        sa.Column("reminded_at", database.Instant(timezone=True), nullable=True),
        sa.Column("added_by", sa.String(length=64), nullable=False),
        sa.Column("changed_at", database.Instant(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pairing_items")),
    )
    with op.batch_alter_table("pairing_items", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_pairing_items_pairing"), ["pairing"], unique=False)
        batch_op.create_index("ix_pairing_items_due", ["due", "reminded_at"], unique=False)


def downgrade() -> None:
    for table in ("pairing_items", "pairing_log", "pairings", "plan_needs", "plans"):
        op.drop_table(table)
