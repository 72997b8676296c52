"""Certifications that are open to areas, and their category.

Works with the previous release running: it leaves both as they are.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Two columns."""
    op.add_column("certification", sa.Column("areas", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("certification", sa.Column("category", sa.String(100), nullable=False, server_default=""))


def downgrade() -> None:
    """No certification is open to areas, and none has a category."""
    with op.batch_alter_table("certification") as table:
        table.drop_column("category")
        table.drop_column("areas")
