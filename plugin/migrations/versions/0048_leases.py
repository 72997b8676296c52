"""Leases of work that has no row of its own: reading a host, reading for its hints, the daily check.

Works with the previous release running: it does not know the table, and keeps its own leases where they were. While both
run, two may read one host at once, which costs calls and changes nothing: rows are written under the host's clock.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0048"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One table, empty: whoever held something ends it, or its time runs out."""
    op.create_table(
        "lease",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("holder", sa.String(64), nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("host_id", "name", name=op.f("pk_lease")),
    )


def downgrade() -> None:
    """Nobody holds anything."""
    op.drop_table("lease")
