"""What is seen at once: a learner's completion when she comes back, and a place of somebody else's that went."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from plugin.delivery.drift.found_places import look_at_found
from plugin.delivery.tables import FOUND, OURS, Seat
from plugin.enrolment.doctor import examine
from plugin.mirror.tables import Completion, StoredHint
from tests.hosts.fake_moodle import Enrolment, now
from tests.hosts.moodle.test_course_trouble import look, visit
from tests.hosts.moodle.test_mirror import World
from tests.hosts.moodle.test_mirror import world as world


def test_the_page_she_comes_back_to_reads_her_completion_by_itself_and_says_so(world: World) -> None:
    world.assign("{audience: '2'}")
    world.fake.completed[11, 12] = now()
    client, base = visit(world, "12")
    first = client.get(f"{base}/my/certifications").text
    assert "Asking your learning site what you have completed" in first
    assert f'data-poll="{base}/my/certifications/watch"' in first
    assert world.count(StoredHint) == 1
    world.work()
    again = client.get(f"{base}/my/certifications/watch").text
    assert 'data-poll=""' in again
    assert "Asked at" in again
    assert world.count(Completion, Completion.person_ext == "12") == 1


@pytest.mark.parametrize("companion", [False, True])
def test_a_course_done_since_the_last_visit_certifies_on_the_page_she_comes_back_to(
    world: World, *, companion: bool
) -> None:
    """Muster's plugin sends what happened at Moodle's next cron: the page does not wait for that."""
    if companion:
        world.fake.install_companion()
    world.later(900)
    world.pull()
    world.assign("{audience: '2'}")
    world.fake.completed[11, 12] = now()
    client, base = visit(world, "12")
    assert "Asking your learning site what you have completed" in client.get(f"{base}/my/certifications").text
    world.work()
    again = client.get(f"{base}/my/certifications/watch").text
    assert 'data-poll=""' in again
    assert "Certified" in again
    assert world.count(Completion, Completion.person_ext == "12") == 1


def test_whoever_comes_back_twice_at_once_is_looked_at_once_and_soon_again(world: World) -> None:
    world.assign("{audience: '2'}")
    for _ in range(2):
        look(world, "/my/certifications", "12")
    assert world.count(StoredHint) == 1
    world.later(20)
    look(world, "/my/certifications", "12")
    assert world.count(StoredHint) == 2


def test_a_site_that_cannot_be_asked_is_not_waited_for(world: World) -> None:
    world.assign("{audience: '2'}")
    world.fake.token = "another"
    look(world, "/my/certifications", "12")
    world.work()
    text = look(world, "/my/certifications", "12")
    assert 'data-poll=""' in text
    assert "Asking your learning site" not in text


def test_a_place_of_somebody_elses_that_goes_is_made_ours_at_the_next_look(world: World) -> None:
    world.fake.enrolments = {(11, number): Enrolment(method="cohort") for number in range(10, 15)}
    world.assign("{audience: '2'}")
    assert world.count(Seat, Seat.origin == FOUND) == 5
    for number in (10, 11):  # a cohort sync that was taken away, and a teacher who removed somebody
        del world.fake.enrolments[11, number]
    world.fake.enrolments[11, 15].suspended = True  # ours, in the same course
    world.later(900)
    assert look_at_found(world.made, world.host).missing == 2
    world.work()
    assert world.fake.roster(11) == set(range(10, 20))
    with world.made.db.read() as session:
        assert session.scalars(select(Seat.origin).where(Seat.person.in_((8, 9)))).all()
    assert world.count(Seat, Seat.origin == FOUND) == 3
    assert world.count(Seat, Seat.origin == OURS) == 7
    assert examine(world.made, deep=True) == []


def test_courses_without_places_of_others_are_left_alone(world: World) -> None:
    world.assign("{audience: '2'}")
    world.fake.calls.clear()
    look_at_found(world.made, world.host)
    assert world.fake.calls == []
