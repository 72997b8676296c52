"""Targets the host deleted, and teams that vanished: their last learners are kept until somebody answers.

Rules 2.3 and 5.10. What is kept is *pinned* to its assignment: the resolver's answer plus the pinned learners.
"""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

from collections.abc import Sequence

from pyroaring import BitMap
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from plugin.certifications.tables import Assignment
from plugin.core.database.bulk import fetch
from plugin.core.ids import read_clock, take_ids
from plugin.core.journal import record
from plugin.core.runtime import Runtime
from plugin.enrolment.codes import WITHDRAWN
from plugin.enrolment.settling.owed_looks import owe
from plugin.enrolment.tables import Held, WhySet
from plugin.mirror.tables import DELETED

TARGET_GONE, TEAM_GONE = "target_gone", "team_gone"
_FEW = 500

_GONE = f"""
SELECT a.id FROM assignment a LEFT JOIN unit u ON u.host_id = a.host_id AND u.id = a.target_id
 WHERE a.host_id = :host AND a.live AND NOT a.missing AND a.type IN ('organisation', 'position') AND u.gone
UNION ALL
SELECT a.id FROM assignment a LEFT JOIN audience u ON u.host_id = a.host_id AND u.id = a.target_id
 WHERE a.host_id = :host AND a.live AND NOT a.missing AND a.type = 'audience' AND u.gone
UNION ALL
SELECT a.id FROM assignment a WHERE a.host_id = :host AND a.live AND NOT a.missing AND a.type = 'manager' AND
 (SELECT j.gone OR (p.state = {DELETED} AND NOT p.ghost) FROM job j
   LEFT JOIN person p ON p.host_id = j.host_id AND p.id = j.person WHERE j.host_id = a.host_id AND j.id = a.target_id)
UNION ALL
SELECT a.id FROM assignment a WHERE a.host_id = :host AND a.live AND NOT a.missing AND a.type = 'individual' AND
 (SELECT p.state = {DELETED} FROM person p WHERE p.host_id = a.host_id AND p.id = a.target_id)
"""
"""Targets that were deleted. Asked for one by one: there are fewer of them than people, whom a join would read."""
_GONE_UNITS = """
SELECT a.id FROM unit u CROSS JOIN assignment a
 WHERE a.host_id = u.host_id AND a.type = u.kind AND a.target_id = u.id
 AND u.host_id = :host AND u.gone AND a.live AND NOT a.missing
UNION
SELECT a.id FROM audience u CROSS JOIN assignment a
 WHERE a.host_id = u.host_id AND a.type = 'audience' AND a.target_id = u.id
 AND u.host_id = :host AND u.gone AND a.live AND NOT a.missing
"""
_GONE_OF = f"""
SELECT a.id FROM job j CROSS JOIN person p CROSS JOIN assignment a
 WHERE p.host_id = j.host_id AND p.id = j.person AND a.host_id = j.host_id AND a.type = 'manager'
 AND a.target_id = j.id AND j.host_id = :host AND j.person IN :people
 AND (j.gone OR (p.state = {DELETED} AND NOT p.ghost)) AND a.live AND NOT a.missing
UNION
SELECT a.id FROM person p CROSS JOIN assignment a
 WHERE a.host_id = p.host_id AND a.type = 'individual' AND a.target_id = p.id
 AND p.host_id = :host AND p.id IN :people AND p.state = {DELETED} AND a.live AND NOT a.missing
"""
_BACK = f"""
SELECT a.id FROM assignment a WHERE a.host_id = :host AND a.live AND a.missing AND (
 (a.type IN ('organisation', 'position') AND EXISTS
   (SELECT 1 FROM unit u WHERE u.host_id = a.host_id AND u.id = a.target_id AND NOT u.gone))
 OR (a.type = 'audience' AND EXISTS
   (SELECT 1 FROM audience u WHERE u.host_id = a.host_id AND u.id = a.target_id AND NOT u.gone))
 OR (a.type = 'manager' AND EXISTS
   (SELECT 1 FROM job j JOIN person p ON p.host_id = j.host_id AND p.id = j.person
     WHERE j.host_id = a.host_id AND j.id = a.target_id AND NOT j.gone AND (p.state <> {DELETED} OR p.ghost)))
 OR (a.type = 'individual' AND EXISTS
   (SELECT 1 FROM person p WHERE p.host_id = a.host_id AND p.id = a.target_id AND p.state <> {DELETED})))
"""


