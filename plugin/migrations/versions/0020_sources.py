"""Sources: who supplies what, identities and how they join, loads (SOURCES).

Works with the previous release running: what is new has defaults, and a host without sources is as before.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

OF_SOURCES = ("unit", "job", "audience", "audience_member")


def upgrade() -> None:
    """Add them."""
    op.add_column("connection", sa.Column("role", sa.String(length=8), nullable=False, server_default="site"))
    op.add_column("person", sa.Column("ghost", sa.Boolean(), nullable=False, server_default=sa.text("false")))
    for table in OF_SOURCES:
        op.add_column(table, sa.Column("connection", sa.Integer(), nullable=False, server_default="0"))
    with op.batch_alter_table("unit") as batch:
        batch.drop_constraint("uq_unit_host_id_ext", type_="unique")
        batch.create_unique_constraint("uq_unit_host_id_kind_ext", ["host_id", "kind", "ext"])
        batch.create_index("ix_unit_host_id_ext", ["host_id", "ext"])
    supplied = sa.text("connection > 0")
    for name, column in (("ix_job_manager_named", "manager_ext"), ("ix_job_of_source", "connection")):
        op.create_index(name, "job", ["host_id", column], sqlite_where=supplied, postgresql_where=supplied)
    _supply()
    _identities()
    _units()
    _loads()


def _supply() -> None:
    op.create_table(
        "supplier",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("place", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("connection", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("host_id", "kind", "place", name=op.f("pk_supplier")),
    )
    op.create_table(
        "overlay",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("person", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("site_fields", sa.JSON(), nullable=False),
        sa.Column("site_state", sa.SmallInteger(), nullable=False),
        sa.Column("frozen", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("host_id", "person", name=op.f("pk_overlay")),
    )


def _identities() -> None:
    op.create_table(
        "identity",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("source", sa.Integer(), nullable=False),
        sa.Column("ext", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("person", sa.Integer(), nullable=True),
        sa.Column("pinned", sa.Integer(), nullable=True),
        sa.Column("ghost", sa.Integer(), nullable=True),
        sa.Column("why", sa.SmallInteger(), nullable=False),
        sa.Column("said", sa.JSON(), nullable=False),
        sa.Column("digest", sa.BigInteger(), nullable=False),
        sa.Column("gone", sa.BigInteger(), nullable=True),
        sa.Column("left", sa.BigInteger(), nullable=True),
        sa.Column("turns", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("host_id", "id", name=op.f("pk_identity")),
        sa.UniqueConstraint("host_id", "source", "ext", name=op.f("uq_identity_host_id_source_ext")),
    )
    op.create_index(op.f("ix_identity_host_id_source_key"), "identity", ["host_id", "source", "key"])
    op.create_index(op.f("ix_identity_host_id_person"), "identity", ["host_id", "person"])
    unmatched, turning = sa.text("why > 0"), sa.text("turns IS NOT NULL")
    op.create_index(
        "ix_identity_unmatched", "identity", ["host_id", "source", "why"],
        sqlite_where=unmatched, postgresql_where=unmatched,
    )  # fmt: skip
    op.create_index(
        "ix_identity_turns", "identity", ["host_id", "turns"], sqlite_where=turning, postgresql_where=turning
    )
    op.create_table(
        "account_key",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("source", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("person", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("host_id", "source", "person", name=op.f("pk_account_key")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_account_key_host_id_source_key"), "account_key", ["host_id", "source", "key"])


def _units() -> None:
    op.create_table(
        "source_unit",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("source", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("word", sa.String(length=255), nullable=False),
        sa.Column("ext", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("host_id", "source", "kind", "word", name=op.f("pk_source_unit")),
    )
    op.create_table(
        "source_member",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("source", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("audience", sa.String(length=255), nullable=False),
        sa.Column("identity", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("host_id", "source", "audience", "identity", name=op.f("pk_source_member")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        op.f("ix_source_member_host_id_source_identity"), "source_member", ["host_id", "source", "identity"]
    )
    op.create_table(
        "source_rename",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("source", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("old", sa.String(length=255), nullable=False),
        sa.Column("new", sa.String(length=255), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("host_id", "id", name=op.f("pk_source_rename")),
    )


def _loads() -> None:
    op.create_table(
        "source_load",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("source", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.String(length=255), nullable=False),
        sa.Column("plan", sa.JSON(), nullable=False),
        sa.Column("files", sa.JSON(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("report", sa.LargeBinary(), nullable=True),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("before", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("host_id", "id", name=op.f("pk_source_load")),
    )


def downgrade() -> None:
    """Take them away again, with what sources supplied."""
    ours = "source_load source_rename source_member source_unit account_key identity overlay supplier"
    for table in ours.split():
        op.drop_table(table)
    for name in ("ix_job_manager_named", "ix_job_of_source"):
        op.drop_index(name, "job")
    for table in OF_SOURCES:
        op.execute(f"DELETE FROM {table} WHERE connection > 0")
    op.execute("DELETE FROM connection WHERE role = 'source'")
    op.execute("DELETE FROM person WHERE ghost")
    with op.batch_alter_table("unit") as batch:
        batch.drop_index("ix_unit_host_id_ext")
        batch.drop_constraint("uq_unit_host_id_kind_ext", type_="unique")
        batch.create_unique_constraint("uq_unit_host_id_ext", ["host_id", "ext"])
    for table in OF_SOURCES:
        with op.batch_alter_table(table) as batch:
            batch.drop_column("connection")
    for table, column in (("person", "ghost"), ("connection", "role")):
        with op.batch_alter_table(table) as batch:
            batch.drop_column(column)
