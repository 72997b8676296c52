"""What sources told of units and audiences with ids of their own, kept also while they do not supply them.

Works with the previous release running: it does not know the column, and fills it at the next load.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One column that may be empty."""
    op.add_column("source_unit", sa.Column("told", sa.JSON(), nullable=True))


def downgrade() -> None:
    """Units and audiences that were told come again with the next load."""
    op.execute("DELETE FROM source_unit WHERE told IS NOT NULL")
    op.drop_column("source_unit", "told")
