"""Mapped values that a feed suddenly lacks are held like rows that it lost (rules 5.6).

Jobs made by a mapping never vanish when their field comes empty: they come without organisation, position or manager. What
would be emptied is kept back while a whole read goes on, and written at its end, unless it is too much.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from plugin.core.database.slices import slices
from plugin.hosts.port import Record
from plugin.mirror.pulling import affected_people
from plugin.mirror.tables import Job

FIELDS = {"organisation": "no organisation", "position": "no position", "manager": "no manager"}
"""By field of a job: the kind under which its losses are suspect."""
KINDS = {kind: name for name, kind in FIELDS.items()}


@dataclass
class KeptRows:
    """Rows kept back in one whole read, by id: a transaction that runs twice keeps back the same.

    :ivar mapped: the fields that are mapped. :ivar lost: by field, the jobs that would lose it.
    """

    mapped: frozenset[str]
    rows: dict[str, Record] = field(default_factory=dict)
    lost: dict[str, set[str]] = field(default_factory=lambda: {name: set() for name in FIELDS})


def kept_for(mapping: Mapping[str, Any]) -> KeptRows | None:
    """What to keep back under a connection's mapping; ``None`` where nothing is mapped."""
    mapped = frozenset(name for name in FIELDS if mapping.get(name))
    return KeptRows(mapped) if mapped else None


def keep_back(session: Session, host_id: int, rows: Sequence[Record], kept: KeptRows) -> list[Record]:
    """The rows that may be written now; those that would lose a mapped value are kept back."""
    known: dict[str, Sequence[str]] = {}
    names = [row.id for row in rows]
    for part in slices(names):
        here = (Job.host_id == host_id, Job.gone.is_(False), Job.ext.in_(part))
        found = session.execute(select(Job.ext, Job.organisation_ext, Job.position_ext, Job.manager_ext).where(*here))
        known.update({row[0]: row[1:] for row in found})
    plain: list[Record] = []
    for row in rows:
        old = known.get(row.id, ("", "", ""))
        had = {name for name, value in zip(FIELDS, old, strict=True) if value} & kept.mapped
        losing = {name for name in had if not row.fields.get(name)}
        for name in losing:
            kept.lost[name].add(row.id)
        if losing:
            kept.rows[row.id] = row
        else:
            plain.append(row)
    return plain


def known_values(session: Session, host_id: int) -> dict[str, int]:
    """How many of the site's jobs have a value, by field."""
    columns = {"organisation": Job.organisation_ext, "position": Job.position_ext, "manager": Job.manager_ext}
    ours = (Job.host_id == host_id, Job.connection == 0, Job.gone.is_(False))
    return {
        name: int(session.scalar(select(func.count()).select_from(Job).where(*ours, column != "")) or 0)
        for name, column in columns.items()
    }


def empty_fields(session: Session, host_id: int, name: str, exts: Sequence[str]) -> set[int]:
    """A person let it happen: empty this field of these jobs; returns the people it touches."""
    columns = {name: None, f"{name}_ext": ""}
    touched: set[int] = set()
    for part in slices(exts):
        here = (Job.host_id == host_id, Job.ext.in_(part))
        rows = session.execute(select(Job.id, Job.person).where(*here)).all()
        touched |= {row[1] for row in rows if row[1] is not None}
        if name == "manager":
            touched |= affected_people.below_jobs(session, host_id, [row[0] for row in rows])
        session.execute(update(Job).where(*here).values(**columns), execution_options={"synchronize_session": False})
    return touched
