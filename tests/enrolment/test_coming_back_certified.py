"""Who comes back certified, and a course that another certification shares (rules 4, 6.3)."""

from __future__ import annotations

from sqlalchemy import select

from plugin.core.runtime import Runtime
from plugin.enrolment.answers import exceptions
from plugin.enrolment.doctor import examine
from plugin.enrolment.tables import ExceptionRow
from tests.enrolment.test_settle import enrolled
from tests.world import HOST, World, id_of, row

YEARLY = {"active": "1 year", "window": "1 month", "expiry_from": "completion"}


def course_set(*courses: str) -> list[dict[str, object]]:
    return [{"name": "Set", "courses": list(courses), "needs": "all"}]


def away_and_back(runtime: Runtime, again: str) -> World:
    """Ann is certified in *a*, leaves it, is put into *b*, and comes back to *a*."""
    world = World(runtime)
    world.people("ann")
    world.courses("c1", "c2", "c3")
    paths = {"certification": course_set("c1"), "recertification": course_set(again)}
    world.save("a", row("individual", "ann"), content=paths, period=YEARLY)
    world.complete("ann", "c1", world.now - 100)
    world.settle()
    world.save("a")
    other = {"certification": course_set("c1", "c3"), "recertification": course_set("c3")}
    world.save("b", row("individual", "ann"), content=other, period=YEARLY)
    world.save("a", row("individual", "ann"))
    return world


def states(world: World) -> list[tuple[str, str | None]]:
    with world.runtime.db.read() as session:
        open_now = session.scalars(select(ExceptionRow.type)).all()
    return [*enrolled(world).values(), ("open", str(list(open_now)))]


def test_the_path_she_comes_back_to_decides_whether_a_course_is_shared(runtime: Runtime) -> None:
    world = away_and_back(runtime, "c2")
    assert examine(world.runtime, deep=True) == []
    assert states(world)[-1] == ("open", "[]")


def test_a_question_asked_of_her_stays_open_until_it_is_answered(runtime: Runtime) -> None:
    world = away_and_back(runtime, "c1")
    before = states(world)
    assert before[-1] == ("open", "[2]")
    world.set_person("ann", name="Ann Again")
    world.settle()
    assert states(world) == before
    assert examine(world.runtime, deep=True) == []
    with world.runtime.db.read() as session:
        from plugin.mirror.tables import Person

        ann, number = id_of(session, Person, "ann"), 1
    assert exceptions.answer(world.runtime, HOST, number, "assign", who="tester", people=[ann or 0]) == 1
    world.settle()
    assert states(world)[-1] == ("open", "[]")
    assert examine(world.runtime, deep=True) == []
