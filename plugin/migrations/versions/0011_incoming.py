"""Hints: when each was worked off, and under which correlation id, so that the page can say what it led to.

Works with the previous release running: both columns may stay empty.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add them."""
    op.add_column("hint", sa.Column("worked", sa.BigInteger(), nullable=True))
    op.add_column("hint", sa.Column("batch", sa.String(length=32), nullable=False, server_default=""))


def downgrade() -> None:
    """Take them away again."""
    with op.batch_alter_table("hint") as table:
        table.drop_column("batch")
        table.drop_column("worked")
