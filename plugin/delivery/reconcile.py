"""Reconcile: read the host's enrolments back, compare them with what was confirmed, and own up to the difference (DOMAIN 9.4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy import bindparam, text
from sqlalchemy.orm import Session

from plugin.core.journal import record
from plugin.core.runtime import Runtime
from plugin.delivery.seats import is_owed
from plugin.delivery.tables import FOUND, IN, OURS, OUT, SUSPENDED
from plugin.hosts.port import Caps, Record
from plugin.mirror.connections import connection_of, open_connection

_STATES = {"active": IN, "suspended": SUSPENDED}


@dataclass
class Drift:
    """Seats of ours that are not as confirmed, and enrolments made by others, which are only counted."""

    missing: int = 0
    suspended: int = 0
    extra: int = 0
    others: int = 0


def reconcile(runtime: Runtime, host_id: int) -> Drift:
    """Read every enrolment of the host and write it into *confirmed*; what then differs from wanted is owed again.

    Touches only seats in no call that were confirmed before the read began, so it never races the drain.

    :raises HostTrouble: as the host answers; what was compared so far stays.
    """
    began = runtime.clock.now()
    with runtime.db.read() as session:
        connection = connection_of(session, host_id)
    host = open_connection(runtime, connection)
    ours = None
    caps = Caps.from_json(connection.caps)
    if caps.can("enrolments", "courses"):
        with runtime.db.read() as session:
            ours = _courses(session, host_id)
    drift = Drift()
    seen: set[tuple[str, str]] = set()
    for page in host.read("enrolments", ids=ours):
        rows = list(page.rows)
        seen.update((str(row.fields.get("person")), str(row.fields.get("course"))) for row in rows)
        runtime.db.transact(
            partial(_compare, host_id=host_id, rows=rows, began=began, drift=drift, tells=caps.reads_status)
        )
    runtime.db.transact(lambda session: _absent(session, host_id, seen, began, drift))
    if drift.missing + drift.suspended + drift.extra:
        runtime.db.transact(lambda session: record(session, host_id, began, "sync", "drift", data=dict(vars(drift))))
    return drift


def _courses(session: Session, host_id: int) -> list[str]:
    """The courses with seats, as ids for a host that reads enrolments course by course."""
    rows = session.execute(
        text(
            "SELECT c.ext FROM course c WHERE c.host_id = :host AND NOT c.gone AND EXISTS"
            " (SELECT 1 FROM seat s WHERE s.host_id = c.host_id AND s.course = c.id) ORDER BY c.id"
        ),
        {"host": host_id},
    )
    return [f"course:{row[0]}" for row in rows]


def _compare(session: Session, host_id: int, rows: Sequence[Record], began: int, drift: Drift, *, tells: bool) -> None:
    """:param tells: whether the host shows who is suspended; where not, *suspended* counts as equal (DOMAIN 9.4)."""
    there = {
        (str(row.fields.get("person")), str(row.fields.get("course"))): row
        for row in rows
        if row.fields.get("state") in _STATES
    }
    people = sorted({person for person, _course in there})
    statement = text(
        "SELECT s.course, s.person, p.ext, c.ext, s.wanted, s.confirmed, s.origin FROM seat s"
        " JOIN person p ON p.host_id = s.host_id AND p.id = s.person JOIN course c ON c.host_id = s.host_id AND c.id = s.course"
        " WHERE s.host_id = :host AND s.call = '' AND s.confirmed <> 3 AND coalesce(s.confirmed_at, 0) <= :began"
        " AND p.ext IN :people"
    ).bindparams(bindparam("people", expanding=True))
    known: set[tuple[str, str]] = set()
    for start in range(0, len(people), 500):
        part = people[start : start + 500]
        for course, person, person_ext, course_ext, wanted, confirmed, origin in session.execute(
            statement, {"host": host_id, "began": began, "people": part}
        ).all():
            row = there.get((person_ext, course_ext))
            if row is None:
                continue
            known.add((person_ext, course_ext))
            state = _STATES[row.fields["state"]]
            if state == confirmed or origin == FOUND or (confirmed == SUSPENDED and not tells):
                continue
            # Who cannot say whose it is had it before us, unless we wrote it (DESIGN, point 7).
            if confirmed == OUT and (row.fields.get("by", "muster" if origin == OURS else "other") == "other"):
                origin = FOUND
            elif state == SUSPENDED:
                drift.suspended += 1
            else:
                drift.extra += 1
            _write(session, host_id, course, person, state, wanted, origin)
    drift.others += sum(1 for key, row in there.items() if key not in known and row.fields.get("by") == "other")


def _absent(session: Session, host_id: int, seen: set[tuple[str, str]], began: int, drift: Drift) -> None:
    rows = session.execute(
        text(
            "SELECT s.course, s.person, p.ext, c.ext, s.wanted FROM seat s"
            " JOIN person p ON p.host_id = s.host_id AND p.id = s.person"
            " JOIN course c ON c.host_id = s.host_id AND c.id = s.course"
            " WHERE s.host_id = :host AND s.call = '' AND s.confirmed IN (1, 2) AND coalesce(s.confirmed_at, 0) <= :began"
        ),
        {"host": host_id, "began": began},
    ).all()
    for course, person, person_ext, course_ext, wanted in rows:
        if (person_ext, course_ext) not in seen:
            drift.missing += 1
            _write(session, host_id, course, person, OUT, wanted, OURS)


def _write(session: Session, host_id: int, course: int, person: int, confirmed: int, wanted: int, origin: int) -> None:
    """What the host says is confirmed; what we want anew gets a new generation, or the host would call it *same*."""
    owed = is_owed(wanted, confirmed, origin)
    session.execute(
        text(
            "UPDATE seat SET confirmed = :confirmed, origin = :origin, owed = :owed, generation = generation + :raise_,"
            " attempts = 0, next_at = 0 WHERE host_id = :host AND course = :course AND person = :person AND call = ''"
        ),
        {"confirmed": confirmed, "origin": origin, "owed": owed, "raise_": int(owed), "host": host_id, "course": course,
         "person": person},
    )  # fmt: skip
