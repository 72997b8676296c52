"""Claims are fair, leased and generation-true: what a crash, a slow answer or a change of mind cannot break."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import product
from typing import Any

import pytest
from sqlalchemy import select, text

from plugin.core.clock import Clock
from plugin.core.database import leases
from plugin.core.logs import use_correlation
from plugin.core.runtime import Runtime
from plugin.delivery.seats import send as room
from plugin.delivery.seats.outcomes import apply_seats
from plugin.delivery.seats.owed import owed_seats
from plugin.delivery.seats.send import LONGEST_JOB, drain
from plugin.delivery.seats.wanted_seats import is_owed
from plugin.delivery.tables import FOUND, IN, NOBODYS, OURS, OUT, SUSPENDED, UNKNOWN, Call, Seat
from plugin.enrolment.message_dates import render
from plugin.hosts.port import Outcome
from plugin.mirror.tables import Connection
from tests.delivery.seats import a_host_with_seats, owe


@contextmanager
def host(made: Runtime, host_id: int, answer: Any) -> Iterator[list[dict[str, Any]]]:
    """A host on a real socket; ``answer(document)`` gives status and body. Yields what it was asked, headers too."""
    asked: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            document = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append({**document, "headers": dict(self.headers)})
            self._say(*answer(document))

        def do_GET(self) -> None:
            self._say(200, {"state": "running"})

        def _say(self, status: int, body: Any) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_said: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with made.db.write() as session:
        row = session.get_one(Connection, (host_id, 1))
        row.webhook_url = row.api_url = f"http://127.0.0.1:{server.server_port}"
        row.state, row.retry_at = "active", 0
    try:
        yield asked
    finally:
        server.shutdown()
        server.server_close()


def done(document: dict[str, Any]) -> tuple[int, Any]:
    return 200, {"outcomes": [{"seat": one["seat"], "outcome": "done"} for one in document["data"]["items"]]}


def seats(made: Runtime) -> list[Seat]:
    with made.db.read() as session:
        return list(session.scalars(select(Seat).order_by(Seat.course, Seat.person)))


def later(made: Runtime, seconds: int) -> Runtime:
    return replace(made, clock=Clock(made.clock.now() + seconds))


def test_a_small_change_goes_out_with_the_next_call_however_much_waits(runtime: Runtime) -> None:
    host_id = a_host_with_seats(runtime, 3000, writes=100)
    now = runtime.clock.now()
    owe(runtime, host_id, 2, range(1, 4), now + 60)
    owe(runtime, host_id, 3, range(1, 500), now + 30)
    with runtime.db.write() as session:
        first = owed_seats(session, host_id, now + 99, 100)
    by_course = {course: sum(1 for one in first if one.course == course) for course in (1, 2, 3)}
    assert by_course[2] == 3
    assert min(by_course[1], by_course[3]) >= 30
    assert sum(by_course.values()) == 100


def test_two_workers_never_claim_the_same_seat(runtime: Runtime) -> None:
    if runtime.db.sqlite:
        pytest.skip("SQLite has one writer at a time")
    host_id = a_host_with_seats(runtime, 100, writes=40)
    with runtime.db.write() as one, runtime.db.write() as other:
        first = {seat.person for seat in owed_seats(one, host_id, runtime.clock.now(), 40)}
        second = {seat.person for seat in owed_seats(other, host_id, runtime.clock.now(), 40)}
    assert len(first) == len(second) == 40
    assert first.isdisjoint(second)


def test_hosts_take_turns(runtime: Runtime) -> None:
    busy, small = a_host_with_seats(runtime, 60, writes=5), a_host_with_seats(runtime, 2, name="small")
    with host(runtime, busy, done) as many, host(runtime, small, done) as few:
        drain(runtime, busy, render, seconds=0.0)
        drain(runtime, small, render, seconds=0.0)
        assert (len(many), len(few)) == (1, 1)
        drain(runtime, busy, render)
        assert len(many) == 12


def test_what_is_wanted_flips_between_sending_and_recording(runtime: Runtime) -> None:
    """Killed after the host took it and before we wrote it down; then she is withdrawn."""
    host_id = a_host_with_seats(runtime, 1)

    class Killed(BaseException):
        pass

    def killed(*_given: object) -> None:
        raise Killed

    with host(runtime, host_id, done) as asked:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(room, "_answered", killed)
            with pytest.raises(Killed):
                drain(runtime, host_id, render)
        [seat] = seats(runtime)
        assert (seat.confirmed, seat.sent, seat.sent_generation) == (UNKNOWN, IN, 1)
        with runtime.db.write() as session:
            session.execute(text("UPDATE seat SET wanted = 1, generation = 2"))
            session.execute(text("UPDATE call SET lease_until = 0"))
        drain(runtime, host_id, render)
    wants = [(one["data"]["items"][0]["want"], one["data"]["items"][0]["generation"]) for one in asked]
    assert wants == [("in", 1), ("in", 1), ("suspended", 2)]
    assert len({one["headers"]["webhook-id"] for one in asked[:2]}) == 1
    [seat] = seats(runtime)
    assert (seat.confirmed, seat.owed, seat.origin) == (SUSPENDED, False, OURS)


def test_a_slow_call_that_answers_after_its_lease_was_taken_over_changes_nothing(runtime: Runtime) -> None:
    host_id = a_host_with_seats(runtime, 1)
    taken_over: list[int] = []

    def slow(document: dict[str, Any]) -> tuple[int, Any]:
        if (
            not taken_over
        ):  # while the first worker waits, its lease runs out, and another one takes over and is answered
            taken_over.append(1)
            with runtime.db.write() as session:
                session.execute(text("UPDATE call SET lease_until = 0"))
            drain(runtime, host_id, render)
            with runtime.db.write() as session:
                session.execute(text("UPDATE seat SET wanted = 1, generation = 2, owed = :yes"), {"yes": True})
            return 200, {"outcomes": [{"seat": "1.1", "outcome": "refused", "why": "Too late."}]}
        return done(document)

    with host(runtime, host_id, slow) as asked:
        drain(runtime, host_id, render)
    assert [one["data"]["items"][0]["want"] for one in asked] == ["in", "in", "suspended"]
    [seat] = seats(runtime)
    assert (seat.confirmed, seat.parked, seat.owed) == (SUSPENDED, None, False)


def test_a_task_of_the_host_that_never_ends_is_given_up_and_sent_anew(runtime: Runtime) -> None:
    host_id = a_host_with_seats(runtime, 2)
    with host(runtime, host_id, lambda _document: (202, {"job": "j1"})) as asked:
        drain(runtime, host_id, render)
        assert {seat.call for seat in seats(runtime)} != {""}
        drain(later(runtime, LONGEST_JOB + 60), host_id, render)
        assert {(seat.call, seat.owed) for seat in seats(runtime)} == {("", True)}
        assert len(asked) == 1
    with host(runtime, host_id, done):
        drain(later(runtime, LONGEST_JOB + 4000), host_id, render)
    assert {seat.confirmed for seat in seats(runtime)} == {IN}


def test_a_seat_is_tried_for_48_hours_with_growing_pauses_and_then_parked(runtime: Runtime) -> None:
    host_id = a_host_with_seats(runtime, 1)

    def not_now(document: dict[str, Any]) -> tuple[int, Any]:
        key = document["data"]["items"][0]["seat"]
        return 200, {"outcomes": [{"seat": key, "outcome": "retry", "why": "The course is locked for backup."}]}

    at, pauses = 0, []
    with host(runtime, host_id, not_now):
        while True:
            drain(later(runtime, at), host_id, render)
            [seat] = seats(runtime)
            if seat.parked:
                break
            pauses.append(seat.next_at - runtime.clock.now() - at)
            at = seat.next_at - runtime.clock.now()
    assert seat.parked == "The course is locked for backup."
    assert 48 * 3600 < at < 50 * 3600
    assert pauses[0] < 10
    assert all(0.7 * 3600 - 1 <= pause <= 1.3 * 3600 for pause in pauses[-10:])
    assert len(set(pauses[-10:])) > 3, "with jitter"


def test_a_refusal_leaves_confirmed_as_it_stood(runtime: Runtime) -> None:
    host_id = a_host_with_seats(runtime, 2)

    def refuses(document: dict[str, Any]) -> tuple[int, Any]:
        if document["data"]["items"][0]["want"] == "in":
            return done(document)
        told = [{"seat": one["seat"], "outcome": "refused", "why": "Not allowed."} for one in document["data"]["items"]]
        return 200, {"outcomes": told}

    with host(runtime, host_id, refuses):
        drain(runtime, host_id, render)
        with runtime.db.write() as session:
            session.execute(text("UPDATE seat SET wanted = 1, generation = 2, owed = :yes"), {"yes": True})
        drain(runtime, host_id, render)
    assert {(seat.confirmed, seat.parked, seat.owed) for seat in seats(runtime)} == {(IN, "Not allowed.", True)}


def test_an_answer_of_several_words_is_written_as_if_each_seat_had_been_a_call(runtime: Runtime) -> None:
    """Every wish, sent value, origin and word: a call each, and all in one with a refused and an unanswered one."""
    states = list(product((OUT, SUSPENDED, IN), (OUT, SUSPENDED, IN), (NOBODYS, OURS, FOUND), ("done", "same")))
    people = range(1, len(states) + 1)
    host_id = a_host_with_seats(runtime, len(states) + 2)
    written = []
    for together in (False, True):
        with runtime.db.write() as session:
            session.execute(
                text("UPDATE seat SET call = 'c', confirmed = 3, sent = 2, sent_generation = 1, parked = NULL")
            )
            for person, (wanted, sent, origin, _word) in zip(people, states, strict=True):
                values = {"w": wanted, "s": sent, "o": origin, "p": person, "c": "c" if together else f"c{person}"}
                session.execute(
                    text("UPDATE seat SET wanted = :w, sent = :s, origin = :o, call = :c WHERE person = :p"), values
                )
            outcomes = [Outcome(f"1.{person}", word) for person, (*_rest, word) in zip(people, states, strict=True)]
            if together:
                refused = Outcome(f"1.{len(states) + 1}", "refused", "No.")
                counts = apply_seats(session, host_id, Call(host_id=host_id, id="c"), [*outcomes, refused], 1)
                assert counts == {"done": 27, "same": 27, "refused": 1, "missing": 1}
            else:
                for person, outcome in zip(people, outcomes, strict=True):
                    apply_seats(session, host_id, Call(host_id=host_id, id=f"c{person}"), [outcome], 1)
        *rows, no, silent = seats(runtime)
        written.append([(row.confirmed, row.origin, row.owed, row.call, row.confirmed_at) for row in rows])
        assert all(row.owed == is_owed(row.wanted, row.confirmed, row.origin) for row in rows)
    assert written[0] == written[1]
    assert (no.parked, no.call, silent.confirmed, silent.call, silent.owed) == ("No.", "", UNKNOWN, "", True)


def test_one_correlation_id_goes_from_the_wish_to_the_calls_header_and_the_log(
    runtime: Runtime,
) -> None:
    host_id = a_host_with_seats(runtime, 0)
    owe(runtime, host_id, 1, range(1, 3), runtime.clock.now(), correlation="click-1")
    with runtime.db.write() as session:
        session.execute(text("INSERT INTO person (host_id, id, ext, name, given_name, family_name, email, username, number,"
                             " state, time_zone, language, fields, sweep) VALUES (:h, 1, 'U-1', '', '', '', '', '', '', 0, '',"
                             " '', '{}', 0), (:h, 2, 'U-2', '', '', '', '', '', '', 0, '', '', '{}', 0)"), {"h": host_id})  # fmt: skip
    use_correlation("something-else")
    with host(runtime, host_id, done) as asked:
        drain(runtime, host_id, render)
    assert asked[0]["data"]["correlation"] == "click-1"
    assert asked[0]["headers"]["X-Correlation-ID"] == "click-1"


def test_while_a_host_is_down_it_is_not_called_and_the_connection_says_since_when(runtime: Runtime) -> None:
    host_id = a_host_with_seats(runtime, 3)
    with host(runtime, host_id, lambda _document: (503, {"detail": "Closed for repairs."})) as asked:
        for seconds in (0, 1, 1, 1):
            drain(later(runtime, seconds), host_id, render)
        assert len(asked) == 1
    with runtime.db.read() as session:
        row = session.get_one(Connection, (host_id, 1))
        assert (row.state, row.reason, row.since) == ("down", "Closed for repairs.", runtime.clock.now())


def test_a_claim_is_marked_unknown_before_the_call(runtime: Runtime) -> None:
    host_id = a_host_with_seats(runtime, 1)
    looked: list[tuple[int, int | None, int, bool]] = []

    def look(document: dict[str, Any]) -> tuple[int, Any]:
        [seat] = seats(runtime)
        looked.append((seat.confirmed, seat.sent, seat.sent_generation, seat.call != ""))
        return done(document)

    with host(runtime, host_id, look):
        drain(runtime, host_id, render)
    assert looked == [(UNKNOWN, IN, 1, True)]
    assert leases.LEASE > 3 * 30
