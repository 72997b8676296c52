"""Which account a record of a source was joined to until that was deleted.

Works with the previous release running: it does not know the column.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0044"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One column that may be empty, and its index."""
    op.add_column("identity", sa.Column("former", sa.Integer(), nullable=True))
    named = sa.text("former IS NOT NULL")
    op.create_index("ix_identity_former", "identity", ["host_id", "former"], sqlite_where=named, postgresql_where=named)


def downgrade() -> None:
    """Pages no longer lead from an account to the one before."""
    op.drop_index("ix_identity_former", table_name="identity")
    op.drop_column("identity", "former")
