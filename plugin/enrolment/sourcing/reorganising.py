"""A re-organisation on paper: a unit under another, or dissolved into it; its whole effect, and nothing saved (SOURCES 4.4)."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from plugin.core.errors import Invalid, NotFound
from plugin.core.runtime import Runtime
from plugin.enrolment.effects import CertificationEffect, foreseen
from plugin.mirror.changes import stamp
from plugin.mirror.lookup.written_ids import meant
from plugin.mirror.pulling.affected_people import in_units
from plugin.mirror.pulling.unit_trees import recount, renumber
from plugin.mirror.tables import Job, Unit

KINDS = ("organisation", "position")


@dataclass(frozen=True)
class Reorganisation:
    """What becomes of one unit. ``parent``: the unit it goes under, ``""`` for none; ``into``: the one that takes its people."""

    kind: str
    unit: str
    parent: str = ""
    into: str = ""


@dataclass
class ForeseenEffect:
    """What a re-organisation would do.

    :ivar people: how many work in the unit or below it. :ivar unit: its id, however it was written.
    """

    people: int = 0
    unit: str = ""
    effects: list[CertificationEffect] = field(default_factory=list)


def what_if(runtime: Runtime, host_id: int, asked: Reorganisation) -> ForeseenEffect:
    """What the re-organisation would do to every certification, exactly, as if the learning site or a source told it.

    :raises NotFound: for a unit that is not there. :raises Invalid: where it would go under itself.
    """

    if asked.kind not in KINDS:
        raise Invalid(f"'{asked.kind}' is no kind of unit; use one of {', '.join(KINDS)}.")
    with runtime.db.read() as session:
        written = [(asked.kind, one) for one in (asked.unit, asked.parent, asked.into) if one]
        own = meant(session, host_id, written)
    unit, parent, into = (own.get((asked.kind, one), one) for one in (asked.unit, asked.parent, asked.into))
    exact = Reorganisation(asked.kind, unit, parent, into)

    def work(session: Session) -> int:
        return _do(session, host_id, exact, runtime.clock.now())

    people, effects = foreseen(runtime, host_id, work)
    return ForeseenEffect(people, unit, effects)


def _do(session: Session, host_id: int, asked: Reorganisation, now: int) -> int:
    unit = _unit(session, host_id, asked.kind, asked.unit)
    aim = asked.into or asked.parent
    target = _unit(session, host_id, asked.kind, aim) if aim else None
    if target is not None and unit.lft <= target.lft <= unit.rgt:
        raise Invalid(f"'{target.name}' is '{unit.name}' itself, or below it.")
    people = in_units(session, host_id, [unit.id])
    if target is not None and asked.into:
        _dissolve(session, host_id, asked.kind, unit, target)
    else:
        unit.parent_ext = target.ext if target is not None else ""
    session.flush()
    renumber(session, host_id)
    session.expire_all()
    stamp(session, host_id, people, now)
    recount(session, host_id)
    return len(people)


def _dissolve(session: Session, host_id: int, kind: str, unit: Unit, target: Unit) -> None:
    """Its people work in the other unit, units below it stand below that one, and it is gone."""
    column = Job.organisation if kind == "organisation" else Job.position
    session.execute(
        update(Job)
        .where(Job.host_id == host_id, column == unit.id)
        .values({kind: target.id, f"{kind}_ext": target.ext}),
        execution_options={"synchronize_session": False},
    )
    session.execute(
        update(Unit)
        .where(Unit.host_id == host_id, Unit.kind == kind, Unit.parent_ext == unit.ext)
        .values(parent_ext=target.ext),
        execution_options={"synchronize_session": False},
    )
    unit.gone = True


def _unit(session: Session, host_id: int, kind: str, ext: str) -> Unit:
    here = (Unit.host_id == host_id, Unit.kind == kind, Unit.ext == ext, Unit.gone.is_(False))
    found = session.scalars(select(Unit).where(*here)).first()
    if found is None:
        raise NotFound(f"There is no {kind} '{ext}'.")
    return found
