"""Messages by whatever way: told when she is in, in digests, held in a storm, and never in the way of a seat."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import func, select, update

from plugin.core.database.bulk import insert_rows
from plugin.core.runtime import Runtime
from plugin.core.tables import Host, Journal
from plugin.delivery.messages.channels import EnteredChannel, change_channel, channel_of
from plugin.delivery.messages.dispatch import post
from plugin.delivery.messages.queue import pick, release_waiting
from plugin.delivery.messages.storm import answer_held, cap_of, count_told, hold_storm
from plugin.delivery.seats.send import drain
from plugin.delivery.tables import IN, Call, Message, Seat
from plugin.enrolment.message_dates import render
from plugin.mirror.tables import Connection, Course
from tests.behaviours.lab import CONTENT, Lab, individuals
from tests.delivery.endpoints import Receiver, independently_verified, receiving
from tests.delivery.seats import SECRET, a_host_with_seats
from tests.world import HOST

TEAM = ("bob", "cat", "dov")
BOTH = ({"when": "assigned", "to": ["learner", "managers"]}, {"when": "withdrawn", "to": ["managers"]})


@pytest.fixture
def lab(runtime: Runtime) -> Lab:
    """Ann leads three; sam is an administrator; there is a course."""
    made = Lab(runtime)
    made.people("ann", *TEAM, "sam")
    made.courses("c1")
    made.job("j-ann", "ann")
    for name in TEAM:
        made.job(f"j-{name}", name, boss="j-ann")
    with runtime.db.write() as session:
        session.get_one(Host, HOST).settings = {"administrators": [5]}
        session.execute(update(Course).values(url="https://lms.example/c1"))
    return made


@pytest.fixture
def receiver(lab: Lab) -> Iterator[Receiver]:
    """Messages are posted here, signed."""
    with receiving() as made:
        entered = EnteredChannel("webhook", url=made.url, secret=SECRET)
        lab.runtime.db.transact(lambda session: change_channel(session, lab.runtime, HOST, entered, who="sam"))
        yield made


def send(lab: Lab) -> int:
    return post(lab.runtime, HOST, render)


def items(receiver: Receiver) -> list[dict[str, Any]]:
    return [one for got in receiver.got for one in json.loads(got.body)["data"]["items"]]


def confirm(lab: Lab, **columns: Any) -> None:
    with lab.runtime.db.write() as session:
        session.execute(update(Seat).values({"confirmed": IN, "owed": False, **columns}))


def count(lab: Lab, *states: str) -> int:
    with lab.runtime.db.read() as session:
        return session.scalar(select(func.count()).select_from(Message).where(Message.state.in_(states))) or 0


def test_she_is_told_when_the_host_confirmed_her_and_gets_the_link(lab: Lab, receiver: Receiver) -> None:
    lab.save("fs", *individuals("bob"), content=CONTENT, notifications=({"when": "assigned"},))
    assert send(lab) == 0
    confirm(lab, owed=True, parked="The course is full.")  # refused: she is not in
    assert send(lab) == 0
    confirm(lab, parked=None)
    assert send(lab) == 1
    (one,) = items(receiver)
    assert one["link"] == "https://lms.example/c1"
    assert "c1: https://lms.example/c1" in one["text"]
    assert '<a href="https://lms.example/c1">c1</a>' in one["html"]


def test_after_a_day_she_is_told_without_links(lab: Lab, receiver: Receiver) -> None:
    lab.save("fs", *individuals("bob"), content=CONTENT, notifications=({"when": "assigned"},))
    lab.at(lab.now + 24 * 3600)
    assert send(lab) == 1
    (one,) = items(receiver)
    assert "link" not in one
    assert "lms.example" not in one["text"] + one["html"]


def test_a_webhook_is_signed_and_repeated_to_the_letter_until_it_is_answered(lab: Lab, receiver: Receiver) -> None:
    receiver.judge = lambda _got: 503
    lab.save("fs", *individuals("bob", "cat"), notifications=({"when": "assigned"},))
    assert send(lab) == 0
    with lab.runtime.db.read() as session:
        assert channel_of(session, HOST).reason == "The host answered 503."
    receiver.judge = lambda _got: 204
    lab.at(lab.now + 600)
    assert send(lab) == 1
    first, second = receiver.got
    assert (first.body, first.headers["webhook-id"]) == (second.body, second.headers["webhook-id"])
    assert independently_verified(SECRET, second.headers, second.body, int(time.time()))
    assert count(lab, "sent") == 2
    assert len({one["message"] for one in items(receiver)[2:]}) == 2


def test_a_muster_set_up_anew_uses_no_key_again_that_the_host_has_seen(lab: Lab, receiver: Receiver) -> None:
    """Its own keys count from one in each database, and a host drops what it has seen."""
    lab.save("fs", *individuals("bob"), notifications=({"when": "assigned"},))
    assert send(lab) == 1
    (before,) = items(receiver)
    with lab.runtime.db.write() as session:
        session.execute(update(Message).values(state="owed", sent_at=None))
        session.execute(update(Host).values(created=Host.created + 1))
    receiver.got.clear()
    assert send(lab) == 1
    (after,) = items(receiver)
    assert after["message"] != before["message"]
    assert count(lab, "sent") == 1


def test_a_manager_gets_one_digest_of_a_save_whatever_it_did(lab: Lab, receiver: Receiver) -> None:
    lab.set_person("dov", name="<i>Dov</i>")
    lab.save("fs", *individuals("bob"), notifications=BOTH)
    send(lab)
    said = {one["person"]: (one["subject"], one["text"].splitlines()[2]) for one in items(receiver)}
    assert said == {  # one learner: the message itself, that speaks to her and of her
        "bob": ("You are enrolled in Fs", "You are now enrolled in Fs. Due date: no due date."),
        "ann": ("Bob is enrolled in Fs", "Bob is now enrolled in Fs. Due date: no due date."),
    }
    receiver.got.clear()
    lab.save("fs", *individuals("cat", "dov", due={"fixed": "2027-03-31"}))
    assert send(lab) == 1
    assert sorted(one["person"] for one in items(receiver)) == ["ann", "cat", "dov"]
    (digest,) = [one for one in items(receiver) if one["person"] == "ann"]
    assert digest["subject"] == "News of 3 learners"
    assert digest["text"].splitlines()[2:] == [
        "Fs: 2 learners enrolled", "- <i>Dov</i>, 31 March 2027, 23:59 (UTC)", "- Cat, 31 March 2027, 23:59 (UTC)",
        "", "Fs: 1 learner withdrawn", "- Bob",
    ]  # fmt: skip
    assert "&lt;i&gt;Dov&lt;/i&gt;" in digest["html"]
    assert (count(lab, "joined"), count(lab, "owed", "waiting")) == (2, 0)
    assert send(lab) == 0


def test_a_digest_waits_until_the_save_is_settled_but_not_for_ever(lab: Lab) -> None:
    lab.save("fs", *individuals(*TEAM), notifications=({"when": "assigned", "to": ["managers"]},))
    with lab.runtime.db.write() as session:
        release_waiting(session, HOST, lab.now)
        assert pick(session, HOST, lab.now, 10, gathered=False) == []
        assert len(pick(session, HOST, lab.now + 600, 10, gathered=False)) == 1


def test_administrators_get_exceptions_once_a_day_and_certification(lab: Lab, receiver: Receiver) -> None:
    told = ({"when": "exception", "to": ["learner", "admins"]},)
    content = {"certification": [{"name": "Core", "courses": ["c1"], "needs": "all", "minimum": "900 days"}]}
    lab.save("fs", *individuals("bob", due={"fixed": "2026-12-18"}), content=content, notifications=told)
    lab.save("fs", *individuals("bob", "cat", due={"fixed": "2026-12-18"}))
    assert lab.told() == [("exception", "bob", "sam"), ("exception", "cat", "sam")]  # the learner sees nothing
    assert send(lab) == 0
    lab.at(lab.now + 24 * 3600)
    assert send(lab) == 1
    (one,) = items(receiver)
    assert (one["person"], one["subject"]) == ("sam", "Fs: 2 exceptions wait for an answer")


def test_a_storm_is_held_until_it_is_released_and_only_then_goes(lab: Lab, receiver: Receiver) -> None:
    with lab.runtime.db.write() as session:
        session.get_one(Host, HOST).settings = {"message_cap": 2}
    lab.save("fs", *individuals("bob", "cat"), content=CONTENT, notifications=({"when": "assigned"},))
    confirm(lab)
    assert send(lab) == 1  # as many as the cap
    lab.save("fs", *individuals("bob", "cat", "dov", "sam", "ann"))
    confirm(lab)
    assert send(lab) == 0
    assert count(lab, "held") == 3
    lab.at(lab.now + 30 * 24 * 3600)
    assert send(lab) == 0
    with lab.runtime.db.write() as session:
        assert answer_held(session, HOST, "release", at=lab.now, who="sam") == 3
        assert [row.what for row in session.scalars(select(Journal).where(Journal.what.like("messages%")))] == [
            "messages_released"
        ]
    assert send(lab) == 1
    assert count(lab, "sent") == 5


def test_a_discarded_storm_is_never_sent_and_what_comes_later_is(lab: Lab, receiver: Receiver) -> None:
    with lab.runtime.db.write() as session:
        session.get_one(Host, HOST).settings = {"message_cap": 2}
    lab.save("fs", *individuals(*TEAM), notifications=({"when": "assigned"},))
    assert send(lab) == 0
    with lab.runtime.db.write() as session:
        assert answer_held(session, HOST, "discard", at=lab.now, who="sam") == 3
    lab.save("fs", *individuals(*TEAM, "sam"))
    assert send(lab) == 1
    assert [one["person"] for one in items(receiver)] == ["sam"]
    assert count(lab, "cancelled") == 3


def test_a_storm_is_counted_over_an_hour_and_not_over_a_day(lab: Lab) -> None:
    with lab.runtime.db.write() as session:
        assert cap_of(session, HOST, 50_000) == 50_000
        for minute in (0, 61, 122):
            count_told(session, HOST, minute * 60, 10)
        assert hold_storm(session, HOST, 10) == 0
        insert_rows(session, Message, _rows(3, created=130 * 60))
        count_told(session, HOST, 130 * 60, 3)
        assert hold_storm(session, HOST, 12) == 3


def test_a_way_that_is_no_longer_chosen_leaves_its_unanswered_messages_maybe_sent(lab: Lab, receiver: Receiver) -> None:
    receiver.judge = lambda _got: 503
    lab.save("fs", *individuals("bob", "cat"), notifications=({"when": "assigned"},))
    assert send(lab) == 0
    lab.runtime.db.transact(
        lambda session: change_channel(session, lab.runtime, HOST, EnteredChannel("host"), who="sam")
    )
    lab.at(lab.now + 600)
    assert send(lab) == 0
    assert count(lab, "maybe") == 2
    with lab.runtime.db.read() as session:
        assert session.scalars(select(Call)).all() == []


def test_a_host_that_takes_no_messages_still_gets_its_seats(runtime: Runtime) -> None:
    def judge(got: Any) -> Any:
        if got.message["type"] == "message.send":
            return 401
        done = [{"seat": one["seat"], "outcome": "done"} for one in got.message["data"]["items"]]
        return 200, {}, json.dumps({"outcomes": done}).encode()

    host_id = a_host_with_seats(runtime, 5, writes=2)
    with receiving(judge) as made:
        with runtime.db.write() as session:
            row = session.scalars(select(Connection).where(Connection.host_id == host_id)).one()
            row.webhook_url = made.url
            row.caps = {"writes": {"seats": 2, "messages": 1}}
            insert_rows(session, Message, {**_rows(3, created=runtime.clock.now()), "host_id": host_id})
        for _round in range(2):
            drained = drain(runtime, host_id, render)
        with runtime.db.read() as session:
            assert {seat.confirmed for seat in session.scalars(select(Seat))} == {IN}
            assert session.scalars(select(Connection.state).where(Connection.host_id == host_id)).one() == "active"
            states = sorted(session.scalars(select(Message.state)))
        assert states == ["owed", "owed", "sending"]  # no others are tried while one call has no answer
        assert drained.stopped == ""
        assert sum(got.message["type"] == "message.send" for got in made.got) == 1


def _rows(n: int, **columns: Any) -> dict[str, Any]:
    return {"host_id": HOST, "id": list(range(1, n + 1)), "key": [f"k{number}" for number in range(n)], "notification": 1,
            "when": "assigned", "certification": 1, "learner": 2, "recipient": 2, "state": "owed", **columns}  # fmt: skip


def test_the_messages_of_a_save_are_written_at_once_and_texts_made_only_for_what_goes(lab: Lab) -> None:
    many = 10_000
    with lab.runtime.db.write() as session:
        began = time.perf_counter()
        insert_rows(session, Message, _rows(many, created=lab.now))
        written = time.perf_counter() - began
        began = time.perf_counter()
        batch = pick(session, HOST, lab.now, 100)
        texts = render(session, batch)
        picked = time.perf_counter() - began
    assert (len(texts), count(lab, "owed")) == (100, many)
    assert written < 5
    assert picked < 2
    with lab.runtime.db.read() as session:
        assert session.scalar(select(func.max(func.length(Message.text)))) == 0
        assert session.scalar(select(func.count()).select_from(Call)) == 0
