"""Drift: what reconciling found, what becomes of it by policy or by somebody's answer, and what the page shows."""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask_babel import gettext as _
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from plugin.core.database.bulk import fetch, insert_rows, run, update_rows
from plugin.core.database.dialect import for_update
from plugin.core.database.slices import slices
from plugin.core.errors import Invalid
from plugin.core.ids import upsert_for
from plugin.core.journal import record
from plugin.core.logs import correlation
from plugin.delivery.tables import IN, NOBODYS, OURS, OUT, SUSPENDED, Drift, Seat
from plugin.mirror.tables import Connection

REASSERT, ACCEPT, ASK = "reassert", "accept", "ask"
POLICIES = (REASSERT, ACCEPT, ASK)
LISTED = 1000
"""At most so many enrolments made by others are listed for a course; all are counted."""
_AT_ONCE = 5000


@dataclass(frozen=True)
class FoundDifference:
    """One enrolment that differs. ``seat``: ours with what is to be written; ``None`` where it is only listed.

    :ivar parked: ``ask`` or ``accept``: it is not sent; else empty.
    """

    kind: str
    course: str
    person: str
    seat: tuple[int, int] | None = None
    confirmed: int = OUT
    origin: int = NOBODYS
    owed: bool = False
    generation: int = 0
    parked: str = ""


def policy_of(connection: Connection) -> str:
    """What is done about drift at this host; re-assert unless somebody chose otherwise."""
    chosen = str(connection.settings.get("drift") or REASSERT)
    return chosen if chosen in POLICIES else REASSERT


def choose_policy(session: Session, connection: Connection, policy: str, *, at: int, who: str) -> None:
    """Set it, from the next look on.

    :raises Invalid: for a word that is none of them.
    """
    if policy not in POLICIES:
        raise Invalid(_("Choose what Muster does about enrolments that changed at the learning site."))
    row = session.get_one(Connection, (connection.host_id, connection.id), with_for_update=True, populate_existing=True)
    before = policy_of(row)
    row.settings = {**row.settings, "drift": policy}
    if before != policy:
        record(session, row.host_id, at, who, "drift_policy", data={"before": before, "after": policy})


def write(session: Session, host_id: int, number: int, at: int, found: Sequence[FoundDifference]) -> None:
    """Write what was found into *confirmed*, and onto the list. The caller holds the seats' locks.

    What is sent anew gets a new generation, or the host would call it *same*.
    """
    ours = [one for one in found if one.seat is not None]
    if ours:
        again = [one.owed and not one.parked for one in ours]
        columns = {
            "confirmed": [one.confirmed for one in ours], "origin": [one.origin for one in ours],
            "owed": [int(one.owed) for one in ours],
            "generation": [one.generation + raised for one, raised in zip(ours, again, strict=True)],
            "parked": [_WORDS[one.kind] if one.parked else None for one in ours],
            "dismissed": [one.generation if one.parked == ACCEPT else 0 for one in ours],
            "attempts": 0, "next_at": 0, "correlation": correlation(),
        }  # fmt: skip
        keys = {"host_id": host_id, "course": [one.seat[0] for one in ours if one.seat],
                "person": [one.seat[1] for one in ours if one.seat]}  # fmt: skip
        update_rows(session, Seat, keys, columns)
        _changed_now(session, host_id, [one for one, raised in zip(ours, again, strict=True) if raised], at)
    _list(session, host_id, number, at, [one for one in found if one.kind])


_WORDS = {
    "missing": "The host no longer has this enrolment.",
    "suspended": "Somebody suspended this enrolment at the host.",
    "extra": "Somebody made this enrolment active at the host.",
}


def _changed_now(session: Session, host_id: int, again: Sequence[FoundDifference], at: int) -> None:
    """The 48 hours of trying begin anew."""
    seats = [one.seat for one in again if one.seat]
    if seats:
        keys = {"host_id": host_id, "course": [one[0] for one in seats], "person": [one[1] for one in seats]}
        update_rows(session, Seat, keys, {"changed": at})


