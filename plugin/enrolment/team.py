"""What a manager sees of her team: who is in which certification, by when, and how far (DOMAIN §10)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pyroaring import BitMap
from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session, aliased

from plugin.certifications.resolve import resolve
from plugin.certifications.tables import Certification
from plugin.enrolment.codes import INACTIVE_HOLDS, STATES, WITHDRAWN
from plugin.enrolment.roster import Learner, described
from plugin.enrolment.tables import Enrolment
from plugin.mirror.search import find, fold
from plugin.mirror.tables import DELETED, Job, Person
from plugin.population.sets import population

_PART = 5_000
_MOST_FOUND = 5_000


@dataclass(frozen=True)
class Member:
    """A person of the team and the certifications she is active in, by name."""

    person: Person
    certifications: tuple[tuple[Certification, Learner], ...]


@dataclass(frozen=True)
class Figures:
    """Over the whole team: people, enrolments by state, and how many of these are past their due date."""

    people: int
    states: dict[str, int]
    overdue: int


def leads(session: Session, host_id: int, person: int) -> bool:
    """Whether the mirror says that others report to this person, whatever roles she was launched with."""
    own = aliased(Job)
    hers = select(own.id).where(own.host_id == host_id, own.person == person, ~own.gone)
    reports = select(Job.id).where(
        Job.host_id == host_id, ~Job.gone, ~Job.temporary, Job.person.is_not(None), Job.person != person,
        or_(Job.manager_job.in_(hers), (Job.manager_job_ext == "") & (Job.manager == person)),
    )  # fmt: skip
    return session.scalar(reports.limit(1)) is not None


def team_of(session: Session, host_id: int, person: int, *, below: bool) -> BitMap:
    """Who reports to any of her jobs, with ``below`` everybody under them; she is not in it."""
    people = population(session, host_id)
    jobs = session.scalars(select(Job.id).where(Job.host_id == host_id, Job.person == person, ~Job.gone))
    found: BitMap = BitMap()
    for job in jobs:
        found |= resolve(session, people, ("manager", job, "below" if below else "direct"))
    found.discard(person)
    return found


def figures(session: Session, host_id: int, team: BitMap, now: int) -> Figures:
    """Counts over the team. :param now: what is due before it, and not completed, is overdue."""
    states: Counter[str] = Counter()
    overdue = 0
    for part in _parts(list(team)):
        conditions = _active(host_id, part)
        for state, size in session.execute(
            select(Enrolment.state, func.count()).where(*conditions).group_by(Enrolment.state)
        ):
            states[STATES[state]] += size
        late = (Enrolment.due < now) & Enrolment.state.in_([STATES.index(one) for one in ("assigned", "in_progress")])
        overdue += session.scalar(select(func.count()).select_from(Enrolment).where(*conditions, late)) or 0
    return Figures(len(team), dict(states), overdue)


def members(
    session: Session, host_id: int, team: BitMap, *, query: str = "", limit: int, offset: int
) -> tuple[int, list[Member]]:
    """The people of a team by name, and how many there are in all. :param query: words of a name or address."""
    if query.strip():
        found = find(session, host_id, "person", query, limit=_MOST_FOUND)
        team = team & BitMap(row.id for row in found.rows)
    named: list[tuple[str, int]] = []
    for part in _parts(list(team)):
        rows = session.execute(
            select(Person.name, Person.id).where(
                Person.host_id == host_id, Person.id.in_(part), Person.state != DELETED
            )
        )
        named += [(row[0], row[1]) for row in rows]
    named.sort(key=lambda one: (fold(one[0]), one[1]))
    shown = [number for _name, number in named[offset : offset + limit]]
    people = {
        row.id: row for row in session.scalars(select(Person).where(Person.host_id == host_id, Person.id.in_(shown)))
    }
    held = _certifications(session, host_id, shown)
    return len(named), [Member(people[number], tuple(held.get(number, ()))) for number in shown]


def _certifications(
    session: Session, host_id: int, people: Sequence[int]
) -> dict[int, list[tuple[Certification, Learner]]]:
    """What each of these is active in, by the certification's name."""
    rows = session.scalars(select(Enrolment).where(*_active(host_id, people))).all()
    found: dict[int, list[tuple[Certification, Learner]]] = {}
    ids = {row.certification for row in rows}
    listed = session.scalars(
        select(Certification)
        .where(Certification.host_id == host_id, Certification.id.in_(ids))
        .order_by(Certification.name, Certification.id)
    ).all()
    for certification in listed:
        of = [row for row in rows if row.certification == certification.id]
        for learner in described(session, host_id, certification.id, of):
            found.setdefault(learner.person.id, []).append((certification, learner))
    return found


def _active(host_id: int, people: Sequence[int]) -> tuple[ColumnElement[bool], ...]:
    """Held back and dismissed ones stay unseen: nothing about them has been said to anybody (DOMAIN 4.3)."""
    return (
        Enrolment.host_id == host_id, Enrolment.person.in_(people), Enrolment.state != WITHDRAWN,
        Enrolment.hold.not_in(INACTIVE_HOLDS),
    )  # fmt: skip


def _parts(people: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(people), _PART):
        yield people[start : start + _PART]
