"""When an assignment begins to match.

Works with the previous release running: the column may be null.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0043"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One column, null for at once, and an index over those that wait for a day."""
    op.add_column("assignment", sa.Column("starts", sa.BigInteger(), nullable=True))
    given = sa.text("starts IS NOT NULL")
    op.create_index(
        "ix_assignment_starts", "assignment", ["host_id", "starts"], sqlite_where=given, postgresql_where=given
    )


def downgrade() -> None:
    """First days are lost; the versions still name them."""
    op.drop_index("ix_assignment_starts", table_name="assignment")
    op.drop_column("assignment", "starts")
