"""Self-enrolment groups as a learner sees them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.certifications.tables import Assignment, Certification, GroupMember


@dataclass(frozen=True)
class OpenGroup:
    """A group she is in, or may join."""

    certification: Certification
    name: str
    description: str
    due: Any
    member: bool
    may_leave: bool


def open_groups(session: Session, host_id: int, person: int) -> list[OpenGroup]:
    """Groups of live certifications that are open to her or that she is in, by certification and name."""
    mine = set(
        session.scalars(
            select(GroupMember.assignment).where(GroupMember.host_id == host_id, GroupMember.person == person)
        )
    )
    rows = session.execute(
        select(Assignment, Certification)
        .join(
            Certification,
            (Certification.host_id == Assignment.host_id) & (Certification.id == Assignment.certification),
        )
        .where(
            Assignment.host_id == host_id, Assignment.type == "group", Assignment.live, Certification.state == "live"
        )
        .order_by(Certification.name, Assignment.target)
    )
    return [
        OpenGroup(
            certification,
            row.target,
            str(row.group.get("description", "")),
            row.due,
            row.id in mine,
            bool(row.group.get("withdraw")),
        )
        for row, certification in rows
        if row.id in mine or row.group.get("self_enrol")
    ]
