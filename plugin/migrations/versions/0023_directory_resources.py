"""What directories wrote.

Works with the previous release running: it does not know the table.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One table."""
    op.create_table(
        "directory_resource",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("source", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("external", sa.String(255), nullable=False),
        sa.Column("manager", sa.String(255), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("modified", sa.BigInteger(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("withdrawn", sa.BigInteger(), nullable=True),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("host_id", "source", "id", name=op.f("pk_directory_resource")),
    )
    for columns in (["kind", "name"], ["kind", "external"], ["manager"], ["withdrawn"]):
        names = ["host_id", "source", *columns]
        op.create_index(op.f(f"ix_directory_resource_{'_'.join(names)}"), "directory_resource", names)


def downgrade() -> None:
    """What directories wrote is lost; they push it again when asked to."""
    op.drop_table("directory_resource")
