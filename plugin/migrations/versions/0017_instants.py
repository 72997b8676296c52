"""Jobs, completions and exemptions are found by the instants at which they begin to count or end, however many there are.

Works with the previous release running: indexes alone.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_INDEXES = (
    ("ix_job_starts", "job", "starts"),
    ("ix_job_ends", "job", "ends"),
    ("ix_completion_at", "completion", "at"),
    ("ix_exemption_until", "exemption", "until"),
)


def upgrade() -> None:
    """Add them."""
    for name, table, column in _INDEXES:
        given = sa.text(f"{column} IS NOT NULL")
        op.create_index(name, table, ["host_id", column], sqlite_where=given, postgresql_where=given)


def downgrade() -> None:
    """Take them away again."""
    for name, table, _column in _INDEXES:
        op.drop_index(name, table)
