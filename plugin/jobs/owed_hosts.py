"""Which hosts are owed anything: one statement for all of them, so that a hundred idle hosts cost as much as one."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

_OWED = text(
    """
SELECT h.id FROM host h WHERE h.state = 'active' AND (
  EXISTS (SELECT 1 FROM hint x WHERE x.host_id = h.id AND NOT x.done)
  OR EXISTS (SELECT 1 FROM settling x WHERE x.host_id = h.id AND x.state NOT IN ('done', 'aside'))
  OR EXISTS (SELECT 1 FROM change x WHERE x.host_id = h.id AND x.settled < x.seq)
  OR EXISTS (SELECT 1 FROM seat x WHERE x.host_id = h.id AND x.owed AND x.next_at <= :now)
  OR EXISTS (SELECT 1 FROM call x WHERE x.host_id = h.id AND x.state IN ('open', 'waiting', 'broken') AND x.next_at <= :now)
  OR EXISTS (SELECT 1 FROM message x WHERE x.host_id = h.id AND x.state IN ('owed', 'sending') AND x.next_at <= :now)
  OR EXISTS (SELECT 1 FROM report_schedule x WHERE x.host_id = h.id AND x.state = 'active' AND x.next_at <= :now)
  OR EXISTS (SELECT 1 FROM report_sending x WHERE x.host_id = h.id AND x.state = 'owed' AND x.next_at <= :now)
  OR EXISTS (SELECT 1 FROM score x WHERE x.host_id = h.id AND x.state = 'owed' AND x.next_at <= :now)
  OR EXISTS (SELECT 1 FROM course_reset x WHERE x.host_id = h.id AND x.state IN ('owed', 'sending') AND x.next_at <= :now)
)"""
)


def owed_hosts(session: Session, now: int) -> set[int]:
    """The active hosts with anything to be done now. What only the clock brings about is found by looking at each in turn."""
    return set(session.scalars(_OWED, {"now": now}))
