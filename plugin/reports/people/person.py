"""One person across certifications: her jobs, and how she stands in each certification, why, and course by course."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import aliased

from plugin.core.errors import NotFound
from plugin.enrolment.tables import Exemption, Extension
from plugin.enrolment.views.show import person_id
from plugin.mirror.lookup.browse import Described, describe
from plugin.mirror.tables import Job, Person, Unit
from plugin.reports.asking.question import Question
from plugin.reports.asking.reader import Asker
from plugin.reports.columns import Row
from plugin.reports.query import ask

_MOST = 500
NOW, LATER, OVER = "now", "later", "over"
"""``Work.when``."""


@dataclass(frozen=True)
class PersonJob:
    """A job of hers. ``organisation`` and ``position`` are a host's id and what it is called and stands in.

    :ivar manager: the host's id, empty where the reader may not look at her, and the name of whom she reports to there;
        ``stands_in``: only for a time.
    :ivar since: instants, ``until`` the first at which the job is over.
    """

    organisation: tuple[str, Described] | None
    position: tuple[str, Described] | None
    title: str
    manager: tuple[str, str] | None
    stands_in: bool
    since: int | None
    until: int | None
    when: str


@dataclass(frozen=True)
class PersonCertification:
    """How she stands in a certification: rows of the reports of learners, assignments and courses.

    :ivar extended: until when her date was extended last, and who did it. :ivar exempt: why it does not apply to her, and
        until when.
    """

    id: int
    row: Row
    reasons: tuple[Row, ...]
    courses: tuple[Row, ...]
    extended: tuple[int, str] | None
    exempt: tuple[str, int | None] | None


def person_of(asker: Asker, ext: str) -> Person:
    """The person of a host's id.

    :raises NotFound: where there never was one, or the reader may not see her.
    """
    number = person_id(asker.session, asker.host_id, ext)
    if asker.reader.people is not None and number not in asker.reader.people:
        raise NotFound("There is no such person.")
    return asker.session.get_one(Person, (asker.host_id, number))


def work_of(asker: Asker, person: Person) -> list[PersonJob]:
    """Her jobs: those of now first, then what comes, then what is over, the latest first."""
    boss_job, boss = aliased(Job), aliased(Person)
    here = asker.host_id
    rows = asker.session.execute(
        select(Job, boss_job.person)
        .outerjoin(boss_job, (boss_job.host_id == here) & (boss_job.id == Job.manager_job))
        .where(Job.host_id == here, Job.person == person.id, ~Job.gone)
    ).all()
    managers = {found or job.manager for job, found in rows} - {None}
    known_to_reader = asker.reader.people
    named = {
        row.id: ("" if known_to_reader is not None and row.id not in known_to_reader else row.ext, row.name or row.ext)
        for row in asker.session.scalars(select(boss).where(boss.host_id == here, boss.id.in_(managers)))
    }
    units = {number for job, _boss in rows for number in (job.organisation, job.position) if number is not None}
    known = {row.id: row for row in asker.session.scalars(select(Unit).where(Unit.host_id == here, Unit.id.in_(units)))}
    described = describe(asker.session, here, [(row.kind, row.ext) for row in known.values()])

    def unit(number: int | None) -> tuple[str, Described] | None:
        row = known.get(number or 0)
        return None if row is None else (row.ext, described[row.kind, row.ext])

    now = asker.population.as_of
    found = []
    for job, of_job in rows:
        when = LATER if job.starts is not None and job.starts > now else NOW
        when = OVER if job.ends is not None and job.ends <= now else when
        since = job.starts if job.starts is not None else job.position_since
        found.append(
            PersonJob(unit(job.organisation), unit(job.position), job.title, named.get(of_job or job.manager or 0),
                 job.temporary, since, job.ends, when)
        )  # fmt: skip
    return sorted(found, key=lambda one: ((NOW, LATER, OVER).index(one.when), -(one.since or 0)))


def standings(asker: Asker, person: Person) -> list[PersonCertification]:
    """Every certification she is or was in that the reader may see: overdue first, then by date, withdrawn ones last."""
    mine = (("person", person.ext),)
    rows = ask(asker, Question("learners", filters=mine, limit=_MOST)).rows
    by_code: dict[str, tuple[list[Row], list[Row]]] = {}
    for at, source in enumerate(("membership", "courses")):
        for row in ask(asker, Question(source, filters=mine, limit=_MOST)).rows:
            by_code.setdefault(row["certification"], ([], []))[at].append(row)
    extensions = {
        row.certification: (row.until, row.who)
        for row in asker.session.scalars(
            select(Extension)
            .where(Extension.host_id == asker.host_id, Extension.person == person.id)
            .order_by(Extension.n)
        )
    }
    exemptions = {
        row.certification: (row.reason, row.until)
        for row in asker.session.scalars(
            select(Exemption).where(Exemption.host_id == asker.host_id, Exemption.person == person.id)
        )
        if row.until is None or row.until > asker.now
    }
    found = []
    for row in rows:
        reasons, courses = by_code.get(row["certification"], ([], []))
        number = row["_certification"]
        found.append(
            PersonCertification(
                number, row, tuple(reasons), tuple(courses), extensions.get(number), exemptions.get(number)
            )
        )
    return sorted(found, key=_urgency)


def _urgency(one: PersonCertification) -> tuple[bool, int, int, str]:
    row = one.row
    due = row["due"] if row["state"] in ("assigned", "in_progress", "window_open", "expired") else row["expires"]
    name = row["certification_name"] or row["certification"]
    return row["state"] == "withdrawn", -row["days_overdue"], due if due is not None else 2**62, name
