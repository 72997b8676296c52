"""Who receives a notification about a learner: herself, her managers, the certification's administrators."""

from __future__ import annotations

from collections.abc import Sequence

from flask_babel import gettext as _
from pyroaring import BitMap
from sqlalchemy import bindparam, text
from sqlalchemy.orm import Session

from plugin.core.errors import NotFound
from plugin.core.journal import record
from plugin.core.tables import Host
from plugin.mirror.tables import DELETED, Person

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


def name_administrator(session: Session, host_id: int, person: int, *, named: bool, at: int, who: str) -> None:
    """Name a person as an administrator of her host, or no longer: she may do what they may, and is written to as one.

    :raises NotFound: where the host has no such person.
    """
    found = session.get(Person, (host_id, person))
    if found is None or (named and found.state == DELETED):
        raise NotFound(_("There is no such person."))
    host = session.get_one(Host, host_id, with_for_update=True)
    present = set(administrators(session, host_id))
    wanted = present | {person} if named else present - {person}
    if wanted != present:
        host.settings = {**host.settings, "administrators": sorted(wanted)}
        what = "administrator_named" if named else "administrator_unnamed"
        record(session, host_id, at, who, what, person=person)
