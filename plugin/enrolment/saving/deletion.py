"""Deleting a certification: only where nobody was ever enrolled in it (rules 5.11)."""

from __future__ import annotations

from flask_babel import gettext as _
from sqlalchemy import Integer, Table, Text, cast, delete, exists, select
from sqlalchemy.orm import Session

from plugin.certifications.rules.due_dates import AfterDue, parse_due
from plugin.certifications.store import by_id
from plugin.certifications.tables import Assignment, Certification, GroupMember
from plugin.core.db import Base
from plugin.core.errors import RefusedByRule
from plugin.core.host_time import move_on
from plugin.core.ids import read_clock
from plugin.core.journal import record
from plugin.core.runtime import Runtime
from plugin.enrolment.reading.snapshot import lock_certification
from plugin.enrolment.tables import Enrolment, ImportedRecord, Settling

_KEPT = ("journal", "event")
"""Tables that go on telling of it."""


def why_not(session: Session, host_id: int, certification: int) -> str:
    """Why a certification cannot be deleted, in a sentence; empty where it can."""
    row = by_id(session, host_id, certification)
    here = {"host_id": host_id, "certification": certification}
    if session.scalar(select(exists().where(*(getattr(Enrolment, key) == value for key, value in here.items())))):
        return str(_("Learners were enrolled here or asked about, so it cannot be deleted. Archive it instead."))
    if session.scalar(select(exists().where(*(getattr(ImportedRecord, key) == value for key, value in here.items())))):
        return str(_("Records were imported here, so it cannot be deleted. Archive it instead."))
    settling = session.get(Settling, (host_id, certification))
    if settling is not None and settling.state not in ("done", "aside"):
        return str(_("What was saved last is still being carried out. Try again in a moment."))
    users = _counting_from(session, host_id, row.code)
    if users:
        return str(_("Due dates of %(names)s count from its completion. Change those first.", names=", ".join(users)))
    return ""


def _counting_from(session: Session, host_id: int, code: str) -> list[str]:
    """Codes of the certifications with a due date relative to this one's completion."""
    rows = session.execute(
        select(Assignment.due, Certification.code)
        .join(
            Certification,
            (Certification.host_id == Assignment.host_id) & (Certification.id == Assignment.certification),
        )
        .where(Assignment.host_id == host_id, Assignment.live, Certification.code != code)
        .where(cast(Assignment.due, Text).like("%certification_completion%"))
    )
    found = {
        other for due, other in rows
        if isinstance(parsed := parse_due(due), AfterDue)
        and (parsed.event, parsed.item) == ("certification_completion", code)
    }  # fmt: skip
    return sorted(found)


def _of_certifications() -> list[Table]:
    """Tables with rows of one certification; a code that a link of the host names is the host's."""
    return [
        table for table in Base.metadata.sorted_tables
        if "host_id" in table.c and "certification" in table.c and table.name not in _KEPT
        and isinstance(table.c.certification.type, Integer)
    ]  # fmt: skip


def delete_certification(runtime: Runtime, host_id: int, certification: int, *, who: str) -> None:
    """Delete it with its assignments, drafts, versions and notifications. The history keeps that it was.

    :raises NotFound: when there is none of this id.
    :raises RefusedByRule: where somebody was ever enrolled, or something else needs it.
    """

    def work(session: Session) -> None:
        _seq, as_of = read_clock(session, host_id, share=True)
        lock_certification(session, host_id, certification)
        row = by_id(session, host_id, certification)
        reason = why_not(session, host_id, certification)
        if reason:
            raise RefusedByRule(reason)
        name = f"{row.name} ({row.code})"
        groups = select(Assignment.id).where(Assignment.host_id == host_id, Assignment.certification == certification)
        session.execute(delete(GroupMember).where(GroupMember.host_id == host_id, GroupMember.assignment.in_(groups)))
        for table in _of_certifications():
            session.execute(table.delete().where(table.c.host_id == host_id, table.c.certification == certification))
        session.execute(
            delete(Certification).where(Certification.host_id == host_id, Certification.id == certification)
        )
        record(
            session, host_id, max(as_of, runtime.clock.now()), who, "deleted", certification=certification, reason=name
        )

    move_on(runtime, host_id)
    runtime.db.transact(work)
