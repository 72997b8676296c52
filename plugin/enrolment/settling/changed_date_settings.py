"""Settles everybody anew after a host's dates came to mean something else: another time zone, another mapping.

A date that differs by less than a day is the same day in the other zone, so it follows, earlier as well as later; so
does one counted from a profile field that is read in another format. Dates that somebody moved stay as rules 3.5 leaves
them. Nobody is sent a message because of it. A save that waits takes this on besides what it decides itself.
"""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import cast

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from plugin.certifications.definition import Definition
from plugin.certifications.rules.availability import available_from, available_until, starts_at
from plugin.certifications.rules.due_dates import AfterDue, parse_due
from plugin.certifications.store import definition_of
from plugin.certifications.tables import Assignment, Certification
from plugin.core.days import DAY
from plugin.core.ids import read_clock, take_ids
from plugin.core.runtime import Runtime
from plugin.core.tables import Host
from plugin.enrolment.settling.saves import request_settling
from plugin.enrolment.tables import Settling
from plugin.mirror.changes import EARLIER
from plugin.mirror.connections.date_settings import changed_meaning, forget_meaning, take_formats

SAME_DAY = DAY - 3600
"""Seconds by which one calendar day may differ between two zones, less what a change of the clocks takes."""
CHOICES: dict[str, object] = {"earlier_by": SAME_DAY, "no_messages": True, "again": True}

_OWE_EVERYBODY = f"""
INSERT INTO change (host_id, person, seq, settled, at) SELECT host_id, id, :seq, -1, :at FROM person WHERE host_id = :host
ON CONFLICT (host_id, person) DO UPDATE SET settled = -1, at = {EARLIER}
"""


def follow_meanings(runtime: Runtime, host_id: int) -> int:
    """Owe everybody of the host a look where its dates changed their meaning; returns how many certifications wait."""
    with runtime.db.read() as session:
        if changed_meaning(session, host_id) is None:
            return 0
    return runtime.db.transact(partial(_follow, host_id=host_id))


def _first_days(session: Session, definition: Definition, certification: Certification, zone: str) -> None:
    """The first days of its assignments, as the new zone has them."""
    if not (definition.starts or any(row.starts for row in definition.assignments)):
        return
    starts = {(row.type, row.target): starts_at(definition, row, zone) for row in definition.assignments}
    rows = session.scalars(
        select(Assignment).where(
            Assignment.host_id == certification.host_id, Assignment.certification == certification.id, Assignment.live
        )
    )
    for row in rows:
        row.starts = starts.get((row.type, row.target))


def _counted_from(
    session: Session, definition: Definition, certification: Certification, fields: Collection[str]
) -> list[int]:
    """Our ids of the assignments whose dates are counted from one of these profile fields."""
    dues = {(row.type, row.target): parse_due(row.due) for row in definition.assignments} if fields else {}
    counted = {
        name for name, due in dues.items()
        if isinstance(due, AfterDue) and due.event == "profile_date" and due.item in fields
    }  # fmt: skip
    if not counted:
        return []
    rows = session.scalars(
        select(Assignment).where(
            Assignment.host_id == certification.host_id, Assignment.certification == certification.id, Assignment.live
        )
    )
    return sorted(row.id for row in rows if (row.type, row.target) in counted)


def _take_on(session: Session, pending: Settling, misread: list[int]) -> None:
    """A settle that waits, or is under way and begins again, lets dates follow too."""
    choices = {**pending.choices, "earlier_by": SAME_DAY}
    if misread and not choices.get("earlier"):
        choices |= {"earlier": True, "earlier_of": misread}
    elif misread and choices.get("earlier_of") is not None:
        choices["earlier_of"] = sorted({*misread, *cast("list[int]", choices["earlier_of"])})
    pending.choices = choices
    if pending.state == "running":
        pending.number, pending.state = take_ids(session, pending.host_id, "settling"), "owed"
        pending.lease, pending.lease_until = "", 0


def _follow(session: Session, host_id: int) -> int:
    if changed_meaning(session, host_id) is None:
        return 0
    seq, as_of = read_clock(session, host_id, lock=True)
    session.execute(text(_OWE_EVERYBODY), {"host": host_id, "seq": seq, "at": as_of})
    zone, fields = str(session.get_one(Host, host_id).time_zone), take_formats(session, host_id)
    rows = session.scalars(
        select(Certification).where(Certification.host_id == host_id, Certification.version > 0)
    ).all()
    for row in rows:
        definition = definition_of(session, host_id, row.id)
        row.available_from, row.available_until = available_from(definition, zone), available_until(definition, zone)
        _first_days(session, definition, row, zone)
        misread = _counted_from(session, definition, row, fields)
        pending = session.get(Settling, (host_id, row.id))
        if pending is not None and pending.state != "done":
            _take_on(session, pending, misread)
            continue
        choices = {**CHOICES, **({"earlier": True, "earlier_of": misread} if misread else {})}
        request_settling(
            session, host_id, row.id, number=take_ids(session, host_id, "settling"), version=row.version, at=as_of,
            who="rule", choices=choices, correlation="",
        )  # fmt: skip
    forget_meaning(session, host_id)
    return len(rows)
