"""As whom somebody asks for reports: what she reads wholly, or her area's people in what is open to areas (ACCESS 3)."""

from __future__ import annotations

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from plugin.access.rights import Rights
from plugin.core.errors import Forbidden
from plugin.core.runtime import Runtime
from plugin.population.area import acting_units, inside
from plugin.population.sets import population
from plugin.reports.asking.reader import Reader

IN_AREAS = frozenset({"learners", "courses", "membership", "overview", "exceptions", "history"})
"""Sources of an area: whoever gets messages may be outside."""


def demand_sharing(rights: Rights) -> None:
    """Put something before everybody who administers: an auditor keeps it for herself (ACCESS 1).

    :raises Forbidden: for whoever may change nothing.
    """
    if rights.only_looks:
        raise Forbidden(_("You may look at everything here, and change nothing."))


def reader_of(runtime: Runtime, host_id: int, rights: Rights, who: str) -> Reader:
    """The reader of reports that these rights make."""
    if acting_units() is None:
        return Reader(who, certifications=rights.seen_whole())
    with runtime.db.read() as session:
        return reader_of_area(session, host_id, rights, who)


def reader_of_area(session: Session, host_id: int, rights: Rights, who: str) -> Reader:
    """Whoever looks after the people of some units, and nobody else."""
    people = inside(population(session, host_id), rights.units)
    return Reader(who, people=people, certifications=rights.seen(), sources=IN_AREAS, units=rights.units)
