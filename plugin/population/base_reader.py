"""Reading the mirror into a base: whole, or only the rows of who changed since an older one."""

from __future__ import annotations

import numpy as np
from sqlalchemy.orm import Session

from plugin.core.database.columns import Ints, read_columns
from plugin.population.base import OPEN, PopulationBase
from plugin.population.columns import bitmap

_DELETED = 2
_GHOST = "CASE WHEN ghost THEN 1 ELSE 0 END"
"""Ghosts have no account and count nowhere; a chain runs through their jobs."""
JOB_FIELDS = ("job", "job_person", "organisation", "position", "boss_job", "boss_person", "starts", "ends")
"""The arrays of a base that have a place for each job, in the order of :data:`_JOB`."""
_JOB = (
    "j.id", "j.person", "j.organisation", "j.position",
    # The two links to a manager: her job, or, where no job is named, her person (then every job of hers).
    # Temporary ones are left out (rules 2.3).
    "CASE WHEN j.temporary THEN NULL ELSE j.manager_job END",
    "CASE WHEN j.temporary OR j.manager_job_ext <> '' THEN NULL ELSE j.manager END",
    f"coalesce(j.starts, {OPEN})", f"coalesce(j.ends, {OPEN})",
)  # fmt: skip
_MEMBER = ("m.audience", "m.person")
_CHANGED = "change c LEFT JOIN person p ON p.host_id = c.host_id AND p.id = c.person"
_SINCE = "c.host_id = ? AND c.seq > ?"


def load_base(session: Session, host_id: int, seq: int) -> PopulationBase:
    """Read the whole mirror of a host.

    :param seq: of this transaction.
    """
    person, state, ghost = read_columns(session, "person", ["id", "state", _GHOST], "host_id = ?", host_id)
    jobs = read_columns(session, "job j", _JOB, "j.host_id = ? AND NOT j.gone AND j.person IS NOT NULL", host_id)
    member_of = "m.host_id = ? AND m.audience IS NOT NULL AND m.person IS NOT NULL"
    audience, member = read_columns(session, "audience_member m", _MEMBER, member_of, host_id)
    exists = np.zeros(max((int(column.max(initial=0)) for column in (person, jobs[1], member)), default=0) + 1, bool)
    exists[person[(state != _DELETED) | (ghost > 0)]] = True
    works, counts = exists[jobs[1]], exists[member]
    columns = [*(column[works] for column in jobs), audience[counts], member[counts], *_read_units(session, host_id)]
    return PopulationBase(seq, bitmap(person[state != _DELETED]), bitmap(person[state == 1]), *columns)


def rebased(session: Session, base: PopulationBase, host_id: int, seq: int) -> PopulationBase:
    """What :func:`load_base` would read, from an older base: of people, only those stamped since are read.

    :param seq: of this transaction.
    """
    since = (host_id, base.seq)
    who, state = read_columns(session, _CHANGED, ["c.person", f"coalesce(p.state, {_DELETED})"], _SINCE, *since)
    alive = f"{_CHANGED} AND (p.state <> {_DELETED} OR p.ghost)"
    jobs = read_columns(
        session, f"{alive} JOIN job j ON j.host_id = c.host_id AND j.person = c.person", _JOB,
        f"{_SINCE} AND p.id IS NOT NULL AND NOT j.gone", *since,
    )  # fmt: skip
    members = read_columns(
        session, f"{alive} JOIN audience_member m ON m.host_id = c.host_id AND m.person = c.person", _MEMBER,
        f"{_SINCE} AND p.id IS NOT NULL AND m.audience IS NOT NULL", *since,
    )  # fmt: skip
    top = max(int(column.max(initial=0)) for column in (who, base.job_person, base.member_person))
    same = np.ones(top + 1, bool)
    same[who] = False
    works, counts = same[base.job_person], same[base.member_person]
    before = [getattr(base, name)[works] for name in JOB_FIELDS]
    before += [base.member_audience[counts], base.member_person[counts]]
    columns = [np.concatenate(pair) for pair in zip(before, [*jobs, *members], strict=True)]
    existing = (base.existing - bitmap(who)) | bitmap(who[state != _DELETED])
    suspended = (base.suspended - bitmap(who)) | bitmap(who[state == 1])
    return PopulationBase(seq, existing, suspended, *columns, *_read_units(session, host_id))


def _read_units(session: Session, host_id: int) -> list[Ints]:
    return read_columns(session, "unit", ["id", "lft", "rgt"], "host_id = ? AND NOT gone", host_id)
