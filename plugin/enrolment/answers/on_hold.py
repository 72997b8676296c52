"""What is on hold and waits for a person: withdrawals, vanished targets and teams, records of the host."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from flask_babel import gettext as _
from pyroaring import BitMap
from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.certifications.definition import Proposal
from plugin.certifications.store import by_id, definition_of
from plugin.certifications.tables import Certification
from plugin.core.clock import format_instant
from plugin.core.database.slices import slices
from plugin.core.errors import NotFound, RefusedByRule
from plugin.core.host_time import move_on
from plugin.core.ids import read_clock
from plugin.core.journal import record
from plugin.core.runtime import Runtime
from plugin.enrolment.saving.save import Choices, Saved, save
from plugin.enrolment.settling.owed_looks import owe
from plugin.enrolment.tables import Held
from plugin.enrolment.views.show import assignment_names
from plugin.mirror.pulling.row_guard import held_records, refuse_records, release_records
from plugin.mirror.tables import Person


def held_items(session: Session, host_id: int) -> list[dict[str, Any]]:
    """Everything on hold. ``id`` answers it: a number, or ``records:KIND``."""
    rows = session.scalars(
        select(Held).where(Held.host_id == host_id, Held.state == "open", Held.n > 0).order_by(Held.id)
    ).all()
    items: list[dict[str, Any]] = []
    for row in rows:
        names = assignment_names(session, host_id, row.certification)
        code = by_id(session, host_id, row.certification).code
        items.append(
            {
                "id": str(row.id),
                "cause": row.cause,
                "certification": code,
                "assignment": names.get(row.assignment) if row.assignment is not None else None,
                "since": format_instant(row.since),
                "learners": row.n,
                "people": _exts(session, host_id, BitMap.deserialize(row.people)),
            }
        )
    for kind, count in sorted(held_records(session, host_id).items()):
        items.append({"id": f"records:{kind}", "cause": "records", "kind": kind, "records": count})
    return items


def _exts(session: Session, host_id: int, people: BitMap) -> list[str]:
    listed = list(people)
    found: list[str] = []
    for part in slices(listed):
        found += session.scalars(select(Person.ext).where(Person.host_id == host_id, Person.id.in_(part)))
    return sorted(found)


def answer_held(runtime: Runtime, host_id: int, ids: Sequence[str] | None, *, release: bool, who: str) -> int:
    """Release or refuse what is on hold; returns how many items were answered.

    :param ids: as :func:`held_items` names them; ``None``: all.
    :raises NotFound: for an id that is not on hold; then none is answered.
    """

    def work(session: Session) -> int:
        present = [item["id"] for item in held_items(session, host_id)]
        wanted = present if ids is None else list(ids)
        for one in wanted:
            if one not in present:
                raise NotFound(_("Nothing on hold has the id '%(id)s'.", id=one))
        for one in wanted:
            _answer_one(session, host_id, one, release=release, who=who)
        return len(wanted)

    move_on(runtime, host_id)
    return runtime.db.transact(work)


def _answer_one(session: Session, host_id: int, one: str, *, release: bool, who: str) -> None:
    _seq, now = read_clock(session, host_id)
    if one.startswith("records:"):
        kind = one.removeprefix("records:")
        count = release_records(session, host_id, kind, now) if release else refuse_records(session, host_id, kind)
        what = "records_released" if release else "records_refused"
        record(session, host_id, now, who, what, data={"kind": kind, "records": count})
        return
    row = session.get_one(Held, (host_id, int(one)), with_for_update=True)
    row.state, row.answered, row.who = "released" if release else "refused", now, who
    people = BitMap.deserialize(row.people)
    if people:
        record(
            session, host_id, now, who, "held_released" if release else "held_refused", certification=row.certification,
            people=people, confirmed=True, reason=row.cause,
        )  # fmt: skip
    session.flush()
    owe(session, host_id, list(people), now)


def retarget(
    runtime: Runtime, host_id: int, certification: int, old: str, new: str, *, who: str, choices: Choices
) -> list[Saved]:
    """Choose a successor for a manager: the row points at another job, learners in common are untouched (rules 2.3).

    :param old: and ``new``: ``manager:JOB``.
    :raises RefusedByRule: when either is no manager row, or the new one is assigned already.
    """
    with runtime.db.read() as session:
        row = session.get_one(Certification, (host_id, certification))
        current = definition_of(session, host_id, certification)
    keys = {one.key: one for one in current.assignments}
    if old not in keys or not old.startswith("manager:"):
        raise NotFound(_("There is no assignment '%(key)s'.", key=old))
    if not new.startswith("manager:"):
        raise RefusedByRule(_("'%(key)s' is no manager; write manager:JOB.", key=new))
    if new in keys:
        raise RefusedByRule(_("'%(key)s' is assigned already.", key=new))
    rows = tuple(
        replace(one, target=new.removeprefix("manager:")) if one.key == old else one for one in current.assignments
    )
    return save(
        runtime, host_id, [Proposal(replace(current, assignments=rows), row.version, current)], who=who, choices=choices
    )
