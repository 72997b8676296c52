"""First tables"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forwards."""
    op.create_table(
        "assignment",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("certification", sa.Integer(), nullable=False),
        sa.Column("type", sa.String(length=16), nullable=False),
        sa.Column("target", sa.String(length=255), nullable=False),
        sa.Column("target_id", sa.Integer(), nullable=True),
        sa.Column("include", sa.String(length=8), nullable=False),
        sa.Column("due", sa.JSON(), nullable=False),
        sa.Column("group", sa.JSON(), nullable=False),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.Column("missing", sa.Boolean(), nullable=False),
        sa.Column("since_version", sa.Integer(), nullable=False),
        sa.Column("why_key", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("host_id", "id", name=op.f("pk_assignment")),
        sa.UniqueConstraint(
            "host_id", "certification", "type", "target", name=op.f("uq_assignment_host_id_certification_type_target")
        ),
        sa.UniqueConstraint("host_id", "why_key", name=op.f("uq_assignment_host_id_why_key")),
    )
    with op.batch_alter_table("assignment", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_assignment_host_id_type_target_id"), ["host_id", "type", "target_id"], unique=False
        )

    op.create_table(
        "audience",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("ext", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("code", sa.String(length=255), nullable=False),
        sa.Column("gone", sa.Boolean(), nullable=False),
        sa.Column("members", sa.Integer(), nullable=False),
        sa.Column("sweep", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("host_id", "id", name=op.f("pk_audience")),
        sa.UniqueConstraint("host_id", "ext", name=op.f("uq_audience_host_id_ext")),
    )
    op.create_table(
        "audience_member",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("ext", sa.String(length=520), nullable=False),
        sa.Column("audience_ext", sa.String(length=255), nullable=False),
        sa.Column("audience", sa.Integer(), nullable=True),
        sa.Column("person_ext", sa.String(length=255), nullable=False),
        sa.Column("person", sa.Integer(), nullable=True),
        sa.Column("sweep", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("host_id", "id", name=op.f("pk_audience_member")),
        sa.UniqueConstraint("host_id", "ext", name=op.f("uq_audience_member_host_id_ext")),
    )
    with op.batch_alter_table("audience_member", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_audience_member_host_id_audience_person"), ["host_id", "audience", "person"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_audience_member_host_id_person_audience"), ["host_id", "person", "audience"], unique=False
        )

    op.create_table(
        "call",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("job", sa.String(length=255), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.Column("lease", sa.String(length=64), nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.Column("correlation", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("host_id", "id", name=op.f("pk_call")),
    )
    with op.batch_alter_table("call", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_call_host_id_state_next_at"), ["host_id", "state", "next_at"], unique=False
        )

    op.create_table(
        "certification",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("code", sa.String(length=100), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("available_from", sa.BigInteger(), nullable=True),
        sa.Column("available_until", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("settled_version", sa.Integer(), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("host_id", "id", name=op.f("pk_certification")),
        sa.UniqueConstraint("host_id", "code", name=op.f("uq_certification_host_id_code")),
    )
    op.create_table(
        "change",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("person", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("settled", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("host_id", "person", name=op.f("pk_change")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("change", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_change_host_id_seq"), ["host_id", "seq"], unique=False)
        batch_op.create_index(
            "ix_change_owed",
            ["host_id", "seq"],
            unique=False,
            sqlite_where=sa.text("settled < seq"),
            postgresql_where=sa.text("settled < seq"),
        )

    op.create_table(
        "completion",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("ext", sa.String(length=520), nullable=False),
        sa.Column("person_ext", sa.String(length=255), nullable=False),
        sa.Column("person", sa.Integer(), nullable=True),
        sa.Column("course_ext", sa.String(length=255), nullable=False),
        sa.Column("course", sa.Integer(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=True),
        sa.Column("reset", sa.Boolean(), nullable=False),
        sa.Column("gone", sa.Boolean(), nullable=False),
        sa.Column("sweep", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("host_id", "id", name=op.f("pk_completion")),
        sa.UniqueConstraint("host_id", "ext", name=op.f("uq_completion_host_id_ext")),
    )
    with op.batch_alter_table("completion", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_completion_host_id_person_course"), ["host_id", "person", "course"], unique=False
        )

    op.create_table(
        "connection",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("api_url", sa.String(length=1000), nullable=False),
        sa.Column("api_token", sa.Text(), nullable=True),
        sa.Column("webhook_url", sa.String(length=1000), nullable=False),
        sa.Column("webhook_secret", sa.Text(), nullable=True),
        sa.Column("hooks_secret", sa.Text(), nullable=True),
        sa.Column("mapping", sa.JSON(), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("caps", sa.JSON(), nullable=False),
        sa.Column("marks", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("retry_at", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("host_id", "id", name=op.f("pk_connection")),
        sa.UniqueConstraint("name", name=op.f("uq_connection_name")),
    )
    op.create_table(
        "counter",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("host_id", "name", name=op.f("pk_counter")),
    )
    op.create_table(
        "course",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("ext", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("code", sa.String(length=255), nullable=False),
        sa.Column("url", sa.String(length=1000), nullable=False),
        sa.Column("visible", sa.Boolean(), nullable=False),
        sa.Column("gone", sa.Boolean(), nullable=False),
        sa.Column("sweep", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("host_id", "id", name=op.f("pk_course")),
        sa.UniqueConstraint("host_id", "ext", name=op.f("uq_course_host_id_ext")),
    )
    op.create_table(
        "course_set",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("certification", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("path", sa.String(length=16), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("course", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("host_id", "certification", "path", "position", "course", name=op.f("pk_course_set")),
    )
    with op.batch_alter_table("course_set", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_course_set_host_id_course"), ["host_id", "course"], unique=False)

    op.create_table(
        "decision",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("certification", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("person", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("spell", sa.Integer(), nullable=False),
        sa.Column("type", sa.SmallInteger(), nullable=False),
        sa.Column("action", sa.String(length=16), nullable=False),
        sa.Column("why", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.String(length=255), nullable=False),
        sa.Column("due", sa.BigInteger(), nullable=True),
        sa.Column("applied", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("host_id", "certification", "person", name=op.f("pk_decision")),
    )
    op.create_table(
        "deployment",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("deployment_id", sa.String(length=255), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.PrimaryKeyConstraint("host_id", "deployment_id", name=op.f("pk_deployment")),
    )
    op.create_table(
        "draft",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("certification", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("editor", sa.String(length=255), nullable=False),
        sa.Column("base_version", sa.Integer(), nullable=False),
        sa.Column("changes", sa.JSON(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("touched", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("host_id", "certification", "editor", name=op.f("pk_draft")),
    )
    op.create_table(
        "endpoint",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("url", sa.String(length=1000), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("types", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("host_id", "id", name=op.f("pk_endpoint")),
    )
    op.create_table(
        "enrolment",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("certification", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("person", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("hold", sa.SmallInteger(), nullable=False),
        sa.Column("spell", sa.Integer(), nullable=False),
        sa.Column("began", sa.BigInteger(), nullable=False),
        sa.Column("ended", sa.BigInteger(), nullable=True),
        sa.Column("due", sa.BigInteger(), nullable=True),
        sa.Column("due_from", sa.Integer(), nullable=True),
        sa.Column("baseline_due", sa.BigInteger(), nullable=True),
        sa.Column("why", sa.BigInteger(), nullable=False),
        sa.Column("frozen_since", sa.BigInteger(), nullable=True),
        sa.Column("leaves_on", sa.BigInteger(), nullable=True),
        sa.Column("quiet", sa.Boolean(), nullable=False),
        sa.Column("cycle", sa.Integer(), nullable=False),
        sa.Column("certified_at", sa.BigInteger(), nullable=True),
        sa.Column("expires", sa.BigInteger(), nullable=True),
        sa.Column("window_opens", sa.BigInteger(), nullable=True),
        sa.Column("baseline", sa.BigInteger(), nullable=True),
        sa.Column("wakes", sa.BigInteger(), nullable=True),
        sa.Column("rev", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("host_id", "certification", "person", name=op.f("pk_enrolment")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("enrolment", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_enrolment_host_id_person_certification"),
            ["host_id", "person", "certification"],
            unique=False,
        )
        batch_op.create_index(
            "ix_enrolment_wakes",
            ["host_id", "wakes"],
            unique=False,
            sqlite_where=sa.text("wakes IS NOT NULL"),
            postgresql_where=sa.text("wakes IS NOT NULL"),
        )

    op.create_table(
        "event",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("n", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("type", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("done", sa.SmallInteger(), nullable=False),
        sa.Column("correlation", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("host_id", "n", name=op.f("pk_event")),
        sa.UniqueConstraint("host_id", "key", name=op.f("uq_event_host_id_key")),
    )
    with op.batch_alter_table("event", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_event_host_id_done_n"), ["host_id", "done", "n"], unique=False)

    op.create_table(
        "exception",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("certification", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("person", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("type", sa.SmallInteger(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("wanted_due", sa.BigInteger(), nullable=True),
        sa.Column("wanted_from", sa.Integer(), nullable=True),
        sa.Column("why", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("host_id", "certification", "person", name=op.f("pk_exception")),
    )
    op.create_table(
        "exemption",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("certification", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("person", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.String(length=255), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("host_id", "certification", "person", name=op.f("pk_exemption")),
    )
    op.create_table(
        "extension",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("certification", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("person", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("host_id", "certification", "person", "n", name=op.f("pk_extension")),
    )
    op.create_table(
        "group_member",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("assignment", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("person", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("host_id", "assignment", "person", name=op.f("pk_group_member")),
    )
    with op.batch_alter_table("group_member", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_group_member_host_id_person"), ["host_id", "person"], unique=False)

    op.create_table(
        "held",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("certification", sa.Integer(), nullable=False),
        sa.Column("cause", sa.String(length=16), nullable=False),
        sa.Column("assignment", sa.Integer(), nullable=True),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("people", sa.LargeBinary(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("answered", sa.BigInteger(), nullable=True),
        sa.Column("who", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("host_id", "id", name=op.f("pk_held")),
    )
    op.create_table(
        "hint",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("connection", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("ids", sa.JSON(), nullable=False),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("done", sa.Boolean(), nullable=False),
        sa.Column("caused", sa.Text(), nullable=False),
        sa.Column("correlation", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("host_id", "id", name=op.f("pk_hint")),
        sa.UniqueConstraint("host_id", "connection", "key", name=op.f("uq_hint_host_id_connection_key")),
    )
    with op.batch_alter_table("hint", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_hint_host_id_done_id"), ["host_id", "done", "id"], unique=False)

    op.create_table(
        "host",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("title", sa.String(length=255), nullable=False),
        sa.Column("issuer", sa.String(length=500), nullable=True),
        sa.Column("client_id", sa.String(length=255), nullable=True),
        sa.Column("auth_url", sa.String(length=1000), nullable=True),
        sa.Column("token_url", sa.String(length=1000), nullable=True),
        sa.Column("token_audience", sa.String(length=1000), nullable=True),
        sa.Column("jwks_url", sa.String(length=1000), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("next_person", sa.Integer(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_host")),
        sa.UniqueConstraint("issuer", "client_id", name=op.f("uq_host_issuer_client_id")),
        sa.UniqueConstraint("name", name=op.f("uq_host_name")),
    )
    op.create_table(
        "host_clock",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("as_of", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("host_id", name=op.f("pk_host_clock")),
    )
    op.create_table(
        "job",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("ext", sa.String(length=255), nullable=False),
        sa.Column("person_ext", sa.String(length=255), nullable=False),
        sa.Column("person", sa.Integer(), nullable=True),
        sa.Column("title", sa.String(length=255), nullable=False),
        sa.Column("organisation_ext", sa.String(length=255), nullable=False),
        sa.Column("organisation", sa.Integer(), nullable=True),
        sa.Column("position_ext", sa.String(length=255), nullable=False),
        sa.Column("position", sa.Integer(), nullable=True),
        sa.Column("manager_job_ext", sa.String(length=255), nullable=False),
        sa.Column("manager_job", sa.Integer(), nullable=True),
        sa.Column("manager_ext", sa.String(length=255), nullable=False),
        sa.Column("manager", sa.Integer(), nullable=True),
        sa.Column("temporary", sa.Boolean(), nullable=False),
        sa.Column("starts", sa.BigInteger(), nullable=True),
        sa.Column("ends", sa.BigInteger(), nullable=True),
        sa.Column("position_since", sa.BigInteger(), nullable=True),
        sa.Column("gone", sa.Boolean(), nullable=False),
        sa.Column("sweep", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("host_id", "id", name=op.f("pk_job")),
        sa.UniqueConstraint("host_id", "ext", name=op.f("uq_job_host_id_ext")),
    )
    with op.batch_alter_table("job", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_job_host_id_manager"), ["host_id", "manager"], unique=False)
        batch_op.create_index(batch_op.f("ix_job_host_id_manager_job"), ["host_id", "manager_job"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_job_host_id_organisation_person"), ["host_id", "organisation", "person"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_job_host_id_person"), ["host_id", "person"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_job_host_id_position_person"), ["host_id", "position", "person"], unique=False
        )

    op.create_table(
        "journal",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("n", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.String(length=255), nullable=False),
        sa.Column("what", sa.String(length=64), nullable=False),
        sa.Column("certification", sa.Integer(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("person", sa.Integer(), nullable=True),
        sa.Column("people", sa.LargeBinary(), nullable=True),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("confirmed", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("correlation", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("host_id", "n", name=op.f("pk_journal")),
    )
    with op.batch_alter_table("journal", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_journal_host_id_certification_n"), ["host_id", "certification", "n"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_journal_host_id_certification_what_at"),
            ["host_id", "certification", "what", "at"],
            unique=False,
        )

    op.create_table(
        "launch_session",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("person", sa.Integer(), nullable=True),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("is_administrator", sa.Boolean(), nullable=False),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("cookie_digest", sa.String(length=64), nullable=True),
        sa.Column("cookie_seen", sa.Boolean(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_launch_session")),
    )
    with op.batch_alter_table("launch_session", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_launch_session_expires"), ["expires"], unique=False)

    op.create_table(
        "learner_set",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("target", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("below", sa.Boolean(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("bits", sa.LargeBinary(), nullable=False),
        sa.Column("checksum", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("host_id", "kind", "target", "below", name=op.f("pk_learner_set")),
    )
    op.create_table(
        "message",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("notification", sa.Integer(), nullable=False),
        sa.Column("when", sa.String(length=32), nullable=False),
        sa.Column("certification", sa.Integer(), nullable=False),
        sa.Column("learner", sa.Integer(), nullable=False),
        sa.Column("recipient", sa.Integer(), nullable=False),
        sa.Column("spell", sa.Integer(), nullable=False),
        sa.Column("cycle", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("html", sa.Text(), nullable=False),
        sa.Column("link", sa.String(length=1000), nullable=False),
        sa.Column("call", sa.String(length=40), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("sent_at", sa.BigInteger(), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("correlation", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("host_id", "id", name=op.f("pk_message")),
        sa.UniqueConstraint("host_id", "key", name=op.f("uq_message_host_id_key")),
    )
    with op.batch_alter_table("message", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_message_host_id_learner_certification"),
            ["host_id", "learner", "certification"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_message_host_id_state_next_at"), ["host_id", "state", "next_at"], unique=False
        )

    op.create_table(
        "nonce",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=True),
        sa.Column("expires", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_nonce")),
    )
    with op.batch_alter_table("nonce", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_nonce_expires"), ["expires"], unique=False)

    op.create_table(
        "notification",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("certification", sa.Integer(), nullable=False),
        sa.Column("when", sa.String(length=32), nullable=False),
        sa.Column("offset", sa.Integer(), nullable=False),
        sa.Column("to", sa.JSON(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("on", sa.Boolean(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("host_id", "id", name=op.f("pk_notification")),
    )
    with op.batch_alter_table("notification", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_notification_host_id_certification"), ["host_id", "certification"], unique=False
        )

    op.create_table(
        "once_link",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("purpose", sa.String(length=32), nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_once_link")),
    )
    op.create_table(
        "opened",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("certification", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("person", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("course", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("host_id", "certification", "person", "course", name=op.f("pk_opened")),
    )
    op.create_table(
        "person",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("ext", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("given_name", sa.String(length=255), nullable=False),
        sa.Column("family_name", sa.String(length=255), nullable=False),
        sa.Column("email", sa.String(length=255), nullable=False),
        sa.Column("username", sa.String(length=255), nullable=False),
        sa.Column("number", sa.String(length=255), nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=True),
        sa.Column("first_login", sa.BigInteger(), nullable=True),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("sweep", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("host_id", "id", name=op.f("pk_person")),
        sa.UniqueConstraint("host_id", "ext", name=op.f("uq_person_host_id_ext")),
    )
    with op.batch_alter_table("person", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_person_host_id_email"), ["host_id", "email"], unique=False)
        batch_op.create_index(batch_op.f("ix_person_host_id_number"), ["host_id", "number"], unique=False)
        batch_op.create_index(batch_op.f("ix_person_host_id_username"), ["host_id", "username"], unique=False)

    op.create_table(
        "search_word",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column(
            "word", sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"), nullable=False
        ),
        sa.Column("target", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("host_id", "kind", "word", "target", name=op.f("pk_search_word")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("search_word", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_search_word_host_id_kind_target"), ["host_id", "kind", "target"], unique=False
        )

    op.create_table(
        "seat",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("course", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("person", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("wanted", sa.SmallInteger(), nullable=False),
        sa.Column("confirmed", sa.SmallInteger(), nullable=False),
        sa.Column("owed", sa.Boolean(), nullable=False),
        sa.Column("origin", sa.SmallInteger(), nullable=False),
        sa.Column("leave", sa.SmallInteger(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("sent", sa.SmallInteger(), nullable=True),
        sa.Column("sent_generation", sa.Integer(), nullable=False),
        sa.Column("call", sa.String(length=40), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.Column("parked", sa.Text(), nullable=True),
        sa.Column("changed", sa.BigInteger(), nullable=False),
        sa.Column("confirmed_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("host_id", "course", "person", name=op.f("pk_seat")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("seat", schema=None) as batch_op:
        batch_op.create_index(
            "ix_seat_call",
            ["host_id", "call"],
            unique=False,
            sqlite_where=sa.text("call != ''"),
            postgresql_where=sa.text("call <> ''"),
        )
        batch_op.create_index(
            batch_op.f("ix_seat_host_id_person_course"), ["host_id", "person", "course"], unique=False
        )
        batch_op.create_index(
            "ix_seat_owed",
            ["host_id", "next_at"],
            unique=False,
            sqlite_where=sa.text("owed"),
            postgresql_where=sa.text("owed"),
        )

    op.create_table(
        "secret",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_secret")),
    )
    op.create_table(
        "settling",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("certification", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("requested", sa.BigInteger(), nullable=False),
        sa.Column("as_of", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.String(length=255), nullable=False),
        sa.Column("choices", sa.JSON(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("resume_at", sa.Integer(), nullable=False),
        sa.Column("lease", sa.String(length=64), nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("correlation", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("host_id", "certification", name=op.f("pk_settling")),
    )
    op.create_table(
        "suspect",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("connection", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("ext", sa.String(length=520), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("host_id", "connection", "kind", "ext", name=op.f("pk_suspect")),
    )
    op.create_table(
        "sync_run",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("connection", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("started", sa.BigInteger(), nullable=False),
        sa.Column("ended", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("host_id", "id", name=op.f("pk_sync_run")),
    )
    op.create_table(
        "tool_key",
        sa.Column("kid", sa.String(length=64), nullable=False),
        sa.Column("private_pem", sa.Text(), nullable=False),
        sa.Column("public_jwk", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kid", name=op.f("pk_tool_key")),
    )
    op.create_table(
        "unit",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("ext", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("framework", sa.String(length=255), nullable=False),
        sa.Column("framework_name", sa.String(length=255), nullable=False),
        sa.Column("parent_ext", sa.String(length=255), nullable=False),
        sa.Column("parent", sa.Integer(), nullable=True),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("code", sa.String(length=255), nullable=False),
        sa.Column("lft", sa.Integer(), nullable=False),
        sa.Column("rgt", sa.Integer(), nullable=False),
        sa.Column("depth", sa.SmallInteger(), nullable=False),
        sa.Column("gone", sa.Boolean(), nullable=False),
        sa.Column("direct", sa.Integer(), nullable=False),
        sa.Column("below", sa.Integer(), nullable=False),
        sa.Column("sweep", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("host_id", "id", name=op.f("pk_unit")),
        sa.UniqueConstraint("host_id", "ext", name=op.f("uq_unit_host_id_ext")),
    )
    with op.batch_alter_table("unit", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_unit_host_id_kind_framework_parent"),
            ["host_id", "kind", "framework", "parent"],
            unique=False,
        )

    op.create_table(
        "version",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("certification", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.String(length=255), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("definition", sa.JSON(), nullable=False),
        sa.Column("choices", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("host_id", "certification", "n", name=op.f("pk_version")),
    )
    op.create_table(
        "why_set",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("assignments", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("host_id", "id", name=op.f("pk_why_set")),
    )
    op.create_table(
        "worker",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("machine", sa.String(length=255), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("seen", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_worker")),
    )


def downgrade() -> None:
    """Backwards."""
    op.drop_table("worker")
    op.drop_table("why_set")
    op.drop_table("version")
    with op.batch_alter_table("unit", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_unit_host_id_kind_framework_parent"))

    op.drop_table("unit")
    op.drop_table("tool_key")
    op.drop_table("sync_run")
    op.drop_table("suspect")
    op.drop_table("settling")
    op.drop_table("secret")
    with op.batch_alter_table("seat", schema=None) as batch_op:
        batch_op.drop_index("ix_seat_owed", sqlite_where=sa.text("owed"), postgresql_where=sa.text("owed"))
        batch_op.drop_index(batch_op.f("ix_seat_host_id_person_course"))
        batch_op.drop_index("ix_seat_call", sqlite_where=sa.text("call != ''"), postgresql_where=sa.text("call <> ''"))

    op.drop_table("seat")
    with op.batch_alter_table("search_word", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_search_word_host_id_kind_target"))

    op.drop_table("search_word")
    with op.batch_alter_table("person", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_person_host_id_username"))
        batch_op.drop_index(batch_op.f("ix_person_host_id_number"))
        batch_op.drop_index(batch_op.f("ix_person_host_id_email"))

    op.drop_table("person")
    op.drop_table("opened")
    op.drop_table("once_link")
    with op.batch_alter_table("notification", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_notification_host_id_certification"))

    op.drop_table("notification")
    with op.batch_alter_table("nonce", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_nonce_expires"))

    op.drop_table("nonce")
    with op.batch_alter_table("message", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_message_host_id_state_next_at"))
        batch_op.drop_index(batch_op.f("ix_message_host_id_learner_certification"))

    op.drop_table("message")
    op.drop_table("learner_set")
    with op.batch_alter_table("launch_session", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_launch_session_expires"))

    op.drop_table("launch_session")
    with op.batch_alter_table("journal", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_journal_host_id_certification_what_at"))
        batch_op.drop_index(batch_op.f("ix_journal_host_id_certification_n"))

    op.drop_table("journal")
    with op.batch_alter_table("job", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_job_host_id_position_person"))
        batch_op.drop_index(batch_op.f("ix_job_host_id_person"))
        batch_op.drop_index(batch_op.f("ix_job_host_id_organisation_person"))
        batch_op.drop_index(batch_op.f("ix_job_host_id_manager_job"))
        batch_op.drop_index(batch_op.f("ix_job_host_id_manager"))

    op.drop_table("job")
    op.drop_table("host_clock")
    op.drop_table("host")
    with op.batch_alter_table("hint", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_hint_host_id_done_id"))

    op.drop_table("hint")
    op.drop_table("held")
    with op.batch_alter_table("group_member", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_group_member_host_id_person"))

    op.drop_table("group_member")
    op.drop_table("extension")
    op.drop_table("exemption")
    op.drop_table("exception")
    with op.batch_alter_table("event", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_event_host_id_done_n"))

    op.drop_table("event")
    with op.batch_alter_table("enrolment", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_enrolment_wakes",
            sqlite_where=sa.text("wakes IS NOT NULL"),
            postgresql_where=sa.text("wakes IS NOT NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_enrolment_host_id_person_certification"))

    op.drop_table("enrolment")
    op.drop_table("endpoint")
    op.drop_table("draft")
    op.drop_table("deployment")
    op.drop_table("decision")
    with op.batch_alter_table("course_set", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_course_set_host_id_course"))

    op.drop_table("course_set")
    op.drop_table("course")
    op.drop_table("counter")
    op.drop_table("connection")
    with op.batch_alter_table("completion", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_completion_host_id_person_course"))

    op.drop_table("completion")
    with op.batch_alter_table("change", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_change_owed", sqlite_where=sa.text("settled < seq"), postgresql_where=sa.text("settled < seq")
        )
        batch_op.drop_index(batch_op.f("ix_change_host_id_seq"))

    op.drop_table("change")
    op.drop_table("certification")
    with op.batch_alter_table("call", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_call_host_id_state_next_at"))

    op.drop_table("call")
    with op.batch_alter_table("audience_member", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_audience_member_host_id_person_audience"))
        batch_op.drop_index(batch_op.f("ix_audience_member_host_id_audience_person"))

    op.drop_table("audience_member")
    op.drop_table("audience")
    with op.batch_alter_table("assignment", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_assignment_host_id_type_target_id"))

    op.drop_table("assignment")
