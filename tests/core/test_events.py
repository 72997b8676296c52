"""Events are written with the change they tell of, in order, in bulk, and only where somebody has subscribed."""

from __future__ import annotations

from typing import Any

from pyroaring import BitMap
from sqlalchemy import select

from plugin.core import outbox
from plugin.core.journal import Entry, record, record_all
from plugin.core.runtime import Runtime
from plugin.core.tables import Event, Subscription

HOST = 7


def subscribe(runtime: Runtime, *types: str) -> None:
    with runtime.db.write() as session:
        session.add_all(Subscription(host_id=HOST, type=one, endpoint=1) for one in types)


def written(runtime: Runtime) -> list[Any]:
    with runtime.db.read() as session:
        return list(session.scalars(select(Event).where(Event.host_id == HOST).order_by(Event.n)))


def test_without_a_subscriber_nothing_is_written(runtime: Runtime) -> None:
    subscribe(runtime, "learner.withdrawn")
    with runtime.db.write() as session:
        record(session, HOST, 5, "rule", "enrolled", certification=3, people=BitMap([1, 2]))
    assert written(runtime) == []


def test_history_of_many_becomes_an_event_for_each_in_its_order(runtime: Runtime) -> None:
    subscribe(runtime, "learner.enrolled", "exception.raised")
    entries = [
        Entry("enrolled", certification=3, people=BitMap([4, 9])),
        Entry("settled", certification=3),
        Entry("exception_raised", certification=3, person=5, reason="time_allowance"),
        Entry("enrolled", certification=3, people=BitMap()),
    ]
    with runtime.db.write() as session:
        record_all(session, HOST, 77, "Sam (U-1)", entries)
    rows = written(runtime)
    assert [(row.n, row.type, row.subject, row.person) for row in rows] == [
        (1, "learner.enrolled", "learner/4", 4),
        (2, "learner.enrolled", "learner/9", 9),
        (3, "exception.raised", "learner/5", 5),
    ]
    assert rows[2].data == {"cause": {"kind": "person", "actor": "Sam (U-1)"}, "reason": "time_allowance"}
    assert {(row.at, row.certification, row.done) for row in rows} == {(77, 3, 0)}


def test_a_change_that_is_not_committed_tells_nobody(runtime: Runtime) -> None:
    subscribe(runtime, "learner.enrolled")
    with runtime.db.write() as session:
        record(session, HOST, 5, "rule", "enrolled", certification=3, person=1)
        session.rollback()
    assert written(runtime) == []


def test_what_history_tells_subscribers_are_names_of_the_vocabulary() -> None:
    assert set(outbox.FROM_HISTORY.values()) <= set(outbox.TYPES)
    assert len(set(outbox.TYPES)) == len(outbox.TYPES) == 26


def test_ten_thousand_learners_are_told_of_in_a_moment(runtime: Runtime) -> None:
    subscribe(runtime, "learner.enrolled")
    with runtime.db.write() as session:
        record(session, HOST, 5, "rule", "enrolled", certification=3, people=BitMap(range(1, 10_001)))
    assert len(written(runtime)) == 10_000
