"""Imported records become part of what is known of a learner, quietly, and can be taken back (rules 7.6)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import func, select

from plugin.core.errors import Conflict, Invalid, NotFound, RefusedByRule
from plugin.core.runtime import Runtime
from plugin.core.tables import Journal
from plugin.delivery.tables import Message
from plugin.enrolment.doctor import examine
from plugin.enrolment.imported.records import Choice, bring, look, take_back
from plugin.enrolment.tables import ImportedRecord
from plugin.enrolment.timed_messages import owe_timed
from plugin.enrolment.views.show import show_person, show_rows
from tests.conftest import NOW
from tests.world import HOST, World, row

CONTENT = {
    "certification": [{"name": "Core", "courses": ["c1"], "needs": "all", "minimum": "30 days"}],
    "recertification": [{"name": "Again", "courses": ["c2"], "needs": "all"}],
}
YEARLY = {"active": "1 year", "window": "1 month", "expiry_from": "completion"}
ALL = tuple(
    {"when": when, "to": ["learner"]}
    for when in ("assigned", "withdrawn", "due_changed", "completed", "window_open", "expired", "exception")
) + tuple({"when": when, "before": "7 days", "to": ["learner"]} for when in ("due", "expiring"))
FS = 1
FILE = "person,since,until\nann,2026-06-01,2027-06-01\nbob,2025-12-01,2026-12-01\ncat,2024-01-10,2025-01-10\n"


@pytest.fixture
def world(runtime: Runtime) -> World:
    made = World(runtime)
    made.people("ann", "bob", "cat", "dan")
    made.courses("c1", "c2")
    return made


def certify(world: World, *people: str, **more: Any) -> None:
    rows = [row("individual", person, **more) for person in people]
    world.save("fs", *rows, content=CONTENT, period=YEARLY, notifications=ALL)


def rows(world: World) -> dict[str, tuple[Any, ...]]:
    """What is to be seen of everybody."""
    with world.runtime.db.read() as session:
        return {
            one["person"]: (one["state"], one["active"], one["due"], one["expires"], one["window_opens"], one["held"],
                            one["exception"], sorted(one["seats"]))
            for one in show_rows(session, HOST, FS)
        }  # fmt: skip


def messages(world: World) -> int:
    owe_timed(world.runtime, HOST)
    with world.runtime.db.read() as session:
        return session.scalar(select(func.count()).select_from(Message)) or 0


def bring_file(world: World, words: str = FILE, choice: Choice | None = None) -> int:
    count = bring(world.runtime, HOST, FS, words, who="tester", choice=choice or Choice())
    world.settle()
    return count


def entry(world: World, what: str = "records_brought") -> int:
    with world.runtime.db.read() as session:
        return session.scalar(select(func.max(Journal.n)).where(Journal.what == what)) or 0


def sound(world: World) -> None:
    assert examine(world.runtime, deep=True) == []


def day(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def test_before_or_after_assigning_comes_to_the_same(world: World) -> None:
    certify(world)
    assert bring_file(world) == 3
    assert rows(world) == {}  # nobody is enrolled by a file
    certify(world, "ann", "bob", "cat", "dan")
    first = rows(world)
    assert [first[one][0] for one in ("ann", "bob", "cat", "dan")] == [
        "certified",
        "window_open",
        "expired",
        "assigned",
    ]
    assert first["ann"][2:5] == ("2027-06-01T23:59:00Z", "2027-06-01T23:59:00Z", "2027-05-01T23:59:00Z")
    sound(world)
    take_back(world.runtime, HOST, entry(world), who="tester")
    world.settle()
    assert {one[0] for one in rows(world).values()} == {"assigned"}
    bring_file(world)
    assert rows(world) == first
    sound(world)


def test_nobody_is_sent_a_word_of_what_passed_before(world: World) -> None:
    certify(world, "ann", "bob", "cat", "dan")
    world.at(NOW + 3 * 86400)
    world.settle()
    before = messages(world)
    bring_file(world)
    assert messages(world) == before
    world.at(NOW + 20 * 86400)  # bob's year ends on 1 December
    world.settle()
    assert rows(world)["bob"][0] == "expired"
    assert messages(world) > before


def test_who_was_held_for_a_short_time_is_free_and_told_nothing(world: World) -> None:
    certify(world, "ann", due={"fixed": "2026-11-25"})
    assert rows(world)["ann"][5] == "exception"
    before = messages(world)
    bring_file(world, "person,since\nann,2026-06-01\n")
    state, active, *_rest = rows(world)["ann"]
    assert (state, active, rows(world)["ann"][6]) == ("certified", True, None)
    assert messages(world) == before
    sound(world)


def test_the_cycle_goes_on_from_a_record(world: World) -> None:
    certify(world, "bob")
    bring_file(world, "person,since\nbob,2025-12-01\n")
    assert rows(world)["bob"][7] == ["c1", "c2"]  # her window is open, so what recertifies her is open too
    world.complete("bob", "c2", NOW - 60)
    world.settle()
    assert rows(world)["bob"][0] == "certified"
    assert rows(world)["bob"][3] == "2027-11-18T11:05:40Z"
    sound(world)
    undone, staying = take_back(world.runtime, HOST, entry(world), who="tester")
    assert (undone, staying) == (0, 1)  # she has certified herself since
    world.settle()
    assert rows(world)["bob"][0] == "certified"


def test_taking_back_gives_everything_back(world: World) -> None:
    certify(world, "ann", "bob", due={"fixed": "2027-03-31"})
    before = rows(world)
    bring_file(world)
    assert rows(world) != before
    number = entry(world)
    assert take_back(world.runtime, HOST, number, who="tester") == (3, 0)
    world.settle()
    # Apart from seats that were opened meanwhile: they are suspended, not forgotten.
    assert {who: one[:-1] for who, one in rows(world).items()} == {who: one[:-1] for who, one in before.items()}
    sound(world)
    certify(world, "ann", "bob", "cat", due={"fixed": "2027-03-31"})
    assert rows(world)["cat"][0] == "assigned"  # her record waits no longer
    with pytest.raises(RefusedByRule, match="already"):
        take_back(world.runtime, HOST, number, who="tester")
    with pytest.raises(NotFound):
        take_back(world.runtime, HOST, 1, who="tester")


def test_taking_back_reaches_who_has_left(world: World) -> None:
    certify(world, "ann", "bob")
    bring_file(world)
    certify(world, "bob")
    number = entry(world)
    assert take_back(world.runtime, HOST, number, who="tester") == (3, 0)
    world.settle()
    certify(world, "ann", "bob")
    assert rows(world)["ann"][0] == "assigned"
    sound(world)


def test_after_thirty_days_a_file_stays(world: World) -> None:
    certify(world)
    bring_file(world)
    number = entry(world)
    world.at(NOW + 31 * 86400)
    with pytest.raises(RefusedByRule, match="30 days"):
        take_back(world.runtime, HOST, number, who="tester")


def test_the_same_file_twice_is_one_record_each(world: World) -> None:
    certify(world, "ann")
    bring_file(world)
    first = rows(world)
    with world.runtime.db.read() as session:
        assert look(session, HOST, FS, FILE, now=world.now).counts == {"known": 3}
    assert bring_file(world) == 0
    assert rows(world) == first
    with world.runtime.db.read() as session:
        assert session.scalar(select(func.count()).select_from(ImportedRecord)) == 3


def test_with_a_wrong_line_nothing_is_brought_unless_it_is_left_out(world: World) -> None:
    certify(world, "ann")
    bad = FILE + "nobody,2026-06-01,\n"
    for words, choice, error in (
        (bad, Choice(), RefusedByRule),
        (bad, Choice(leave_out=True, expected=4), Conflict),
        ("person\nann\n", Choice(), Invalid),
    ):
        with pytest.raises(error):
            bring(world.runtime, HOST, FS, words, who="tester", choice=choice)
    world.settle()
    assert rows(world)["ann"][0] == "assigned"
    assert entry(world) == 0
    assert bring_file(world, bad, Choice(leave_out=True, expired=False, expected=3)) == 2


def test_without_a_period_there_is_nothing_to_reckon_with(world: World) -> None:
    world.save("fs", content=CONTENT, period={})
    with pytest.raises(RefusedByRule, match="how long"):
        bring(world.runtime, HOST, FS, FILE, who="tester", choice=Choice())


def test_a_suspended_learner_is_certified_and_left_as_she_is(world: World) -> None:
    certify(world, "ann", "bob")
    world.state("ann", 1)
    world.settle()
    bring_file(world)
    assert rows(world)["ann"][0] == "certified"
    sound(world)


def test_the_review_foresees_no_exception_where_a_record_waits(world: World) -> None:
    certify(world)
    bring_file(world)
    certify(world, "ann", "dan", due={"fixed": "2026-11-25"})
    assert (rows(world)["ann"][5], rows(world)["dan"][5]) == (None, "exception")


def test_people_are_found_by_address_and_number_and_their_own_id_comes_first(world: World) -> None:
    certify(world)
    world.set_person("ann", email="Ann@Example.org", number="cat")
    world.set_person("bob", email="ann@example.ORG")
    with world.runtime.db.read() as session:
        found = look(session, HOST, FS, "person,since\nANN@example.org,2026-06-01\ncat,2026-06-01\n", now=world.now)
        assert [one.verdict for one in found.lines] == ["ambiguous", "found"]
        assert found.lines[1].who is not None
        assert found.lines[1].who.ext == "cat"
        many = "person,since\n" + "".join(f"x{n},2026-06-01\n" for n in range(500)) + "bob,2026-06-01\n"
        assert look(session, HOST, FS, many, now=world.now).counts == {"found": 1, "missing": 500}
        other = look(session, HOST, FS, many.replace("bob,", "Bob,"), now=world.now)
        assert other.counts == {"missing": 501}  # ids that differ by case are different people
        assert show_person(session, HOST, FS, "ann")
