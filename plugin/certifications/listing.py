"""The list of certifications, and how large each assignment is."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from pyroaring import BitMap
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from plugin.certifications.definition import AssignmentDef
from plugin.certifications.resolve import exclusion_keys, key_of, resolve, without
from plugin.certifications.tables import Assignment, Certification
from plugin.certifications.targets import exclusion_ids, target_ids
from plugin.mirror.lookup.search import fold
from plugin.population.sets import population


@dataclass(frozen=True)
class ListedCertification:
    """A certification in the list; ``assignments`` counts its rows."""

    certification: Certification
    assignments: int


def listed(
    session: Session,
    host_id: int,
    query: str,
    *,
    limit: int,
    offset: int,
    only: Collection[int] | None = None,
    state: str = "",
    order: str = "",
) -> tuple[int, list[ListedCertification]]:
    """Certifications whose name or code contains the query, by name; and how many there are in all.

    :param only: leave out all but these, by our ids. :param state: only those in this state. :param order: ``name``,
        ``code`` or ``state``, with ``-`` in front the other way round.
    """
    everything = session.scalars(
        select(Certification).where(Certification.host_id == host_id).order_by(Certification.name, Certification.id)
    )
    wanted = fold(query)
    rows = [
        row for row in everything
        if (only is None or row.id in only) and (wanted in fold(row.name) or wanted in fold(row.code))
        and state in ("", row.state)
    ]  # fmt: skip
    if order:
        rows.sort(key=lambda row: fold(str(getattr(row, order.removeprefix("-")))), reverse=order.startswith("-"))
    elif wanted:  # what is called exactly so stands first
        rows.sort(key=lambda row: wanted not in (fold(row.name), fold(row.code)))
    part = rows[offset : offset + limit]
    counts = _assignments(session, host_id, [row.id for row in part])
    return len(rows), [ListedCertification(row, counts.get(row.id, 0)) for row in part]


def _assignments(session: Session, host_id: int, certifications: Sequence[int]) -> dict[int, int]:
    rows = session.execute(
        select(Assignment.certification, func.count())
        .where(Assignment.host_id == host_id, Assignment.live, Assignment.certification.in_(certifications))
        .group_by(Assignment.certification)
    )
    return {row[0]: int(row[1]) for row in rows}


def assignment_ids(session: Session, host_id: int, certification: int) -> dict[str, int]:
    """Our id of each live assignment, by ``type:target``."""
    rows = session.execute(
        select(Assignment.type, Assignment.target, Assignment.id).where(
            Assignment.host_id == host_id, Assignment.certification == certification, Assignment.live
        )
    )
    return {f"{row[0]}:{row[1]}": row[2] for row in rows}


def assignment_named(session: Session, host_id: int, certification: int, number: int) -> Assignment | None:
    """An assignment of this certification by our id."""
    row = session.get(Assignment, (host_id, number))
    return row if row is not None and row.certification == certification else None


def matched(session: Session, host_id: int, certification: int, rows: Sequence[AssignmentDef]) -> dict[str, BitMap]:
    """Whom each row matches now, by ``type:target``: the same resolver as everywhere (rules 2.7)."""
    people = population(session, host_id)
    ids = target_ids(session, host_id, [(row.type, row.target) for row in rows])
    excluded = exclusion_ids(session, host_id, rows)
    saved = assignment_ids(session, host_id, certification)
    found = {}
    for row in rows:
        key = key_of(row.type, ids.get((row.type, row.target)), row.include, saved.get(row.key))
        found[row.key] = without(people, resolve(session, people, key), exclusion_keys(row.exclusions, excluded))
    return found
