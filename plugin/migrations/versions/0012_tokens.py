"""Tokens of programs that use the API; only their hashes.

Works with the previous release running: it does not know the table.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add them."""
    op.create_table(
        "api_token",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("may_write", sa.Boolean(), nullable=False),
        sa.Column("who", sa.String(length=255), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("host_id", "id", name=op.f("pk_api_token")),
        sa.UniqueConstraint("host_id", "digest", name=op.f("uq_api_token_host_id_digest")),
        sa.UniqueConstraint("host_id", "name", name=op.f("uq_api_token_host_id_name")),
    )


def downgrade() -> None:
    """Take them away again."""
    op.drop_table("api_token")
