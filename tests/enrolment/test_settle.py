"""Learners come and go as assignments and the host change."""

from __future__ import annotations

import pytest
from pyroaring import BitMap
from sqlalchemy import select

from plugin.core.errors import RefusedByRule
from plugin.core.runtime import Runtime
from plugin.core.tables import Journal
from plugin.delivery.tables import CONFIRMED, WANTS, Seat
from plugin.enrolment.codes import HOLDS, STATES
from plugin.enrolment.saving.proposal import certification_id
from plugin.enrolment.saving.save import Choices
from plugin.enrolment.settling import everyone
from plugin.enrolment.tables import Enrolment, Held
from plugin.mirror.tables import Course, Person
from tests.world import HOST, World, row

CONTENT = {"certification": [{"name": "Core", "courses": ["c1", "c2"], "needs": "all"}]}


@pytest.fixture
def world(runtime: Runtime) -> World:
    made = World(runtime)
    made.people("ann", "bob", "cat", "dan")
    made.units(("top", None), ("left", "top"), ("right", "top"))
    made.courses("c1", "c2", "c3")
    made.job("j1", "ann", "top")
    made.job("j2", "bob", "left", boss="j1")
    made.job("j3", "cat", "left", boss="j2")
    made.job("j4", "dan", "right", boss="j1")
    return made


def enrolled(world: World) -> dict[str, tuple[str, str | None]]:
    """Everyone with a row: state and hold."""
    with world.runtime.db.read() as session:
        rows = session.execute(
            select(Person.ext, Enrolment.state, Enrolment.hold).join(
                Enrolment, (Enrolment.host_id == Person.host_id) & (Enrolment.person == Person.id)
            )
        )
        return {ext: (STATES[state], HOLDS[hold]) for ext, state, hold in rows}


def seats(world: World) -> dict[tuple[str, str], str]:
    """What is wanted of each seat."""
    with world.runtime.db.read() as session:
        rows = session.execute(
            select(Person.ext, Course.ext, Seat.wanted)
            .join(Seat, (Seat.host_id == Person.host_id) & (Seat.person == Person.id))
            .join(Course, (Course.host_id == Seat.host_id) & (Course.id == Seat.course))
        )
        return {(person, course): WANTS[wanted] for person, course, wanted in rows}


def active(world: World) -> set[str]:
    return {who for who, (state, _hold) in enrolled(world).items() if state != "withdrawn"}


def active_in(world: World, code: str) -> set[str]:
    """Who is in one of several certifications."""
    with world.runtime.db.read() as session:
        rows = session.execute(
            select(Person.ext)
            .join(Enrolment, (Enrolment.host_id == Person.host_id) & (Enrolment.person == Person.id))
            .where(Enrolment.certification == certification_id(session, HOST, code), Enrolment.state > 0)
        )
        return {row[0] for row in rows}


def test_a_unit_matches_its_own_people_and_with_all_below_everybody_under_it(world: World) -> None:
    world.save("fs", row("organisation", "top"), content=CONTENT)
    assert active(world) == {"ann"}
    world.save("fs", row("organisation", "top", "below"))
    assert active(world) == {"ann", "bob", "cat", "dan"}
    assert seats(world) == {(who, course): "in" for who in ("ann", "bob", "cat", "dan") for course in ("c1", "c2")}


def test_a_direct_team_and_the_whole_tree_never_hold_the_manager_herself(world: World) -> None:
    world.save("fs", row("manager", "j1", "direct"))
    assert active(world) == {"bob", "dan"}
    world.save("fs", row("manager", "j1", "below"))
    assert active(world) == {"bob", "cat", "dan"}


def test_somebody_who_moves_out_is_withdrawn_and_her_seats_are_suspended(world: World) -> None:
    world.save("fs", row("organisation", "left"), content=CONTENT)
    world.job("j3", "cat", "right", boss="j2")
    world.settle()
    assert enrolled(world) == {"bob": ("assigned", None), "cat": ("withdrawn", None)}
    assert seats(world)[("cat", "c1")] == "suspended"
    assert seats(world)[("bob", "c1")] == "in"
    world.job("j3", "cat", "left", boss="j2")
    world.settle()
    assert active(world) == {"bob", "cat"}
    assert seats(world)[("cat", "c1")] == "in"


def test_a_seat_stays_wanted_while_another_certification_opens_it(world: World) -> None:
    world.save("one", row("organisation", "left"), content=CONTENT, exceptions={"duplicate_course": "assign"})
    other = {"certification": [{"name": "Other", "courses": ["c2", "c3"], "needs": "all"}]}
    world.save("two", row("individual", "cat"), content=other, exceptions={"duplicate_course": "assign"})
    world.save("one", content=CONTENT)
    found = seats(world)
    assert (found["cat", "c1"], found["cat", "c2"], found["cat", "c3"]) == ("suspended", "in", "in")
    world.save("two", content=other)
    assert seats(world)["cat", "c2"] == "suspended"