def mark_missing(session: Session, host_id: int, at: int, people: Sequence[int] | None = None) -> list[int]:
    """Mark rows whose target went, pin their learners; unmark rows whose target came back.

    Returns the assignments touched. Call before settling what the mirror changed.

    :param people: those the mirror changed, where they are few: no other manager or individual can have gone.
    """
    if people is None or len(people) > _FEW:
        which = _GONE
    else:
        theirs = ", ".join(str(int(person)) for person in people) or "NULL"
        which = f"{_GONE_UNITS} UNION {_GONE_OF.replace(':people', f'({theirs})')}"
    sql = f"SELECT id, 0 FROM ({which}) gone UNION ALL SELECT id, 1 FROM ({_BACK}) back"
    rows = fetch(session, sql.replace(":host", str(int(host_id))))
    gone, back = ([number for number, came in rows if came == wanted] for wanted in (0, 1))
    for assignment in gone:
        row = _set_missing(session, host_id, assignment, missing=True)
        if row.type != "individual":
            pin(
                session,
                host_id,
                row.certification,
                assignment,
                learners_by(session, host_id, assignment),
                TARGET_GONE,
                at,
            )
    for assignment in back:
        _set_missing(session, host_id, assignment, missing=False)
        released = session.scalars(
            update(Held)
            .where(Held.host_id == host_id, Held.assignment == assignment, Held.cause == TARGET_GONE,
                   Held.state.in_(("open", "refused")))
            .values(state="released", answered=at, who="sync")
            .returning(Held.people)
        )  # fmt: skip
        # The host may have stamped none of them: whoever the target no longer has leaves now.
        owe(session, host_id, BitMap.union(BitMap(), *map(BitMap.deserialize, released)), at)
    return gone + back


def look_for_missing(runtime: Runtime, host_id: int) -> None:
    """:func:`mark_missing` of all, in a transaction of its own."""

    def look(session: Session) -> None:
        _seq, as_of = read_clock(session, host_id, share=True)
        mark_missing(session, host_id, as_of)

    runtime.db.transact(look)


def _set_missing(session: Session, host_id: int, assignment: int, *, missing: bool) -> Assignment:
    row = session.get_one(Assignment, (host_id, assignment))
    row.missing = missing
    session.flush()
    return row


def pin(
    session: Session, host_id: int, certification: int, assignment: int, people: BitMap, cause: str, at: int
) -> None:
    """Keep these learners on their assignment until an administrator answers."""
    if not people:
        return
    number = take_ids(session, host_id, "held")
    session.add(
        Held(host_id=host_id, id=number, certification=certification, cause=cause, assignment=assignment, since=at,
             people=people.serialize(), n=len(people))
    )  # fmt: skip
    record(session, host_id, at, "sync", "held", certification=certification, people=people, reason=cause)
    session.flush()


def unpin(
    session: Session, host_id: int, certification: int, people: BitMap, *, states: Sequence[str] = ("open", "refused")
) -> None:
    """These left: they were kept, and should they come back one day it is not because of that.

    :param states: ``released`` for those who were looked at since: they may be kept again.
    """
    rows = session.scalars(
        select(Held).where(
            Held.host_id == host_id, Held.certification == certification, Held.assignment.is_not(None), Held.n > 0,
            Held.state.in_(states),
        )
    )  # fmt: skip
    for row in rows:
        kept = BitMap.deserialize(row.people)
        if kept & people:
            kept -= people
            row.people, row.n = kept.serialize(), len(kept)
    session.flush()


def unpin_removed(session: Session, host_id: int, assignments: Sequence[int], at: int, who: str) -> None:
    """An administrator took these rows away, and with them the question whom they keep."""
    if assignments:
        session.execute(
            update(Held)
            .where(Held.host_id == host_id, Held.assignment.in_(assignments), Held.state.in_(("open", "refused")))
            .values(state="released", answered=at, who=who)
        )


def learners_by(session: Session, host_id: int, assignment: int) -> BitMap:
    """The learners whose stored reasons name an assignment."""
    row = session.get_one(Assignment, (host_id, assignment))
    whys = {
        found.id
        for found in session.scalars(select(WhySet).where(WhySet.host_id == host_id))
        if assignment in found.assignments
    }
    rows = session.execute(
        text(
            f"SELECT person, why FROM enrolment WHERE host_id = :host AND certification = :c AND state > {WITHDRAWN} AND why <> 0"
        ),
        {"host": host_id, "c": row.certification},
    )
    return BitMap(person for person, why in rows if why in whys)


def pinned(session: Session, host_id: int, certification: int) -> dict[int, BitMap]:
    """By assignment, the learners kept on it; released ones are not."""
    rows = session.execute(
        select(Held.assignment, Held.people).where(
            Held.host_id == host_id,
            Held.certification == certification,
            Held.assignment.is_not(None),
            Held.state.in_(("open", "refused")),
        )  # fmt: skip
    )
    kept: dict[int, BitMap] = {}
    for assignment, people in rows:
        assert assignment is not None
        kept[assignment] = kept.get(assignment, BitMap()) | BitMap.deserialize(people)
    return kept


def held_rows(session: Session, host_id: int, certification: int) -> dict[int, str]:
    """By assignment, why its last learners wait for an answer; answered ones are not."""
    rows = session.execute(
        select(Held.assignment, Held.cause).where(
            Held.host_id == host_id,
            Held.certification == certification,
            Held.assignment.is_not(None),
            Held.state == "open",
        )
    )
    return {int(assignment): str(cause) for assignment, cause in rows if assignment is not None}
