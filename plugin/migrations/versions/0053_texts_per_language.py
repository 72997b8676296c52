"""Texts of a notification for readers of other languages.

Works with the previous release running: it does not know the column, and what it adds has none of these texts.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0053"
down_revision = "0048"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One column."""
    op.add_column("notification", sa.Column("texts", sa.JSON(), nullable=False, server_default="{}"))


def downgrade() -> None:
    """Recipients read the common text again."""
    with op.batch_alter_table("notification") as table:
        table.drop_column("texts")
