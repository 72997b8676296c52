"""Count the changes of a certification's enrolments, so that a preview knows what it remembers is still true.

Works with the previous release running: the column has a default and is read by nobody there.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the counter."""
    with op.batch_alter_table("certification") as table:
        table.add_column(sa.Column("enrolments_rev", sa.BigInteger(), nullable=False, server_default="0"))


def downgrade() -> None:
    """Take it away again."""
    with op.batch_alter_table("certification") as table:
        table.drop_column("enrolments_rev")
