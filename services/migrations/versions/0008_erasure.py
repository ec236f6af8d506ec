"""words can be erased from the journal with the chain whole"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    present = {column["name"] for column in sa.inspect(op.get_bind()).get_columns("journal")}
    if "salt" not in present:
        op.add_column("journal", sa.Column("salt", sa.String(length=32), nullable=True))


def downgrade() -> None:
    """The column stays: hashes cover the salts, and nobody can make them again. An older release writes none."""
