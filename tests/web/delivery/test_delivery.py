"""Delivery and Drift: what is owed and refused is shown in the host's own words and answered singly or all at once."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from plugin.core.network import outcome_counts
from plugin.delivery.drift import findings
from plugin.delivery.tables import FOUND, IN, OUT, Drift, Seat
from plugin.mirror.tables import Connection, Person, SyncRun
from tests.web.conftest import Visit
from tests.world import HOST, World

FULL, CLOSED = "The course is full.", "The course is closed: <b>ask</b> the office."


@pytest.fixture
def owing(world: World) -> World:
    """Two seats the host refused as full, one as closed, one owed, one found."""
    now = world.runtime.clock.now()
    with world.runtime.db.write() as session:
        if session.get(Connection, (HOST, 1)) is None:
            session.add(Connection(host_id=HOST, id=1, name="acme", kind="webhook", mapping={}, settings={}, marks={},
                                   caps={"reads": {"enrolments": ["full"]}}))  # fmt: skip
        people = session.scalars(select(Person.id).where(Person.host_id == HOST).order_by(Person.id)).all()
        parked = {people[0]: FULL, people[1]: FULL, people[2]: CLOSED}
        for person in people[:4]:
            session.add(Seat(host_id=HOST, course=1, person=person, wanted=IN, confirmed=OUT, owed=True, generation=3,
                             parked=parked.get(person), changed=now - 7200))  # fmt: skip
        session.add(Seat(host_id=HOST, course=1, person=people[4], wanted=IN, confirmed=IN, owed=False, origin=FOUND))
        outcome_counts.count(session, HOST, now, "seats", {"done": 1200, "refused": 3})
    return world


def parked(world: World) -> list[str]:
    with world.runtime.db.read() as session:
        rows = session.scalars(select(Seat).where(Seat.parked.is_not(None), Seat.dismissed != Seat.generation))
        return sorted(f"{row.course}.{row.person}" for row in rows)


def test_delivery_shows_what_is_owed_how_fast_it_goes_and_the_hosts_own_words(owing: World, visit: Visit) -> None:
    page = visit().page("/delivery")
    for words in ("about 1 minute", "2 hours ago", "120", FULL, "ask&lt;/b&gt; the office", "Refused for good: 3",
                  "Found there already"):  # fmt: skip
        assert words in page
    only = visit().page("/delivery?why=The+course+is+full.")
    assert "all 2 that match" in only


def test_parked_seats_are_retried_and_dismissed_singly_ticked_and_all_that_match(owing: World, visit: Visit) -> None:
    one = visit()
    first, second, third = parked(owing)
    assert one.post("/delivery/parked", {"action": f"dismiss:{third}"}).status_code == 303
    assert parked(owing) == [first, second]
    answer = one.post("/delivery/parked", {"action": "retry", "all": "1", "why": FULL})
    assert answer.headers["Location"].endswith("done=retry:2")
    assert "2 course places are tried again." in one.page("/delivery?done=retry:2")
    assert parked(owing) == []
    with owing.runtime.db.read() as session:
        rows = {f"{row.course}.{row.person}": row for row in session.scalars(select(Seat))}
    assert (rows[first].parked, rows[first].generation, rows[first].owed) == (None, 4, True)
    assert (rows[third].parked, rows[third].dismissed, rows[third].generation) == (CLOSED, 3, 3)


@pytest.mark.parametrize(
    "form", [{"action": "retry"}, {"action": "retry", "seat": "x"}, {"action": "explode", "seat": "1.1"}, {}]
)
def test_an_answer_that_cannot_be_is_refused_in_a_sentence(owing: World, visit: Visit, form: dict[str, str]) -> None:
    before = parked(owing)
    answer = visit().post("/delivery/parked", form)
    assert answer.status_code in (400, 422)
    assert "Choose" in answer.text
    assert parked(owing) == before


def test_drift_shows_courses_asks_and_takes_answers(owing: World, visit: Visit) -> None:
    visitor, now = visit(), owing.runtime.clock.now()
    assert "No drift" in visitor.page("/delivery/drift")
    assert visitor.post("/delivery/drift", {"action": "policy", "policy": "ask"}).status_code == 303
    assert visitor.post("/delivery/drift", {"action": "policy", "policy": "shrug"}).status_code in (400, 422)
    assert visitor.post("/delivery/drift", {"action": "reconcile"}).status_code == 303
    with owing.runtime.db.write() as session:
        row = session.get_one(Connection, (HOST, 1))
        assert (findings.policy_of(row), "reconcile_asked" in row.settings) == ("ask", True)
        session.add(SyncRun(host_id=HOST, id=1, connection=1, kind="reconcile", started=now, ended=now, state="done",
                            counts={"missing": 1, "suspended": 0, "extra": 0, "others": 1}))  # fmt: skip
        for person, kind, state in (("ann", "missing", "asked"), ("dov", "other", "listed")):
            session.add(Drift(host_id=HOST, course="c1", person=person, kind=kind, state=state, found_at=now))
    assert "1 missing, 0 suspended, 0 extra; 1 made by others." in visitor.page("/delivery/drift")
    page = visitor.page("/delivery/drift?course=c1")
    assert "Waits for your answer" in page
    assert "Withdraw those ticked" in page
    assert visitor.post("/delivery/drift", {"action": "accept", "course": "c1", "person": "ann"}).status_code == 303
    assert parked(owing) == ["1.2", "1.3"]
    assert visitor.post("/delivery/drift", {"action": "accept", "course": "c1"}).status_code in (400, 422)
    assert visitor.post("/delivery/drift", {"action": "pick", "course": "c1"}).status_code in (400, 422)


def test_only_administrators_see_delivery(owing: World, visit: Visit) -> None:
    learner = visit("ann", administrator=False, person=1)
    for path in ("/delivery", "/delivery/drift"):
        assert learner.get(path).status_code == 403
    assert learner.post("/delivery/parked", {"action": "retry", "all": "1"}).status_code == 403
    assert len(parked(owing)) == 3
