"""What a host tells of its courses: completion tracked and possible, open to our enrolments, a welcome of its own.

Works with the previous release running, which leaves the new columns empty: the host does not say.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_COLUMNS = ("completion", "enrollable", "welcome", "criteria")


def upgrade() -> None:
    """Add the columns, empty."""
    for name in _COLUMNS:
        op.add_column("course", sa.Column(name, sa.Boolean(), nullable=True))


def downgrade() -> None:
    """Forget what was told."""
    with op.batch_alter_table("course") as table:
        for name in _COLUMNS:
            table.drop_column(name)