def _list(session: Session, host_id: int, number: int, at: int, found: Sequence[FoundDifference]) -> None:
    room: dict[str, int] = {}
    rows = []
    for one in found:
        if one.kind == "other":
            if one.course not in room:
                listed = select(func.count()).select_from(Drift).where(
                    Drift.host_id == host_id, Drift.course == one.course, Drift.kind == "other", Drift.run == number)  # fmt: skip
                room[one.course] = LISTED - int(session.scalar(listed) or 0)
            room[one.course] -= 1
            if room[one.course] < 0:
                continue
        state = "listed" if one.seat is None else _STATES[one.parked] if one.owed else "settled"
        rows.append({"host_id": host_id, "course": one.course[:255], "person": one.person[:255], "kind": one.kind,
                     "state": state, "found_at": at, "run": number})  # fmt: skip
    for part in slices(rows, _NAMED):
        statement = upsert_for(session)(Drift)
        kept = {name: getattr(statement.excluded, name) for name in ("kind", "state", "found_at", "run")}
        session.execute(
            statement.on_conflict_do_update(index_elements=["host_id", "course", "person"], set_=kept),
            part,
        )


_NAMED = 500
_STATES = {"": "reasserted", ASK: "asked", ACCEPT: "accepted"}


def forget_older(session: Session, host_id: int, number: int) -> None:
    """A whole look is over: what it did not see again is past, but for questions still open and what was left as it is."""
    session.execute(
        delete(Drift).where(Drift.host_id == host_id, Drift.run < number, Drift.state.not_in(("asked", "accepted")))
    )
    run(
        session,
        "DELETE FROM drift WHERE host_id = ? AND state IN ('asked', 'accepted') AND NOT EXISTS (SELECT 1 FROM seat s"
        " JOIN person p ON p.host_id = s.host_id AND p.id = s.person JOIN course c ON c.host_id = s.host_id AND c.id = s.course"
        " WHERE s.host_id = drift.host_id AND p.ext = drift.person AND c.ext = drift.course AND s.parked IS NOT NULL)",
        host_id,
    )


# --- what the page shows and answers


@dataclass(frozen=True)
class CourseDrift:
    """A course's drift: how many of each kind, and how many of them wait for an answer."""

    course: str
    name: str
    missing: int
    suspended: int
    extra: int
    others: int
    asked: int


@dataclass(frozen=True)
class DriftRow:
    """One enrolment of the list, with the names Muster knows."""

    course: str
    person: str
    kind: str
    state: str
    found_at: int
    name: str


def by_course(session: Session, host_id: int) -> list[CourseDrift]:
    """Courses with drift, those with open questions first."""
    rows = fetch(
        session,
        "SELECT d.course, coalesce(max(c.name), ''), sum(CASE WHEN d.kind = 'missing' THEN 1 ELSE 0 END),"
        " sum(CASE WHEN d.kind = 'suspended' THEN 1 ELSE 0 END), sum(CASE WHEN d.kind = 'extra' THEN 1 ELSE 0 END),"
        " sum(CASE WHEN d.kind = 'other' THEN 1 ELSE 0 END), sum(CASE WHEN d.state = 'asked' THEN 1 ELSE 0 END) AS asked"
        " FROM drift d LEFT JOIN course c ON c.host_id = d.host_id AND c.ext = d.course WHERE d.host_id = ?"
        " GROUP BY d.course ORDER BY asked DESC, d.course",
        host_id,
    )
    return [CourseDrift(row[0], row[1] or row[0], *map(int, row[2:])) for row in rows]


def of_course(
    session: Session, host_id: int, course: str, *, kind: str, limit: int, offset: int
) -> tuple[int, list[DriftRow]]:
    """The list of one course, and how long it is."""
    where = "d.host_id = ? AND d.course = ?" + (" AND d.kind = ?" if kind else "")
    values = (host_id, course, kind) if kind else (host_id, course)
    total = int(fetch(session, f"SELECT count(*) FROM drift d WHERE {where}", *values)[0][0])
    rows = fetch(
        session,
        "SELECT d.course, d.person, d.kind, d.state, d.found_at, coalesce(p.name, '') FROM drift d LEFT JOIN person p ON"
        f" p.host_id = d.host_id AND p.ext = d.person WHERE {where} ORDER BY d.state, d.person LIMIT ? OFFSET ?",
        *values, limit, offset,
    )  # fmt: skip
    return total, [DriftRow(row[0], row[1], row[2], row[3], int(row[4]), row[5] or row[1]) for row in rows]


