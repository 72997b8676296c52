"""The tick: moves a host's clock on and owes a look to everybody whom time alone may have changed (DESIGN, point 1)."""

from __future__ import annotations

from sqlalchemy import and_, or_, select, text
from sqlalchemy.orm import Session

from plugin.certifications.tables import Certification
from plugin.core.ids import advance_seq, read_clock, take_ids
from plugin.core.runtime import Runtime
from plugin.enrolment.owed_saves import request_settling
from plugin.enrolment.owing import owe

_JOBS_TURNED = """
SELECT person, max(CASE WHEN ends > :before AND ends <= :now THEN ends ELSE starts END) FROM job
WHERE host_id = :host AND NOT gone AND person IS NOT NULL
 AND ((starts > :before AND starts <= :now) OR (ends > :before AND ends <= :now)) GROUP BY person
"""
_WOKEN = "SELECT person, min(wakes) FROM enrolment WHERE host_id = :host AND wakes <= :now GROUP BY person"
_EXEMPTIONS_OVER = "SELECT person, until FROM exemption WHERE host_id = :host AND until > :before AND until <= :now"


def tick(runtime: Runtime, host_id: int) -> int:
    """Move ``as_of`` on to now and stamp whoever's jobs, dates or grace began or ended in between.

    A clock that steps back changes nothing. Returns how many people are owed a look because of it.
    """
    return runtime.db.transact(lambda session: _tick(session, host_id, runtime.clock.now()))


def _tick(session: Session, host_id: int, now: int) -> int:
    _seq, before = read_clock(session, host_id)
    if now <= before:
        return 0
    between = {"host": host_id, "before": before, "now": now}
    turned: dict[int, int] = {row[0]: row[1] for row in session.execute(text(_JOBS_TURNED), between)}
    # A job that turned moves the reports of nobody else: a chain runs through ended jobs too (DOMAIN 2.3).
    woken: dict[int, int] = {row[0]: row[1] for row in session.execute(text(_WOKEN), {"host": host_id, "now": now})}
    for person, at in session.execute(text(_EXEMPTIONS_OVER), between):
        woken[person] = min(at, woken.get(person, at))
    if turned:
        advance_seq(session, host_id, now)  # what the jobs mean changed: sets kept at an older seq must know
        _restamp(session, host_id, turned)
    else:
        session.execute(text("UPDATE host_clock SET as_of = :now WHERE host_id = :host AND as_of < :now"), between)
    for person, at in woken.items():
        owe(session, host_id, [person], max(at, before))
    _availability(session, host_id, before, now)
    return len(turned) + len(woken)


def _restamp(session: Session, host_id: int, turned: dict[int, int]) -> None:
    for person, at in turned.items():
        owe(session, host_id, [person], at)
    seq, _as_of = read_clock(session, host_id)
    listed = sorted(turned)
    for start in range(0, len(listed), 500):
        ids = ",".join(str(int(person)) for person in listed[start : start + 500])
        session.execute(
            text(f"UPDATE change SET seq = :seq WHERE host_id = :host AND person IN ({ids})"),
            {"host": host_id, "seq": seq},
        )


def _availability(session: Session, host_id: int, before: int, now: int) -> None:
    """Certifications that became available, or stopped being so, are settled whole (DOMAIN 5.11)."""
    rows = session.scalars(
        select(Certification).where(
            Certification.host_id == host_id,
            or_(
                and_(Certification.available_from > before, Certification.available_from <= now),
                and_(Certification.available_until > before, Certification.available_until <= now),
            ),
            Certification.state == "live",
        )
    )
    for row in rows:
        turned = [at for at in (row.available_from, row.available_until) if at is not None and before < at <= now]
        request_settling(
            session, host_id, row.id, number=take_ids(session, host_id, "settling"), version=row.version,
            at=max(turned), who="time", choices={}, correlation="",
        )  # fmt: skip
