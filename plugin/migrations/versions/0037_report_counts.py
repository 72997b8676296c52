"""How certifications stood at the end of each day, counted by night.

Works with the previous release running: it does not know the table.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One table."""
    op.create_table(
        "report_count",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("certification", sa.Integer(), nullable=False),
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("enrolled", sa.Integer(), nullable=False),
        sa.Column("certified", sa.Integer(), nullable=False),
        sa.Column("overdue", sa.Integer(), nullable=False),
        sa.Column("units", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("host_id", "certification", "day", name=op.f("pk_report_count")),
    )


def downgrade() -> None:
    """Trends are worked out from the history again, and have none by unit."""
    op.drop_table("report_count")