def test_a_suspended_person_is_frozen_and_settled_once_on_return(world: World) -> None:
    world.save("fs", row("organisation", "left"))
    world.state("cat", 1)
    world.job("j3", "cat", "right")
    world.settle()
    assert active(world) == {"bob", "cat"}
    world.state("cat", 0)
    world.settle()
    assert active(world) == {"bob"}


def test_a_deleted_person_is_withdrawn(world: World) -> None:
    world.save("fs", row("organisation", "left"))
    world.state("cat", 2)
    world.settle()
    assert enrolled(world)["cat"] == ("withdrawn", None)


def test_settling_again_changes_nothing(world: World) -> None:
    world.save("fs", row("organisation", "top", "below", {"fixed": "2027-03-31"}), content=CONTENT)
    with world.runtime.db.read() as session:
        before = [(r.person, r.rev, r.due) for r in session.scalars(select(Enrolment))]
    world.job("j3", "cat", "left", boss="j2")
    world.settle()
    with world.runtime.db.read() as session:
        assert [(r.person, r.rev, r.due) for r in session.scalars(select(Enrolment))] == before


def test_the_guard_holds_a_batch_of_withdrawals_nobody_confirmed(runtime: Runtime) -> None:
    world = World(runtime)
    names = [f"p{n}" for n in range(40)]
    world.people(*names)
    world.audience("all", *names)
    world.save("fs", row("audience", "all"))
    assert len(active(world)) == 40
    world.audience("all", *names[:31])
    world.settle()
    assert len(active(world)) == 31  # nine is below the least that the guard minds
    world.audience("all", *names[:29])
    world.settle()
    assert len(active(world)) == 31  # with the nine before, these two go over ten per cent
    with world.runtime.db.read() as session:
        assert [(held.cause, held.n) for held in session.scalars(select(Held))] == [("guard", 2)]


def test_a_save_over_the_limit_asks_for_the_number(runtime: Runtime) -> None:
    world = World(runtime)
    names = [f"p{n}" for n in range(20)]
    world.people(*names)
    world.audience("all", *names)
    world.save("fs", row("audience", "all"))
    with pytest.raises(RefusedByRule, match="20 learners"):
        world.save("fs")
    with pytest.raises(RefusedByRule, match="not 19"):
        world.save("fs", choices=Choices(allow_withdrawals=19))
    world.save("fs", choices=Choices(allow_withdrawals=20))
    assert active(world) == set()


def test_a_unit_deleted_at_the_host_keeps_its_learners_until_somebody_answers(world: World) -> None:
    world.save("fs", row("organisation", "left"))
    world.drop_unit("left")
    world.settle()
    assert enrolled(world) == {"bob": ("assigned", "target_gone"), "cat": ("assigned", "target_gone")}
    with world.runtime.db.read() as session:
        assert [held.cause for held in session.scalars(select(Held))] == ["target_gone"]


def test_grace_delays_the_withdrawal_and_coming_back_cancels_it(world: World) -> None:
    world.save("fs", row("organisation", "left"), leaving={"seat": "remove", "grace": "7 days"}, content=CONTENT)
    world.job("j3", "cat", "right")
    world.settle()
    assert active(world) == {"bob", "cat"}
    world.job("j3", "cat", "left")
    world.settle()
    world.at(world.now + 8 * 86400)
    world.settle()
    assert active(world) == {"bob", "cat"}
    world.job("j3", "cat", "right")
    world.settle()
    world.at(world.now + 7 * 86400)
    world.settle()
    assert active(world) == {"bob"}
    assert seats(world)["cat", "c1"] == "out"


def test_a_unit_of_confirmed_words_exists() -> None:
    assert CONFIRMED[: len(WANTS)][0] == "none"
    assert HOST == 1


def test_history_tells_once_what_a_settle_of_many_transactions_did(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(everyone, "CHUNK", {True: 1, False: 1})
    world.save("fs", row("organisation", "top", "below"), content=CONTENT)
    world.settle()
    world.save("fs", row("organisation", "left"), content=CONTENT, choices=Choices(allow_withdrawals=2))
    world.settle()
    with world.runtime.db.read() as session:
        told = session.execute(
            select(Journal.what, Journal.version, Journal.count, Journal.people).where(
                Journal.what.in_(("enrolled", "withdrawn"))
            )
        ).all()
    assert [(what, version, count, len(BitMap.deserialize(people))) for what, version, count, people in told] == [
        ("enrolled", 1, 4, 4), ("withdrawn", 2, 2, 2),
    ]  # fmt: skip
