"""Muster and a Moodle together: mirrored, guarded, enrolled, told, completed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from sqlalchemy import func, select, update

from plugin.app import create_app
from plugin.certifications.file.certification_file import proposals, read_file
from plugin.core.clock import Clock
from plugin.core.errors import Unavailable
from plugin.core.runtime import Runtime
from plugin.delivery.completion_polling import look_again, watch
from plugin.delivery.drift.reconcile import reconcile
from plugin.delivery.tables import FOUND, Call, Message, Seat
from plugin.enrolment.doctor import examine
from plugin.enrolment.saving.save import Choices, save
from plugin.jobs.work import work_host
from plugin.mirror.connections.store import NewHost, add_host
from plugin.mirror.pulling.pull import pull, read_by_ids
from plugin.mirror.pulling.row_guard import held_records, refuse_records, release_records
from plugin.mirror.tables import DELETED, Completion, Connection, Course, Job, Person, StoredHint, Unit
from plugin.web.launch.session import Launch, open_session
from tests.hosts.conformance.cases import MAPPING
from tests.hosts.fake_moodle import Enrolment, FakeMoodle, now, serve_moodle

NIGHTS = "org:acme/claims/nights"
FILE = """
version: 1
certifications:
  - code: FS2
    name: Food
    state: live
    content: {certification: [{name: Core, courses: [%s]}]}
    assignments: [%s]
    notifications: [{when: assigned, to: [learner]}]
