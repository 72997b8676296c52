"""The window, and what is told to whom (behaviours 83 to 97), in the form of rules 7 and 8."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, update

from plugin.certifications.store import definition_of
from plugin.delivery.tables import Message
from plugin.enrolment.message_dates import render
from plugin.enrolment.timed_messages import owe_timed
from plugin.notifications.tables import Notification
from tests.behaviours.lab import BOTH, CONTENT, PERIOD, Lab, individuals, row
from tests.world import HOST

BOTH_WAYS = ({"when": "assigned", "to": ["learner"]}, {"when": "withdrawn", "to": ["learner"]})


def deliver(lab: Lab) -> None:
    """Everything owed is sent."""
    with lab.runtime.db.write() as session:
        session.execute(update(Message).where(Message.state.in_(("waiting", "owed"))).values(state="sent"))


def timed(lab: Lab, days: float) -> list[tuple[str, str, str]]:
    """Move on, and what is told then that was not told before."""
    before = len(lab.told())
    lab.later(days)
    owe_timed(lab.runtime, HOST)
    return lab.told()[before:]


def test_behaviour_83_when_the_window_opens_the_second_path_opens_with_it_for_her_alone(lab: Lab) -> None:
    lab.save("fs", *individuals("ann", "bob", "cat"), content=BOTH, period=PERIOD)
    lab.complete("ann", "c1", lab.now)
    lab.complete("cat", "c1", lab.now)
    lab.settle()
    lab.state("cat", 1)
    lab.at(lab.now + 334 * 86_400 - 1)  # a second before the window opens
    lab.settle()
    assert {who: one["state"] for who, one in lab.rows().items()} == {
        "ann": "certified", "bob": "assigned", "cat": "certified",
    }  # fmt: skip
    assert lab.seats("c2") == {}
    lab.at(lab.now + 1)
    lab.settle()
    assert (lab.rows()["ann"]["state"], lab.rows()["bob"]["state"]) == ("window_open", "assigned")
    assert lab.seats("c2")["ann"] == "in"
    lab.complete("ann", "c2", lab.now + 1)
    lab.later(1)
    assert (lab.rows()["ann"]["state"], lab.rows()["ann"]["expires"]) == ("certified", "2028-10-18T11:06:41Z")


def test_behaviour_89_each_is_told_once_a_spell_that_she_is_in_and_once_that_she_is_out(lab: Lab) -> None:
    lab.save("fs", *individuals("ann", "bob"), notifications=BOTH_WAYS)
    assert lab.told() == [("assigned", "ann", "ann"), ("assigned", "bob", "bob")]
    deliver(lab)
    lab.save("fs", *individuals("ann", "bob", "cat"))
    assert lab.told()[2:] == [("assigned", "cat", "cat")]
    deliver(lab)
    lab.save("fs", *individuals("bob", "cat"))
    assert lab.told()[3:] == [("withdrawn", "ann", "ann")]
    deliver(lab)
    lab.save("fs", *individuals("ann", "bob", "cat"))
    assert lab.told()[4:] == [("assigned", "ann", "ann")]
    lab.save("fs", *individuals("bob", "cat"))  # before it was sent: neither goes
    assert lab.told()[4:] == []


def test_behaviour_90_a_manager_is_told_of_her_active_learner_and_not_of_the_suspended_one(lab: Lab) -> None:
    lab.state("dan", 1)
    lab.save("fs", *individuals("bob", "dan"), notifications=({"when": "assigned", "to": ["learner", "managers"]},))
    assert sorted(lab.told()) == [("assigned", "bob", "ann"), ("assigned", "bob", "bob")]
    assert lab.active() == {"bob"}
    lab.state("dan", 0)
    lab.settle()
    assert sorted(lab.told()[2:]) == [("assigned", "dan", "ann"), ("assigned", "dan", "dan")]


def test_behaviour_91_due_overdue_and_completed_are_told_and_again_in_the_next_cycle(lab: Lab) -> None:
    told = [{"when": when, "to": ["learner"], **offset} for when, offset in (
        ("due", {"before": "7 days"}), ("overdue", {"after": "1 day"}), ("completed", {}), ("window_open", {}),
        ("expiring", {"before": "7 days"}), ("expired", {}))]  # fmt: skip
    lab.save(
        "fs", *individuals("ann", due={"fixed": "2026-12-18"}), content=BOTH, period=PERIOD, notifications=tuple(told)
    )
    words = [[when for when, _learner, _to in timed(lab, days)] for days in (22, 3, 7, 1)]
    assert words == [[], ["due"], ["overdue"], []]
    lab.complete("ann", "c1", lab.now)
    first = [[when for when, _learner, _to in timed(lab, days)] for days in (1, 340, 20, 10)]
    lab.complete("ann", "c1", lab.now)
    second = [[when for when, _learner, _to in timed(lab, days)] for days in (1, 340, 20, 10)]
    assert first == second == [["completed"], ["window_open"], ["expiring"], ["expired", "overdue"]]


def test_behaviour_92_editing_when_a_reminder_goes_tells_nobody_again(lab: Lab) -> None:
    def reminder(days: int) -> Any:
        return ({"when": "due", "before": f"{days} days", "to": ["learner"], "subject": f"{days}"},)

    lab.save("fs", *individuals("ann", due={"fixed": "2026-12-18"}), notifications=reminder(10))
    assert timed(lab, 21) == [("due", "ann", "ann")]
    lab.save("fs", *individuals("ann", due={"fixed": "2026-12-18"}), notifications=reminder(5))
    assert timed(lab, 5) == []
    assert timed(lab, 1) == []


def test_behaviour_93_a_follow_up_goes_so_long_after_the_completion_in_every_cycle(lab: Lab) -> None:
    follow = ({"when": "completed", "after": "14 days", "to": ["learner"]},)
    lab.save("fs", *individuals("ann"), content=BOTH, period=PERIOD, notifications=follow)
    for course, days in (("c1", 340), ("c2", 1)):
        lab.complete("ann", course, lab.now)
        lab.settle()
        with lab.runtime.db.read() as session:
            last = session.scalars(select(Message).order_by(Message.id.desc())).first()
        assert last is not None
        assert (last.when, last.next_at - last.created) == ("completed", 14 * 86_400)
        lab.later(days)
    assert len(lab.told()) == 2


def rendered(lab: Lab) -> dict[str, Any]:
    """The text of every message, by its recipient."""
    with lab.runtime.db.read() as session:
        messages = session.scalars(select(Message).order_by(Message.id)).all()
        texts = render(session, messages)
        return {f"{one.recipient}": texts[one.id] for one in messages}


def test_behaviour_94_placeholders_say_the_date_where_there_is_one_and_that_there_is_none(lab: Lab) -> None:
    words = {"subject": "{certification_name}", "body": "{learner_name}: {due_date} / {expiry_date} / {host_name}"}
    lab.save("fs", *individuals("ann"), *individuals("bob", due={"fixed": "2027-03-31"}), name="<Food>",
             notifications=({"when": "assigned", "to": ["learner"], **words},))  # fmt: skip
    texts = rendered(lab)
    assert texts["1"]["subject"] == "<Food>"
    assert texts["1"]["text"] == "Ann: no due date / no expiry date / Test"
    assert texts["2"]["text"] == "Bob: 31 March 2027, 23:59 (UTC) / no expiry date / Test"


def test_behaviour_95_a_learner_and_her_manager_are_each_told_with_names_and_certification(lab: Lab) -> None:
    words = {"subject": "{certification_name}: {learner_name}", "body": "Dear {recipient_name}, until {due_date}."}
    lab.set_person("ann", time_zone="America/New_York")
    lab.save("fs", *individuals("bob", due={"fixed": "2027-03-31"}), name="Food Safety",
             notifications=({"when": "assigned", "to": ["learner", "managers"], **words},))  # fmt: skip
    texts = rendered(lab)
    assert set(texts) == {"1", "2"}
    assert {one["subject"] for one in texts.values()} == {"Food Safety: Bob"}
    assert texts["2"]["text"] == "Dear Bob, until 31 March 2027, 23:59 (UTC)."
    assert texts["1"]["text"] == "Dear Ann, until 31 March 2027, 19:59 (America/New_York)."


def test_behaviour_96_window_and_expiry_are_told_to_those_whom_they_concern_and_learners_by_default(lab: Lab) -> None:
    lab.save("fs", *individuals("ann", "bob"), content=BOTH, period=PERIOD,
             notifications=({"when": "window_open"}, {"when": "expired"}))  # fmt: skip
    lab.complete("ann", "c1", lab.now)
    lab.settle()
    assert timed(lab, 340) == [("window_open", "ann", "ann")]
    assert timed(lab, 60) == [("expired", "ann", "ann")]


def test_behaviour_97_a_certification_left_without_notifications_keeps_none_and_tells_nobody(lab: Lab) -> None:
    lab.save("fs", *individuals("ann"), content=CONTENT, notifications=BOTH_WAYS)
    lab.save("gs", row("individual", "bob"), notifications=BOTH_WAYS)
    deliver(lab)
    lab.save("fs", *individuals("ann", "bob"), notifications=())
    with lab.runtime.db.read() as session:
        left = session.scalars(select(Notification)).all()
        assert {one.certification for one in left} == {lab.number("gs")}
        assert definition_of(session, HOST, lab.number()).notifications in ((), None)
    assert len(lab.told()) == 2
