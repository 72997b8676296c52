"""Targets whose people an assignment never matches.

Works with the previous release running: the column may be null.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One column, null where nothing is excepted."""
    op.add_column("assignment", sa.Column("exclusions", sa.JSON(), nullable=True))


def downgrade() -> None:
    """Exclusions are lost; the versions still name them."""
    op.drop_column("assignment", "exclusions")
