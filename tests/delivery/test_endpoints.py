"""Outgoing webhooks: signed, in order for each subject, tried again, given up, sent anew; nothing lost, nothing hidden."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from pyroaring import BitMap

from plugin.core.clock import Clock
from plugin.core.errors import Invalid, NotFound
from plugin.core.journal import record
from plugin.core.network.addresses import why_not_allowed
from plugin.core.runtime import Runtime
from plugin.core.tables import Event
from plugin.delivery.endpoints import event_calls
from plugin.delivery.endpoints.event_calls import DISABLED_AFTER, SCHEDULE
from plugin.delivery.endpoints.event_lists import KEPT, forget
from plugin.delivery.endpoints.subscriptions import (
    EnteredSubscription,
    change,
    create,
    ping,
    redeliver,
    remove,
    rotate,
    switch,
)
from plugin.jobs.event_sender import send_events
from tests.delivery.endpoints import (
    HOST,
    Got,
    Receiver,
    a_host,
    endpoint,
    happen,
    independently_verified,
    receiving,
    rows,
    subscribe,
)
from tests.delivery.test_bad_receivers import breaks_off, drips, drips_headers, garbage, receiver, redirects, too_large


@pytest.fixture
def made(runtime: Runtime) -> Runtime:
    a_host(runtime)
    return runtime


@pytest.fixture
def taking() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


def later(runtime: Runtime, seconds: int) -> Runtime:
    return replace(runtime, clock=Clock(runtime.clock.now() + seconds))


def test_an_event_arrives_signed_thin_and_once(made: Runtime, taking: Receiver) -> None:
    number, secret = subscribe(made, taking.url, "learner.enrolled")
    happen(made, "enrolled", person=5)
    happen(made, "withdrawn", person=5)  # nobody asked for this one
    send_events(made, HOST)
    send_events(made, HOST)
    (got,) = taking.got
    assert independently_verified(secret, got.headers, got.body, made.clock.true())
    data = got.message["data"]
    assert got.message["type"] == "learner.enrolled"
    assert (data["seq"], data["subject"], data["certification"]) == (1, "learner/5", {"id": 3, "code": None})
    assert data["learner"] == {"id": 5, "external": None}
    assert (data["cause"]["kind"], data["cause"]["actor"]) == ("person", "U-1")
    assert "Hill" not in got.body.decode()
    (row,) = rows(made, number)
    assert (row.state, row.status, row.attempts, row.body) == ("done", 204, 1, got.body.decode())


def test_names_go_out_only_to_an_endpoint_that_may_have_them(made: Runtime, taking: Receiver) -> None:
    subscribe(made, taking.url, "learner.enrolled", names=True)
    happen(made)
    send_events(made, HOST)
    assert taking.got[0].message["data"]["cause"]["actor"] == "Sam Hill (U-1)"
    assert set(taking.got[0].message["data"]["learner"]) == {"id", "external", "name", "email"}


def test_a_repeat_is_the_same_to_the_letter_with_the_same_id_and_a_new_time(made: Runtime) -> None:
    with receiving(lambda _got: 500) as failing:
        number, _secret = subscribe(made, failing.url)
        happen(made)
        send_events(made, HOST)
        send_events(made, HOST)
        assert len(failing.got) == 1  # not before its time
        send_events(later(made, 10), HOST)
        first, second = failing.got
    assert (first.body, first.headers["webhook-id"]) == (second.body, second.headers["webhook-id"])
    (row,) = rows(made, number)
    assert (row.state, row.attempts, row.why) == ("owed", 2, "The receiver answered 500.")
    assert [one["status"] for one in row.tries] == [500, 500]


def test_the_schedule_has_jitter_and_ends_after_three_days(made: Runtime) -> None:
    waits: list[int] = []
    now = made
    with receiving(lambda _got: 503) as failing:
        number, _secret = subscribe(made, failing.url)
        happen(made)
        for _turn in range(len(SCHEDULE) + 1):
            send_events(now, HOST)
            (row,) = rows(made, number)
            if row.state == "owed":
                waits.append(row.next_at - now.clock.now())
                pause = endpoint(made, number).retry_at
                now = replace(now, clock=Clock(max(row.next_at, pause) + 1))
        assert len(failing.got) == len(SCHEDULE) + 1
    assert row.state == "failed"
    assert all(0.85 * usual <= wait <= 1.15 * usual + 1 for usual, wait in zip(SCHEDULE, waits, strict=True))
    assert waits != list(SCHEDULE)


def test_an_event_waits_for_the_earlier_one_of_its_subject_and_for_no_other(made: Runtime) -> None:
    refused: set[int] = {1}
    with receiving(lambda got: 500 if got.seq in refused else 204) as choosy:
        subscribe(made, choosy.url)
        for what, person in (("enrolled", 1), ("due_changed", 1), ("enrolled", 2), ("withdrawn", 1)):
            happen(made, what, person)
        send_events(made, HOST)
        assert [one.seq for one in choosy.got] == [1, 3]
        refused.clear()
        send_events(later(made, 60), HOST)
        assert [one.seq for one in choosy.got] == [1, 3, 1, 2, 4]


@pytest.mark.parametrize("seed", range(3))
def test_whatever_fails_every_subject_arrives_in_order_and_whole(made: Runtime, seed: int) -> None:
    dice = random.Random(seed)
    with receiving(lambda _got: 204 if dice.random() < 0.6 else 500) as moody:
        accepted: list[int] = []
        judge = moody.judge

        def judged(got: Got) -> int:
            status = judge(got)
            if status == 204:
                accepted.append(got.seq)
            return int(status)

        moody.judge = judged
        number, _secret = subscribe(made, moody.url)
        for _event in range(40):
            happen(made, dice.choice(["enrolled", "withdrawn", "due_changed"]), dice.randrange(1, 6))
        now = made
        for _turn in range(400):
            send_events(now, HOST)
            if all(row.state != "owed" for row in rows(made, number)):
                break
            now = later(now, 400)
    done = [row for row in rows(made, number) if row.state == "done"]
    by_subject: dict[str, list[int]] = {}
    subjects = {row.n: row.subject for row in rows(made, number)}
    for seq in dict.fromkeys(accepted):
        by_subject.setdefault(subjects[seq], []).append(seq)
    assert all(seqs == sorted(seqs) for seqs in by_subject.values())
    assert sorted(set(accepted)) == [row.n for row in done]


def test_a_receiver_that_is_busy_is_left_alone_as_long_as_it_asks(made: Runtime) -> None:
    with receiving(lambda _got: (429, {"Retry-After": "77"}, b"slow down")) as busy:
        number, _secret = subscribe(made, busy.url)
        happen(made, person=1)
        happen(made, person=2)
        send_events(made, HOST)
        send_events(later(made, 76), HOST)
        assert len(busy.got) == 1
        assert endpoint(made, number).retry_at == made.clock.now() + 77
        send_events(later(made, 78), HOST)
        assert len(busy.got) == 2


def test_an_endpoint_that_is_down_is_not_asked_for_every_event_it_is_owed(made: Runtime) -> None:
    with receiving(lambda _got: 500) as down:
        subscribe(made, down.url)
        for person in range(1, 40):
            happen(made, person=person)
        send_events(made, HOST)
        assert len(down.got) == event_calls.PATIENT
        send_events(later(made, 20), HOST)
        assert len(down.got) == event_calls.PATIENT + 1


def test_after_five_days_of_failing_it_is_disabled_and_others_are_told(made: Runtime, taking: Receiver) -> None:
    with receiving(lambda _got: 500) as down:
        bad, _secret = subscribe(made, down.url, "learner.enrolled")
        subscribe(made, taking.url, "endpoint.disabled")
        happen(made, person=1)
        send_events(made, HOST)
        past = later(made, DISABLED_AFTER + 1)
        send_events(past, HOST)
        send_events(past, HOST)
        row = endpoint(made, bad)
        assert (row.state, row.since) == ("disabled", past.clock.now())
        assert "5 days" in row.reason
        (told,) = taking.got
        assert told.message["data"]["endpoint"] == {"id": bad, "url": down.url}
        tried = len(down.got)
        happen(past, person=2)  # kept for it all the same
        send_events(later(past, 3600), HOST)
        assert len(down.got) == tried
        down.judge = lambda _got: 204
        switch(past, HOST, bad, "active", who="Sam")
        send_events(past, HOST)
        assert {one.state for one in rows(made, bad)} == {"done"}


def test_a_receiver_that_says_it_is_gone_is_disabled_at_once(made: Runtime) -> None:
    with receiving(lambda _got: 410) as gone:
        number, _secret = subscribe(made, gone.url)
        happen(made)
        send_events(made, HOST)
    assert endpoint(made, number).state == "disabled"
    assert "410" in endpoint(made, number).reason


def test_paused_it_is_sent_nothing_and_loses_nothing(made: Runtime, taking: Receiver) -> None:
    number, _secret = subscribe(made, taking.url)
    switch(made, HOST, number, "paused", who="Sam")
    happen(made)
    send_events(made, HOST)
    assert taking.got == []
    switch(made, HOST, number, "active", who="Sam")
    send_events(made, HOST)
    assert len(taking.got) == 1


@pytest.mark.parametrize("behave", [drips, drips_headers, garbage, redirects, too_large, breaks_off])
def test_a_receiver_that_misbehaves_holds_nobody_up_and_is_shown(
    made: Runtime, monkeypatch: pytest.MonkeyPatch, behave: Any
) -> None:
    monkeypatch.setattr(event_calls.attempt, "__kwdefaults__", {"deadline": 0.5})
    began = time.monotonic()
    with receiver(lambda line, _items: behave(line, [])) as address:
        number, _secret = subscribe(made, address)
        with made.db.write() as session:  # that receiver reads items of whatever comes
            session.add(Event(host_id=HOST, n=90, key="e90", type="learner.enrolled", subject="learner/1", at=1,
                              data={"items": []}, done=0))  # fmt: skip
        send_events(made, HOST)
    assert time.monotonic() - began < 14  # the usual deadline is 15 s
    (row,) = rows(made, number)
    if behave in (garbage, too_large):  # it took the message; what else it says is cut
        assert (row.state, row.status) == ("done", 200)
        assert len(row.answer) <= 2000
    else:
        assert row.state == "owed"
        assert row.why
    if behave is garbage:
        assert "<html>" in row.answer
    if behave is redirects:
        assert "does not follow" in row.why


def test_words_of_a_receiver_are_kept_as_a_database_can(made: Runtime) -> None:
    with receiving(lambda _got: (500, {}, b"a\x00b\xff\xed\xa0\x80" + b"x" * 100_000)) as odd:
        number, _secret = subscribe(made, odd.url)
        happen(made)
        send_events(made, HOST)
    (row,) = rows(made, number)
    assert row.answer.startswith("ab\ufffd")
    assert len(row.answer) == 2000


def test_a_private_address_is_refused_when_entered_and_when_called(made: Runtime, taking: Receiver) -> None:
    closed = replace(made, settings=replace(made.settings, allow_private_addresses=False))
    for url in ("http://example.org/x", "https://127.0.0.1/x", "https://localhost/x", "https://10.1.2.3/x",
                "https://[::1]/x", "https://169.254.169.254/latest", "https://2130706433/x", "https://0x7f000001/x"):  # fmt: skip
        with pytest.raises(Invalid):
            create(closed, HOST, EnteredSubscription(url, "", ("learner.enrolled",)), form="", who="Sam")
    number, _secret = subscribe(made, taking.url)  # allowed then, and not any more
    happen(made)
    send_events(closed, HOST)
    assert taking.got == []
    (row,) = rows(made, number)
    assert (row.state, row.why) == ("owed", "This address is not allowed from here.")


@pytest.mark.parametrize(
    "url", ["", "nonsense", "ftp://example.org", "https://", "https://a:b@example.org/", "https://example.org/#x",
            "javascript:alert(1)", "https://exa mple.org", "https://example.org:99999/", "https://[::1"],
)  # fmt: skip
def test_what_is_no_address_is_said_so(url: str) -> None:
    assert why_not_allowed(url, allow_private=True)


def test_a_choice_of_events_that_cannot_be_is_refused(made: Runtime) -> None:
    for types in ((), ("weather.changed",), ("endpoint.ping",)):
        with pytest.raises(Invalid):
            create(made, HOST, EnteredSubscription("https://example.org/x", "", types), form="", who="Sam")


def test_the_same_form_sent_twice_makes_one_endpoint_and_shows_the_secret_once(made: Runtime) -> None:
    wanted = EnteredSubscription("https://example.org/x", "", ("learner.enrolled",))
    number, secret = create(made, HOST, wanted, form="one", who="Sam")
    assert create(made, HOST, wanted, form="one", who="Sam") == (number, None)
    assert secret is not None
    assert rotate(made, HOST, number, overlap=3600, form="two", who="Sam") not in (None, secret)
    assert rotate(made, HOST, number, overlap=3600, form="two", who="Sam") is None


def test_a_secret_is_sealed_at_rest(made: Runtime) -> None:
    from sqlalchemy import text

    _number, secret = create(
        made, HOST, EnteredSubscription("https://example.org/x", "", ("group.left",)), form="", who="Sam"
    )
    with made.db.read() as session:
        kept = session.execute(text("SELECT secret FROM endpoint")).scalar_one()
    assert secret is not None
    assert secret not in kept


def test_redeliver_sends_the_same_message_again(made: Runtime, taking: Receiver) -> None:
    number, _secret = subscribe(made, taking.url)
    happen(made)
    send_events(made, HOST)
    assert redeliver(made, HOST, number, [1], who="Sam") == 1
    assert redeliver(made, HOST, number, [1], who="Sam") == 0  # on its way already
    send_events(made, HOST)
    first, second = taking.got
    assert (first.body, first.headers["webhook-id"]) == (second.body, second.headers["webhook-id"])


def test_all_that_failed_is_sent_again_at_once(made: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_calls, "SCHEDULE", ())
    with receiving(lambda _got: 400) as strict:
        number, _secret = subscribe(made, strict.url)
        for person in (1, 2):
            happen(made, person=person)
        send_events(made, HOST)
        assert [row.state for row in rows(made, number)] == ["failed", "failed"]
        strict.judge = lambda _got: 204
        assert redeliver(made, HOST, number, None, who="Sam") == 2
        send_events(made, HOST)
    assert [row.state for row in rows(made, number)] == ["done", "done"]


def test_a_ping_is_answered_at_once_also_where_an_endpoint_is_off(made: Runtime, taking: Receiver) -> None:
    number, secret = subscribe(made, taking.url, "learner.enrolled")
    switch(made, HOST, number, "paused", who="Sam")
    n = ping(made, HOST, number, who="Sam (U-1)")
    (got,) = taking.got
    assert got.message["type"] == "endpoint.ping"
    assert independently_verified(secret, got.headers, got.body, made.clock.true())
    (row,) = rows(made, number)
    assert (row.n, row.state, row.status) == (n, "done", 204)
    taking.judge = lambda _got: 500
    ping(made, HOST, number, who="Sam (U-1)")
    assert rows(made, number)[-1].state == "failed"
    send_events(later(made, 3600), HOST)
    assert len(taking.got) == 2


def test_one_host_sees_nothing_of_another(made: Runtime, taking: Receiver) -> None:
    number, _secret = subscribe(made, taking.url)
    other = EnteredSubscription("https://example.org/x", "", ("learner.enrolled",))
    for act in (
        lambda: change(made, 2, number, other, who="Eve"),
        lambda: rotate(made, 2, number, overlap=0, form="", who="Eve"),
        lambda: switch(made, 2, number, "paused", who="Eve"),
        lambda: redeliver(made, 2, number, None, who="Eve"),
        lambda: ping(made, 2, number, who="Eve"),
        lambda: remove(made, 2, number, who="Eve"),
    ):
        with pytest.raises(NotFound):
            act()
    with made.db.write() as session:
        record(session, 2, 5, "rule", "enrolled", certification=1, person=1)
    send_events(made, HOST)
    assert taking.got == []


def test_removed_it_is_told_nothing_more(made: Runtime, taking: Receiver) -> None:
    number, _secret = subscribe(made, taking.url)
    happen(made)
    remove(made, HOST, number, who="Sam")
    happen(made)
    send_events(made, HOST)
    assert taking.got == []
    assert rows(made) == []


def test_what_is_old_is_forgotten_and_what_was_never_taken_is_shown_as_failed(made: Runtime, taking: Receiver) -> None:
    number, _secret = subscribe(made, taking.url)
    happen(made, person=1)
    send_events(made, HOST)
    switch(made, HOST, number, "paused", who="Sam")
    happen(made, person=2)
    send_events(made, HOST)
    old = later(made, KEPT + 10)
    made.db.transact(lambda session: forget(session, HOST, old.clock.now()))
    (row,) = rows(made, number)
    assert (row.state, row.why) == ("failed", "Not delivered within 14 days.")
    made.db.transact(lambda session: forget(session, HOST, later(old, KEPT + 10).clock.now()))
    assert rows(made, number) == []


def test_another_worker_takes_over_only_when_the_first_is_gone(made: Runtime, taking: Receiver) -> None:
    number, _secret = subscribe(made, taking.url)
    happen(made)
    with made.db.write() as session:
        from plugin.delivery.tables import Endpoint

        row = session.get_one(Endpoint, (HOST, number))
        row.lease, row.lease_until = "elsewhere:1:0:aa", made.clock.true() + 60
    send_events(made, HOST)
    assert taking.got == []
    with made.db.write() as session:
        session.get_one(Endpoint, (HOST, number)).lease_until = made.clock.true() - 1
    send_events(made, HOST)
    assert len(taking.got) == 1


def test_ten_thousand_events_are_spread_in_a_moment(made: Runtime) -> None:
    number, _secret = subscribe(made, "http://127.0.0.1:9/x", "learner.enrolled")
    switch(made, HOST, number, "paused", who="Sam")
    with made.db.write() as session:
        record(session, HOST, made.clock.now(), "rule", "enrolled", certification=1, people=BitMap(range(1, 10_001)))
    began = time.monotonic()
    send_events(made, HOST)
    assert time.monotonic() - began < 20  # statement by statement it would take minutes
    assert len(rows(made, number)) == 10_000
