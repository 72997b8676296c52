"""Between which two ``seq`` of a host nothing but jobs began or ended.

Works with the previous release running: it writes neither column, and what they do not name is read again.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0058"
down_revision = "0057"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Two columns."""
    for name in ("turned_from", "turned_to"):
        op.add_column("host_clock", sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"))


def downgrade() -> None:
    """Read again what did not change."""
    with op.batch_alter_table("host_clock") as table:
        table.drop_column("turned_from")
        table.drop_column("turned_to")
