"""Who receives a notification about a learner: herself, her managers, the certification's administrators."""

from __future__ import annotations

from collections.abc import Sequence

from pyroaring import BitMap
from sqlalchemy import bindparam, text
from sqlalchemy.orm import Session

from plugin.core.tables import Host

_BY_LEARNER = """
SELECT j.person AS learner, b.person AS person FROM job j
 JOIN job b ON b.host_id = j.host_id AND NOT b.gone AND (
   (j.manager_job IS NOT NULL AND b.id = j.manager_job)
   OR (j.manager_job_ext = '' AND j.manager IS NOT NULL AND b.person = j.manager))
 JOIN person p ON p.host_id = b.host_id AND p.id = b.person AND p.state = 0
WHERE j.host_id = :host AND NOT j.gone AND NOT j.temporary AND j.person IN :people AND b.person <> j.person
"""


def recipients_of(session: Session, host_id: int, learners: Sequence[int], to: Sequence[str]) -> dict[int, list[int]]:
    """For each learner the people to write to, each once, in a stable order.

    :param to: ``learner``, ``managers``, ``admins`` (people named as administrators in the host's settings).
    """
    found: dict[int, dict[int, None]] = {learner: {} for learner in learners}
    if "learner" in to:
        for learner in learners:
            found[learner][learner] = None
    if "managers" in to:
        statement = text(_BY_LEARNER).bindparams(bindparam("people", expanding=True))
        listed = sorted(found)
        for start in range(0, len(listed), 500):
            rows = session.execute(statement, {"host": host_id, "people": listed[start : start + 500]})
            for learner, manager in rows:
                found[learner][manager] = None
    if "admins" in to:
        for administrator in administrators(session, host_id):
            for receivers in found.values():
                receivers[administrator] = None
    return {learner: list(receivers) for learner, receivers in found.items()}


def managers_of(session: Session, host_id: int, learners: BitMap) -> BitMap:
    """All managers of these learners."""
    statement = text(f"SELECT DISTINCT person FROM ({_BY_LEARNER}) t").bindparams(bindparam("people", expanding=True))
    found: BitMap = BitMap()
    for start in range(0, len(learners), 5_000):
        people = list(learners[start : start + 5_000])
        found |= BitMap(row[0] for row in session.execute(statement, {"host": host_id, "people": people}))
    return found


def administrators(session: Session, host_id: int) -> list[int]:
    """People named in Muster as administrators of a host (DOMAIN §10)."""
    host = session.get(Host, host_id)
    return sorted(int(person) for person in (host.settings.get("administrators") or [])) if host else []
