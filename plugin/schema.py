"""All tables, gathered for migrations and tests; and the tick, so that a host's time moves on in every process."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, MetaData, event, text

import plugin.access.tables
import plugin.certifications.tables
import plugin.core.tables
import plugin.delivery.resets.reset_tables
import plugin.delivery.results.score_tables
import plugin.delivery.tables
import plugin.enrolment.settling.tick
import plugin.enrolment.tables
import plugin.lti.tables
import plugin.mirror.sources.directory.tables
import plugin.mirror.sources.tables
import plugin.mirror.tables
import plugin.notifications.tables
import plugin.population.tables
import plugin.reports.counts.tables
import plugin.reports.record.tables
import plugin.reports.saved.tables
import plugin.reports.sending.tables  # noqa: F401 - importing is what registers the tables
from plugin.core.db import Base

metadata = Base.metadata

SIZES = (
    ("enrolment", "enrolment", "1000000 1000000 5000 1"),
    ("enrolment", "ix_enrolment_host_id_person_certification", "1000000 1000000 10 1"),
    ("enrolment", "ix_enrolment_wakes", "10000 10000 10"),
    ("seat", "seat", "1000000 1000000 5000 1"),
    ("seat", "ix_seat_host_id_person_course", "1000000 1000000 10 1"),
    ("seat", "ix_seat_owed", "10000 10000 1000"),
    ("seat", "ix_seat_call", "10000 10000 500"),
)
"""Rows, and rows for each prefix of the key, as SQLite's planner takes them: without, it would look somebody's
enrolments up by scanning the host's, since a key that is the table seems cheaper to it than an index that fits."""


@event.listens_for(metadata, "after_create")
def _tell_planner(_target: MetaData, connection: Connection, **_more: Any) -> None:
    if connection.dialect.name == "sqlite":
        connection.execute(text("ANALYZE counter"))
        sql = text("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (:tbl, :idx, :stat)")
        connection.execute(sql, [{"tbl": table, "idx": index, "stat": stat} for table, index, stat in SIZES])
        connection.execute(text("ANALYZE sqlite_master"))
