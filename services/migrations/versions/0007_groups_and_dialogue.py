"""groups of pairings, and the market dialogue"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from services.kernel import database

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "pairing_groups",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("document", database.Document(), nullable=False),
        sa.Column("changed_at", database.Instant(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pairing_groups")),
    )
    op.create_table(
        "pairing_group_needs",
        sa.Column("group", sa.String(length=64), nullable=False),
        sa.Column("need", sa.String(length=64), nullable=False),
        sa.Column("buyer", sa.String(length=64), nullable=False),
        sa.Column("announced_by", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("group", "need", name=op.f("pk_pairing_group_needs")),
    )
    with op.batch_alter_table("pairing_group_needs", schema=None) as batch_op:
        batch_op.create_index("ix_pairing_group_needs_need", ["need"], unique=False)
        for column in ("buyer", "announced_by"):
            batch_op.create_index(batch_op.f(f"ix_pairing_group_needs_{column}"), [column], unique=False)
    op.create_table(
        "dialogues",
        sa.Column("challenge", sa.String(length=64), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("challenge", name=op.f("pk_dialogues")),
    )
    op.create_table(
        "dialogue_questions",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("challenge", sa.String(length=64), nullable=False),
        sa.Column("asker", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("entry", sa.Integer(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("received_at", database.Instant(timezone=True), nullable=False),
        sa.Column("changed_at", database.Instant(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dialogue_questions")),
    )
    with op.batch_alter_table("dialogue_questions", schema=None) as batch_op:
        batch_op.create_index("ix_dialogue_questions_challenge", ["challenge", "state"], unique=False)
    op.create_table(
        "dialogue_entries",
        sa.Column("challenge", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("question", sa.Text(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("merged", sa.Integer(), nullable=False),
        sa.Column("published_at", database.Instant(timezone=True), nullable=False),
        sa.Column("published_by", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("challenge", "number", name=op.f("pk_dialogue_entries")),
    )


def downgrade() -> None:
    for table in (
        "dialogue_entries",
        "dialogue_questions",
        "dialogues",
        "pairing_group_needs",
        "pairing_groups",
    ):
        op.drop_table(table)
