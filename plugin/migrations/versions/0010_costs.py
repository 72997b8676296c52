"""What each pull asked of its host: calls and bytes, by kind.

Works with the previous release running: the column has a default and is read by nobody there.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("sync_run", sa.Column("costs", sa.JSON(), nullable=False, server_default="{}"))


def downgrade() -> None:
    """Take it away again."""
    with op.batch_alter_table("sync_run") as table:
        table.drop_column("costs")
