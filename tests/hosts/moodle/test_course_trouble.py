"""A course of a live certification is deleted, hidden, or cannot be completed: said where it is looked for, and mended."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from plugin.delivery.completion_polling import watch
from plugin.delivery.tables import Seat
from plugin.enrolment.doctor import examine
from plugin.enrolment.views.unreachable import unreachable_in
from plugin.mirror.tables import Course, Person
from plugin.web.launch.session import Launch, open_session
from tests.application import application
from tests.hosts.fake_moodle import Enrolment, now
from tests.hosts.moodle.test_mirror import World
from tests.hosts.moodle.test_mirror import world as world
from tests.web.steps import revision

ENROL = "enrol_manual_enrol_users"


def visit(world: World, person: str = "") -> tuple[FlaskClient, str]:
    """A browser: an administrator's, or that of a person of the site."""
    with world.made.db.write() as session:
        number = session.scalar(select(Person.id).where(Person.ext == person)) if person else None
        launch = Launch(world.host, number, person or "adm", "Name", is_administrator=not person, purpose="launch")
        handle, _secret = open_session(session, world.made, launch)
    return application(world.made).test_client(), f"/t/{handle}"


def look(world: World, where: str, person: str = "") -> str:
    client, base = visit(world, person)
    answer = client.get(base + where)
    assert answer.status_code == 200, answer.text
    return answer.text


def read_again(world: World) -> None:
    world.later(900)
    world.pull()
    world.work()


def ails(world: World) -> list[tuple[str, str, int]]:
    with world.made.db.read() as session:
        return [(one.course, one.kind, one.waiting) for one in unreachable_in(session, world.host, 1)]


def hide(world: World) -> None:
    world.fake.course(11, visible=0)


def stop_tracking(world: World) -> None:
    world.fake.course(11, completion=0)


def close(world: World) -> None:
    world.fake.course(11, manual=False)


def delete(world: World) -> None:
    del world.fake.courses[11]


@pytest.mark.parametrize(
    ("trouble", "kind", "said"),
    [
        (delete, "gone", "has been deleted at the learning site"), (hide, "hidden", "is hidden at the learning site"),
        (stop_tracking, "untracked", "does not report completion"), (close, "closed", "takes no enrolments from Muster"),
    ],
)  # fmt: skip
def test_the_certification_says_where_its_administrator_looks_what_is_wrong_and_to_whom_it_matters(
    world: World, trouble, kind: str, said: str
) -> None:
    world.assign("{audience: '2'}")
    world.fake.completed[11, 12] = now()
    watch(world.made, world.host)
    assert ails(world) == []
    trouble(world)
    read_again(world)
    assert ails(world) == [("11", kind, 9)]
    for tab in ("overview", "assignments", "details", "learners", "history"):
        text = look(world, f"/certifications/1/{tab}")
        assert said in text, tab
        assert "9 learners have not completed it." in text
        assert "Replace it, or drop it" in text
    assert "Course 11" in look(world, "/certifications/1/details")
    assert "A course needs you" in look(world, "/certifications")
    world.fake.course(11, visible=1, completion=1, manual=True)
    read_again(world)
    assert ails(world) == []
    assert "A course needs you" not in look(world, "/certifications")


@pytest.mark.parametrize(
    ("trouble", "said"),
    [(delete, "no longer exists"), (hide, "is closed at the moment"), (stop_tracking, "cannot be completed")],
)
def test_the_learner_reads_why_and_is_not_sent_there(world: World, trouble, said: str) -> None:
    world.assign("{audience: '2'}", courses='"11", "12"')
    trouble(world)
    read_again(world)
    text = look(world, "/my/certifications", "13")
    assert said in text
    assert text.count("data-leave") == 1  # the other course
    client, base = visit(world, "13")
    answer = client.post(f"{base}/my/certifications/1/open", data={"course": "11"})
    assert answer.status_code == 409
    assert client.post(f"{base}/my/certifications/1/open", data={"course": "12"}).status_code == 200


def test_nobody_is_sent_to_a_deleted_course_at_later_saves_and_all_go_on_when_it_is_back(world: World) -> None:
    world.assign("{audience: '1'}")
    delete(world)
    read_again(world)
    world.fake.calls.clear()
    world.assign("{audience: '2'}", leaving=7)
    assert not [name for name, _ in world.fake.calls if name == ENROL]
    waiting = [Seat.wanted == 2, Seat.parked == "The learning site has deleted this course."]
    assert world.count(Seat, *waiting) == 7
    assert world.count(Seat, Seat.owed, Seat.parked.is_(None)) == 0
    assert examine(world.made, deep=True) == []
    world.fake.course(11)
    read_again(world)
    assert world.count(Seat, Seat.parked.is_not(None)) == 0
    assert world.fake.roster(11) >= set(range(13, 20))
    assert examine(world.made, deep=True) == []


def test_a_course_in_which_nothing_is_set_to_be_completed_is_found_out_while_completions_are_asked_for(
    world: World,
) -> None:
    world.fake.course(11, criteria=False)
    world.assign("{audience: '2'}")
    assert ails(world) == []
    watch(world.made, world.host)
    assert ails(world) == [("11", "untracked", 10)]
    read_again(world)  # a read of the courses, which says nothing of it, leaves it as it was learnt
    assert ails(world) == [("11", "untracked", 10)]
    world.fake.course(11, criteria=True)
    world.later(4000)
    watch(world.made, world.host)
    assert ails(world) == []


def test_it_is_replaced_for_those_who_have_not_completed_it(world: World) -> None:
    world.assign("{audience: '2'}")
    world.fake.completed[11, 12] = now()
    watch(world.made, world.host)
    world.work()
    delete(world)
    read_again(world)
    client, base = visit(world)
    assert "Course that takes its place" in client.get(f"{base}/certifications/1/course?course=11").text
    wrong = client.post(f"{base}/certifications/1/course", data={"course": "11", "do": "replace", "by": "11"})
    assert wrong.status_code == 400
    right = client.post(f"{base}/certifications/1/course", data={"course": "11", "do": "replace", "by": "12"})
    assert right.status_code == 303
    page = client.get(right.location).text
    saved = client.post(f"{base}/certifications/1/assignments/save", data={"revision": revision(page)})
    assert saved.status_code in (200, 303), saved.text
    world.work()
    assert world.fake.roster(12) >= set(range(10, 20)) - {12}
    assert ails(world) == [("11", "gone", 9)]
    only = client.post(f"{base}/certifications/1/course", data={"course": "12", "do": "drop"})
    assert only.status_code == 404  # nothing is wrong with that one


def test_choosing_courses_shows_which_are_ready(world: World) -> None:
    world.fake.course(12, visible=0, completion=0, manual=False)
    world.later(900)
    world.pull()
    world.assign("{audience: '2'}")
    for where in ("/certifications/new", "/certifications/1/details"):
        text = look(world, where)
        for word in ("Hidden", "No completion tracking", "No manual enrolments"):
            assert f'<span class="badge changed">{word}</span>' in text, (where, word)


def test_the_columns_are_what_moodle_says(world: World) -> None:
    world.fake.enrolments[12, 9] = Enrolment()
    with world.made.db.read() as session:
        found = session.scalars(select(Course).where(Course.ext == "12")).one()
        assert (found.completion, found.enrollable, found.welcome) == (True, True, None)
