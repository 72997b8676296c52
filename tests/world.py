"""A small host in the mirror's own tables, for tests of the engine: no wire, no files, every change stamped."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from plugin.certifications.definition import AssignmentDef, Definition, Proposal
from plugin.certifications.store import definition_of
from plugin.core.clock import Clock
from plugin.core.ids import advance_seq, take_ids, upsert_for
from plugin.core.runtime import Runtime
from plugin.core.tables import Host, HostClock
from plugin.enrolment.saving.proposal import certification_id
from plugin.enrolment.saving.save import Choices, save
from plugin.enrolment.settling.people import settle_people
from plugin.enrolment.settling.saves import settle_certifications
from plugin.enrolment.settling.tick import tick
from plugin.mirror.tables import Audience, AudienceMember, Completion, Course, Job, Person, PersonChange, Unit

HOST = 1


class World:
    """Builds and changes one host. Ids of the host are strings like ``u1``; ours are looked up."""

    def __init__(self, runtime: Runtime, zone: str = "UTC") -> None:
        self.runtime = runtime
        with runtime.db.write() as session:
            session.add(Host(id=HOST, name="test", title="Test", time_zone=zone, settings={}))
            session.add(HostClock(host_id=HOST, seq=0, as_of=runtime.clock.now()))

    def at(self, now: int) -> None:
        """Put the clock somewhere else."""
        self.runtime = replace(self.runtime, clock=Clock(now))

    @property
    def now(self) -> int:
        return self.runtime.clock.now()

    # --- the host's records

    def people(self, *names: str, **columns: Any) -> None:
        with self.runtime.db.write() as session:
            first = take_ids(session, HOST, "person", len(names))
            for offset, name in enumerate(names):
                session.add(Person(host_id=HOST, id=first + offset, ext=name, name=name.title(), **columns))
            session.flush()
            self._stamp(session, range(first, first + len(names)))

    def units(self, *rows: tuple[str, str | None], kind: str = "organisation") -> None:
        """Rows of (unit, parent)."""
        with self.runtime.db.write() as session:
            for name, parent in rows:
                session.add(
                    Unit(host_id=HOST, id=take_ids(session, HOST, "unit"), ext=name, kind=kind, framework="f",
                         parent_ext=parent or "", name=name)
                )  # fmt: skip
            session.flush()
            renumber(session)
            self._stamp_everyone(session)

    def move_unit(self, name: str, parent: str | None) -> None:
        with self.runtime.db.write() as session:
            session.execute(update(Unit).where(Unit.ext == name).values(parent_ext=parent or ""))
            renumber(session)
            self._stamp_everyone(session)

    def drop_unit(self, name: str) -> None:
        with self.runtime.db.write() as session:
            session.execute(update(Unit).where(Unit.ext == name).values(gone=True))
            renumber(session)
            self._stamp_everyone(session)

    def job(self, ext: str, person: str, organisation: str | None = None, position: str | None = None,
            boss: str | None = None, boss_person: str | None = None, **columns: Any) -> None:  # fmt: skip
        """Add a job, or replace it."""
        with self.runtime.db.write() as session:
            row = session.scalars(select(Job).where(Job.ext == ext)).first()
            if row is None:
                row = Job(host_id=HOST, id=take_ids(session, HOST, "job"), ext=ext)
                session.add(row)
            row.person_ext, row.person = person, id_of(session, Person, person)
            row.organisation = id_of(session, Unit, organisation)
            row.position = id_of(session, Unit, position)
            row.manager_job_ext, row.manager_job = boss or "", id_of(session, Job, boss)
            row.manager_ext, row.manager = boss_person or "", id_of(session, Person, boss_person)
            row.gone = False
            for name, value in columns.items():
                setattr(row, name, value)
            session.flush()
            self._stamp_everyone(session)

    def drop_job(self, ext: str) -> None:
        with self.runtime.db.write() as session:
            session.execute(update(Job).where(Job.ext == ext).values(gone=True))
            self._stamp_everyone(session)

    def audience(self, name: str, *members: str) -> None:
        """Make an audience have exactly these members."""
        with self.runtime.db.write() as session:
            row = session.scalars(select(Audience).where(Audience.ext == name)).first()
            if row is None:
                row = Audience(host_id=HOST, id=take_ids(session, HOST, "audience"), ext=name, name=name)
                session.add(row)
                session.flush()
            for old in session.scalars(select(AudienceMember).where(AudienceMember.audience == row.id)):
                session.delete(old)
            session.flush()
            for member in members:
                session.add(
                    AudienceMember(host_id=HOST, id=take_ids(session, HOST, "member"), ext=f"{name}:{member}",
                                   audience=row.id, person=id_of(session, Person, member))
                )  # fmt: skip
            session.flush()
            self._stamp_everyone(session)

    def state(self, person: str, state: int) -> None:
        with self.runtime.db.write() as session:
            session.execute(update(Person).where(Person.ext == person).values(state=state))
            self._stamp(session, [id_of(session, Person, person) or 0])

    def set_person(self, person: str, **columns: Any) -> None:
        with self.runtime.db.write() as session:
            session.execute(update(Person).where(Person.ext == person).values(**columns))
            self._stamp(session, [id_of(session, Person, person) or 0])

    def courses(self, *names: str) -> None:
        with self.runtime.db.write() as session:
            for name in names:
                session.add(Course(host_id=HOST, id=take_ids(session, HOST, "course"), ext=name, name=name))

    def complete(self, person: str, course: str, at: int) -> None:
        with self.runtime.db.write() as session:
            number = take_ids(session, HOST, "completion")
            session.add(
                Completion(host_id=HOST, id=number, ext=f"x{number}", person=id_of(session, Person, person),
                           course=id_of(session, Course, course), at=at)
            )  # fmt: skip
            session.flush()
            self._stamp(session, [id_of(session, Person, person) or 0])

    def _stamp_everyone(self, session: Session) -> None:
        self._stamp(session, session.scalars(select(Person.id).where(Person.host_id == HOST)).all())

    def _stamp(self, session: Session, people: Iterable[int]) -> None:
        seq = advance_seq(session, HOST, self.now)
        for person in people:
            statement = upsert_for(session)(PersonChange).values(
                host_id=HOST, person=person, seq=seq, settled=0, at=self.now
            )
            session.execute(
                statement.on_conflict_do_update(index_elements=["host_id", "person"], set_={"seq": seq, "at": self.now})
            )

    # --- what administrators do

    def save(
        self, code: str, *rows: AssignmentDef, choices: Choices | None = None, settle: bool = True, **terms: Any
    ) -> None:
        """Save a live certification with exactly these assignments, and settle it."""
        with self.runtime.db.read() as session:
            number = certification_id(session, HOST, code)
            current = definition_of(session, HOST, number) if number else None
            from plugin.certifications.store import by_id

            base = by_id(session, HOST, number).version if number else 0
        definition = current or Definition(code=code, name=code.title(), state="live")
        definition = replace(definition, assignments=rows, **terms)
        save(self.runtime, HOST, [Proposal(definition, base, current)], who="tester", choices=choices or Choices())
        if settle:
            self.settle()

    def settle(self) -> None:
        """Everything that is owed."""
        tick(self.runtime, HOST)
        while settle_people(self.runtime, HOST) + settle_certifications(self.runtime, HOST):
            pass


def id_of(session: Session, table: Any, ext: str | None) -> int | None:
    """Our id of a record of the host."""
    if ext is None:
        return None
    return session.scalars(select(table.id).where(table.host_id == HOST, table.ext == ext)).one()


def renumber(session: Session) -> None:
    """Parents, lft and rgt of all units, by plain recursion."""
    units = {unit.ext: unit for unit in session.scalars(select(Unit).where(Unit.host_id == HOST, Unit.gone.is_(False)))}
    children: dict[str, list[Unit]] = {}
    for unit in units.values():
        parent = units.get(unit.parent_ext)
        unit.parent = parent.id if parent else None
        children.setdefault(unit.parent_ext if parent else "", []).append(unit)
    counter = 0

    def walk(unit: Unit, depth: int) -> None:
        nonlocal counter
        counter += 1
        unit.lft, unit.depth = counter, depth
        for child in sorted(children.get(unit.ext, []), key=lambda one: one.ext):
            walk(child, depth + 1)
        unit.rgt = counter

    for root in sorted(children.get("", []), key=lambda one: (one.kind, one.ext)):
        walk(root, 0)
    session.flush()


def row(kind: str, target: str, include: str = "", due: Any = "none", **more: Any) -> AssignmentDef:
    """An assignment."""
    return AssignmentDef(kind, target, include, due, **more)
