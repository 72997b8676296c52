"""What happened to one person, newest first: entries of the history that tell of her."""

from __future__ import annotations

from pyroaring import BitMap
from sqlalchemy import func, or_, select

from plugin.core.tables import Journal
from plugin.mirror.tables import Person
from plugin.reports.asking.reader import Asker

_PART, _MOST = 500, 5_000
"""Entries read in one go, and before the rest is left to the report."""


def timeline(asker: Asker, person: Person, *, limit: int) -> tuple[list[Journal], bool]:
    """Entries that tell of her in certifications the reader may see, and whether there are, or may be, older ones."""
    session, here = asker.session, asker.host_id
    query = select(Journal).where(
        Journal.host_id == here, Journal.certification.is_not(None),
        or_(Journal.person == person.id, Journal.people.is_not(None)),
    )  # fmt: skip
    if asker.reader.certifications is not None:
        query = query.where(Journal.certification.in_(sorted(asker.reader.certifications)))
    found: list[Journal] = []
    before = session.scalar(select(func.max(Journal.n)).where(Journal.host_id == here))
    read = 0
    while before is not None and read < _MOST:
        part = session.scalars(query.where(Journal.n <= before).order_by(Journal.n.desc()).limit(_PART)).all()
        for row in part:
            if row.person == person.id or (
                row.people is not None and person.id in BitMap.deserialize(bytes(row.people))
            ):  # fmt: skip
                if len(found) == limit:
                    return found, True
                found.append(row)
        if len(part) < _PART:
            return found, False
        read, before = read + len(part), part[-1].n - 1
    return found, True
