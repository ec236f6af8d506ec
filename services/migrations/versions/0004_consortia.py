"""consortia: teams, who is asked for them, and when they are thought over"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from services.kernel import database

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "consortia",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("challenge", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("asked_by", sa.String(length=64), nullable=True),
        sa.Column("buyer", sa.String(length=64), nullable=False),
        sa.Column("announced_by", sa.String(length=64), nullable=False),
        sa.Column("deadline", sa.Date(), nullable=False),
        sa.Column("worth", sa.Float(precision=53), nullable=False),
        sa.Column("document", database.Document(), nullable=False),
        sa.Column("changed_at", database.Instant(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consortia")),
    )
    with op.batch_alter_table("consortia", schema=None) as batch_op:
        batch_op.create_index("ix_consortia_challenge_state", ["challenge", "state"], unique=False)

    op.create_table(
        "consortium_members",
        sa.Column("consortium", sa.String(length=64), nullable=False),
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("challenge", sa.String(length=64), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("left_at", database.Instant(timezone=True), nullable=True),
        sa.Column("declined_at", database.Instant(timezone=True), nullable=True),
        sa.Column("declined_by", sa.String(length=64), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("consortium", "company", name=op.f("pk_consortium_members")),
    )
    with op.batch_alter_table("consortium_members", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_consortium_members_challenge"), ["challenge"], unique=False)
        batch_op.create_index("ix_consortium_members_company", ["company"], unique=False)
        batch_op.create_index("ix_consortium_members_owner", ["owner"], unique=False)

    op.create_table(
        "specialists",
        sa.Column("challenge", sa.String(length=64), nullable=False),
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("best", sa.Float(precision=53), nullable=False),
        sa.Column("document", database.Document(), nullable=False),
        sa.PrimaryKeyConstraint("challenge", "company", name=op.f("pk_specialists")),
    )
    with op.batch_alter_table("specialists", schema=None) as batch_op:
        batch_op.create_index("ix_specialists_company", ["company"], unique=False)

    op.create_table(
        "consortium_reviews",
        sa.Column("challenge", sa.String(length=64), nullable=False),
        sa.Column("reviewed_at", database.Instant(timezone=True), nullable=False),
        sa.Column("due_at", database.Instant(timezone=True), nullable=True),
        sa.Column("conflict", sa.Text(), nullable=True),
        sa.Column("gaps", database.Document(), nullable=True),
        sa.PrimaryKeyConstraint("challenge", name=op.f("pk_consortium_reviews")),
    )
    with op.batch_alter_table("consortium_reviews", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_consortium_reviews_due_at"), ["due_at"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("specialists", schema=None) as batch_op:
        batch_op.drop_index("ix_specialists_company")

    op.drop_table("specialists")
    with op.batch_alter_table("consortium_reviews", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_consortium_reviews_due_at"))

    op.drop_table("consortium_reviews")
    with op.batch_alter_table("consortium_members", schema=None) as batch_op:
        batch_op.drop_index("ix_consortium_members_owner")
        batch_op.drop_index("ix_consortium_members_company")
        batch_op.drop_index(batch_op.f("ix_consortium_members_challenge"))

    op.drop_table("consortium_members")
    with op.batch_alter_table("consortia", schema=None) as batch_op:
        batch_op.drop_index("ix_consortia_challenge_state")

    op.drop_table("consortia")