"""


@dataclass
class World:
    """Muster connected to a Moodle."""

    made: Runtime
    fake: FakeMoodle
    host: int

    def later(self, seconds: int) -> None:
        self.made = replace(self.made, clock=Clock(self.made.clock.now() + seconds))

    def pull(self, *, full: bool = False) -> Any:
        return pull(self.made, self.host, full=full)

    def assign(self, row: str, leaving: int | None = None, courses: str = '"11"') -> None:
        with self.made.db.read() as session:
            wanted = proposals(session, self.host, read_file(FILE % (courses, row)))
        save(self.made, self.host, wanted, who="tester", choices=Choices(allow_withdrawals=leaving))
        self.work()

    def work(self) -> None:
        work_host(self.made, self.host)

    def count(self, table: Any, *conditions: Any) -> int:
        with self.made.db.read() as session:
            return int(session.scalar(select(func.count()).select_from(table).where(*conditions)) or 0)

    def people(self, path: str) -> set[int]:
        return {number for number, row in self.fake.users.items() if row["custom"].get("orgpath") == path}


@pytest.fixture
def world(runtime: Runtime) -> Iterator[World]:
    made = replace(runtime, clock=Clock(now()))
    with serve_moodle(60) as fake:
        new = NewHost(
            "moodle", fake.base, "client", "1", *(f"{fake.base}/{name}" for name in ("auth", "token", "jwks")), kind="moodle",
            api_url=fake.base, api_token=fake.token, mapping=MAPPING,
        )  # fmt: skip
        found = World(made, fake, runtime.db.transact(lambda session: add_host(session, new, made.clock.now()).id))
        found.pull()
        yield found


def test_an_organisation_with_all_below_is_enrolled_told_and_withdrawn_when_she_moves(world: World) -> None:
    world.assign("{organisation: 'org:acme/claims', include: below}")
    everybody = {number for number in world.fake.users if number > 2}
    assert world.fake.roster(11) == everybody
    assert sorted(user for user, _ in world.fake.messages) == sorted(everybody)
    world.fake.user(9, custom={"orgpath": "/Other"})
    world.later(900)
    world.pull()
    world.work()
    assert world.fake.roster(11) == everybody - {9}
    assert world.fake.enrolments[11, 9].suspended
    assert examine(world.made, deep=True) == []


def test_whoever_is_the_first_in_a_unit_is_in_it_at_a_hint(world: World) -> None:
    """Read by her id alone, not with everybody: the unit comes with her."""
    world.fake.user(9, custom={"orgpath": "/Acme/New/Smallest"})
    read_by_ids(world.made, world.host, {"people": ["9"], "jobs": ["p:9"]})
    with world.made.db.read() as session:
        unit = session.scalars(select(Unit).where(Unit.ext == "org:acme/new/smallest")).one()
        above = session.scalars(select(Unit).where(Unit.ext == "org:acme")).one()
        assert session.scalars(select(Job.organisation).where(Job.ext == "p:9")).one() == unit.id
        assert above.lft < unit.lft <= unit.rgt <= above.rgt
        assert (unit.direct, unit.below) == (1, 1)


def test_by_position_and_by_cohort(world: World) -> None:
    world.assign("{position: 'pos:lead'}")
    leads = {number for number, row in world.fake.users.items() if row["custom"].get("position") == "Lead"}
    assert world.fake.roster(11) == leads
    world.assign("{audience: '2'}")
    assert world.fake.roster(11) == set(range(10, 20))
    world.fake.members[2].discard(12)
    world.later(900)
    world.pull()
    world.work()
    assert world.fake.roster(11) == set(range(10, 20)) - {12}


def test_enrolments_made_by_hand_stay_as_they_are(world: World) -> None:
    by_hand = {number: Enrolment(role=4, start=number, method="manual") for number in range(10, 15)}
    world.fake.enrolments = {(11, number): replace(row) for number, row in by_hand.items()}
    world.assign("{audience: '2'}")
    assert world.fake.roster(11) == set(range(10, 20))
    assert world.count(Seat, Seat.origin == FOUND) == 5
    world.assign("", leaving=10)
    assert {user: row for (_, user), row in world.fake.enrolments.items() if user in by_hand} == by_hand
    assert world.fake.roster(11) == set(by_hand)
    assert examine(world.made, deep=True) == []


def test_refused_rows_carry_moodles_reason_and_the_rest_go_through(world: World) -> None:
    world.fake.course(12, manual=False)
    world.assign("{audience: '2'}", courses='"11", "12"')
    assert world.fake.roster(11) == set(range(10, 20))
    assert world.fake.roster(12) == set()
    with world.made.db.read() as session:
        reasons = session.scalars(select(Seat.parked).where(Seat.parked.is_not(None))).all()
    assert len(reasons) == 10
    assert all("no manual enrolments" in str(reason) for reason in reasons)


def test_whom_moodle_deleted_meanwhile_is_looked_at_again_and_let_go_while_the_rest_go_through(world: World) -> None:
    world.fake.delete(12)
    world.assign("{audience: '2'}")
    assert world.fake.roster(11) == set(range(10, 20)) - {12}
    assert world.count(Person, Person.ext == "12", Person.state == DELETED) == 1
    assert world.count(Seat, Seat.parked.is_not(None)) == world.count(Seat, Seat.owed) == 0
    assert examine(world.made, deep=True) == []


@pytest.mark.parametrize("mood", ["maintenance", "off", "html", "garbage", "down", "busy"])
def test_a_moodle_in_trouble_delays_and_loses_nothing(world: World, mood: str) -> None:
    world.fake.mood = mood
    world.assign("{audience: '2'}")
    assert world.fake.roster(11) == set()
    with pytest.raises(Unavailable):
        world.pull()
    world.fake.mood = "ok"
    world.later(4000)
    world.pull()
    world.work()
    assert world.fake.roster(11) == set(range(10, 20))
    assert len(world.fake.messages) == 10


def test_a_token_revoked_in_mid_sync_pauses_the_connection_and_deletes_nobody(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("plugin.hosts.moodle.people.DETAILS", 20)
    reads = list[str]()

    def revoke(name: str) -> None:
        reads.append(name)
        if reads.count("core_user_get_users_by_field") == 2:
            world.fake.token = "another"

    world.fake.before = revoke
    with pytest.raises(Unavailable, match="token"):
        world.pull(full=True)
    with world.made.db.read() as session:
        assert session.scalars(select(Connection.state)).one() == "paused"
    assert world.count(Person, Person.state == DELETED) == 0
    world.fake.before, world.fake.token = None, "t0ken"
    world.later(600)
    assert world.pull(full=True).changed == 0


def test_half_of_all_people_vanishing_is_held(world: World) -> None:
    world.assign("{audience: '2'}")
    for number in range(3, 33):
        world.fake.users.pop(number)
    world.later(900)
    held = world.pull().held
    assert held["people"] == 30
    assert world.count(Person, Person.state == DELETED) == 0
    world.work()
    assert world.fake.roster(11) == set(range(10, 20))


@pytest.mark.parametrize("cleaned", [False, True])
def test_one_deleted_person_is_confirmed_and_gone(world: World, cleaned: bool) -> None:
    world.fake.delete(33)
    if cleaned:  # Moodle's own hourly task has been there in between
        world.fake.clean_up()
    world.later(900)
    world.pull()
    assert world.count(Person, Person.ext == "33", Person.state == DELETED) == 1


def test_a_mapped_field_that_comes_empty_is_held_until_somebody_says_so(world: World) -> None:
    world.assign("{organisation: 'org:acme', include: below}")
    everybody = world.fake.roster(11)
    for number in everybody:
        world.fake.user(number, custom={"orgpath": ""})
    for _ in range(3):
        world.later(900)
        assert world.pull().held["no organisation"] == 60
        world.work()
    assert world.fake.roster(11) == everybody
    with world.made.db.write() as session:
        assert refuse_records(session, world.host, "no organisation") == 60
    world.later(900)
    world.pull()
    world.work()
    assert world.fake.roster(11) == everybody
    with world.made.db.write() as session:
        assert release_records(session, world.host, "no organisation", world.made.clock.now()) == 60
        assert "no organisation" not in held_records(session, world.host)
    assert world.count(Job, Job.organisation_ext != "") == 0
    world.later(900)
    assert "no organisation" not in world.pull().held


def test_values_that_come_back_need_nobody(world: World) -> None:
    everybody = [number for number in world.fake.users if number > 2]
    for number in everybody:
        world.fake.user(number, custom={"position": ""})
    world.later(900)
    assert world.pull().held["no position"] == 60
    for number in everybody:
        world.fake.user(number, custom={"position": "Agent"})
    world.later(900)
    assert "no position" not in world.pull().held
    assert world.count(Job, Job.position_ext == "pos:agent") == 60


def test_a_few_empty_fields_are_simply_written(world: World) -> None:
    for number in (5, 6, 7):
        world.fake.user(number, custom={"orgpath": ""})
    world.later(900)
    assert world.pull().held == {}
    assert world.count(Job, Job.organisation_ext == "") == 4


def test_a_loop_of_managers_is_cut(world: World) -> None:
    for number, boss in ((5, 6), (6, 7), (7, 5)):
        world.fake.user(number, custom={"manager": f"user{boss:03}"})
    world.later(900)
    world.pull()
    world.assign("{manager: 'p:5', include: below}")
    assert {6, 7} <= world.fake.roster(11)
    assert 5 not in world.fake.roster(11)


def test_reconciling_repairs_ours_and_finds_what_was_there_before(world: World) -> None:
    world.assign("{audience: '2'}")
    del world.fake.enrolments[11, 10]
    world.fake.enrolments[11, 11].suspended = True
    world.fake.enrolments[11, 40] = Enrolment()
    world.later(60)
    drift = reconcile(world.made, world.host)
    assert (drift.missing, drift.suspended) == (1, 1)
    world.work()
    assert world.fake.roster(11) == set(range(10, 20)) | {40}


def test_where_suspensions_are_not_shown_ours_is_not_taken_for_undone(world: World) -> None:
    world.fake.denied = {"moodle/course:enrolreview"}
    world.pull()
    world.assign("{audience: '2'}")
    world.assign("", leaving=10)
    world.later(60)
    drift = reconcile(world.made, world.host)
    assert (drift.missing, drift.suspended, drift.extra) == (0, 0, 0)


def test_a_message_under_way_when_muster_stopped_is_maybe_sent(world: World) -> None:
    world.fake.mood = "maintenance"
    world.assign("{audience: '1'}")
    world.fake.mood = "ok"
    world.fake.functions.discard("core_message_send_instant_messages")
    world.later(4000)
    world.work()
    with world.made.db.write() as session:
        call = session.scalars(select(Call)).one()
        assert call.kind == "messages"
        session.execute(update(Call).values(lease="elsewhere:1:1:dead", lease_until=0, next_at=0))
        session.execute(update(Connection).values(state="active", retry_at=0))
    world.fake.functions.add("core_message_send_instant_messages")
    world.work()
    assert world.fake.messages == []
    assert world.count(Message, Message.state == "maybe") == 10
    assert world.count(Call) == 0


def test_completions_are_watched_where_a_seat_is_open(world: World) -> None:
    world.assign("{audience: '2'}")
    world.fake.completed[11, 12] = now()
    world.fake.completed[11, 40] = now()
    found = watch(world.made, world.host)
    assert found is not None
    assert (found.open, found.changed) == (10, 1)
    assert world.count(Completion, Completion.person_ext == "12") == 1
    assert watch(world.made, world.host) is None
    world.later(700)
    again = watch(world.made, world.host)
    assert again is not None
    assert (again.open, again.changed) == (9, 0)


def test_a_learner_who_comes_back_is_looked_at_at_once(world: World) -> None:
    world.assign("{audience: '2'}")
    world.fake.completed[11, 12] = now()
    with world.made.db.write() as session:
        person = session.scalars(select(Person.id).where(Person.ext == "12")).one()
        for _ in range(2):
            look_again(session, world.host, person, world.made.clock.now())
    assert world.count(StoredHint) == 1
    world.work()
    assert world.count(Completion, Completion.person_ext == "12") == 1


def test_a_learner_who_leaves_by_a_course_link_is_looked_at_at_once(world: World) -> None:
    world.assign("{audience: '2'}")
    with world.made.db.read() as session:
        person = session.scalars(select(Person.id).where(Person.ext == "12")).one()
    world.fake.completed[11, 12] = now()
    app = create_app(world.made)
    visitor = Launch(world.host, person, "12", "Twelve", is_administrator=False, purpose="launch")
    with world.made.db.write() as session:
        handle, _secret = open_session(session, world.made, visitor)
    answer = app.test_client().post(
        f"/t/{handle}/my/certifications/1/open", data={"course": "11"}, headers={"X-Muster-Fragment": "1"}
    )
    assert (answer.status_code, answer.headers["X-Muster-Location"]) == (
        204,
        f"{world.fake.base}/course/view.php?id=11",
    )
    plain = app.test_client().post(f"/t/{handle}/my/certifications/1/open", data={"course": "11"})
    assert plain.status_code == 200
    assert 'target="_top"' in plain.text
    assert "course/view.php?id=11" in plain.text
    world.work()
    assert world.count(Completion, Completion.person_ext == "12") == 1


def test_hidden_courses_are_known_as_hidden(world: World) -> None:
    world.fake.course(12, visible=0)
    world.later(900)
    world.pull()
    assert world.count(Course, Course.ext == "12", Course.visible.is_(False)) == 1


def test_watching_goes_on_where_it_was_and_keeps_to_its_share(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.assign("{organisation: 'org:acme', include: below}")
    monkeypatch.setattr("plugin.delivery.completion_polling.SLICE", 10)
    monkeypatch.setattr("plugin.delivery.completion_polling.BITE", 0)
    asked = []
    for _ in range(4):
        world.later(1)
        found = watch(world.made, world.host)
        assert found is not None
        asked.append(found.asked)
    assert asked == [0, 0, 0, 0]  # no time at all: nothing is asked in turn
    monkeypatch.setattr("plugin.delivery.completion_polling.BITE", 10)
    world.later(40)
    assert watch(world.made, world.host).asked == 60  # type: ignore[union-attr]
    assert watch(world.made, world.host) is None
    world.later(40)
    assert watch(world.made, world.host).asked == 0  # type: ignore[union-attr]
    world.later(1800)
    assert watch(world.made, world.host).asked == 60  # type: ignore[union-attr]