def answer(
    session: Session, host_id: int, action: str, *, course: str = "", people: Sequence[str] = (), at: int, who: str
) -> int:
    """Answer open questions: ``reassert`` sends what is wanted anew, ``accept`` leaves it until wanted changes.

    :param course: the host's id; all courses where empty. :param people: the host's ids; everybody of it where empty.
    :returns: how many were answered. :raises Invalid: for another action.
    """
    if action not in (REASSERT, ACCEPT):
        raise Invalid(_("Choose what to do about them."))
    values: list[int | str] = [host_id]
    where = "d.host_id = ? AND d.state = 'asked'"
    if course:
        where, values = f"{where} AND d.course = ?", [*values, course]
    if people:
        where = f"{where} AND d.person IN ({', '.join('?' * len(people))})"
    sql = (
        "SELECT s.course, s.person, s.generation, d.course, d.person FROM drift d"
        " JOIN person p ON p.host_id = d.host_id AND p.ext = d.person"
        " JOIN course c ON c.host_id = d.host_id AND c.ext = d.course"
        " JOIN seat s ON s.host_id = d.host_id AND s.course = c.id AND s.person = p.id AND s.parked IS NOT NULL"
        f" WHERE {where} ORDER BY s.course, s.person"
    )
    lock = for_update(session, of="s")
    rows = fetch(session, sql + lock, *values, *people)
    if rows:
        keys = {"host_id": host_id, "course": [row[0] for row in rows], "person": [row[1] for row in rows]}
        generations = [row[2] for row in rows]
        if action == ACCEPT:
            update_rows(session, Seat, keys, {"dismissed": generations})
        else:
            again = {"parked": None, "generation": [one + 1 for one in generations], "attempts": 0, "next_at": 0,
                     "changed": at, "correlation": correlation()}  # fmt: skip
            update_rows(session, Seat, keys, again)
        answered = {"host_id": host_id, "course": [row[3] for row in rows], "person": [row[4] for row in rows]}
        update_rows(session, Drift, answered, {"state": "accepted" if action == ACCEPT else "reasserted"})
        record(
            session, host_id, at, who, "drift_answered", data={"action": action, "count": len(rows), "course": course}
        )
    return len(rows)


def pick(session: Session, host_id: int, course: str, people: Sequence[str], *, at: int, who: str) -> int:
    """Withdraw enrolments that Muster did not ask for, because somebody picked them; nobody who is to be in the course.

    :param course: the host's id. :param people: the host's ids.
    :returns: how many will be suspended there; the host may still answer that they are not ours to change.
    """
    if not people:
        return 0
    named = f"d.person IN ({', '.join('?' * len(people))})"
    rows = fetch(
        session,
        "SELECT c.id, p.id, coalesce(s.generation, 0), d.person FROM drift d"
        " JOIN person p ON p.host_id = d.host_id AND p.ext = d.person JOIN course c ON c.host_id = d.host_id AND c.ext = d.course"
        " LEFT JOIN seat s ON s.host_id = d.host_id AND s.course = c.id AND s.person = p.id"
        f" WHERE d.host_id = ? AND d.course = ? AND d.state = 'listed' AND {named}"
        f" AND (s.wanted IS NULL OR s.wanted <> {IN}) ORDER BY c.id, p.id",
        host_id, course, *people,
    )  # fmt: skip
    if not rows:
        return 0
    keys = {"host_id": host_id, "course": [row[0] for row in rows], "person": [row[1] for row in rows]}
    first = {"wanted": SUSPENDED, "confirmed": IN, "owed": 0, "generation": 0, "changed": at}
    insert_rows(session, Seat, {**keys, **first}, skip_present=True)
    update_rows(session, Seat, keys, {
        "wanted": SUSPENDED, "confirmed": IN, "owed": 1, "origin": OURS, "changed": at, "attempts": 0, "next_at": 0,
        "generation": [row[2] + 1 for row in rows], "parked": None, "correlation": correlation(),
    })  # fmt: skip
    picked = {"host_id": host_id, "course": course, "person": [row[3] for row in rows]}
    update_rows(session, Drift, picked, {"state": "picked"})
    record(session, host_id, at, who, "drift_picked", data={"course": course, "count": len(rows)})
    return len(rows)
