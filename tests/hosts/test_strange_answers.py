"""A host whose answers are odd, in part denied or in part wrong: what is right in them counts, what is not is said."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from plugin.core.errors import Unavailable
from plugin.core.network.signing import signed_headers
from plugin.core.runtime import Runtime
from plugin.core.tables import Host
from plugin.hosts.port import ConnectionSpec, Garbled
from plugin.hosts.webhook import WebhookHost
from plugin.hosts.webhook_check import checklist
from plugin.mirror.connections.store import spec_of
from plugin.mirror.hints import inbox, receiving
from plugin.mirror.pulling.pull import pull, read_by_ids
from plugin.mirror.tables import DELETED, Audience, Completion, Connection, DataProblem, Person
from tests.hosts.strange import Answer, Strange, register, serve

SECRET = "whsec_YS1rZXktb2YtdGhlLXN0cmFuZ2UtaG9zdC1hbG9uZSE="


class Odd(Strange):
    """The strange host with answers of one kind put in place of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.instead: dict[str, Any] = {}

    def read(self, path: str, asked: dict[str, str]) -> Answer:
        told = self.instead.get(path.strip("/"))
        told = told(asked) if callable(told) else told
        if told is None:
            return super().read(path, asked)
        self.reads.append((path, asked))
        return told if isinstance(told, tuple) else (200, {}, told)


class Beside:
    """Muster beside it."""

    def __init__(self, host: Odd, runtime: Runtime, host_id: int) -> None:
        self.host, self.runtime, self.host_id = host, runtime, host_id

    def pull(self) -> str:
        """Why a pull failed; empty where it did not."""
        try:
            pull(self.runtime, self.host_id)
        except Unavailable as error:
            return str(error.sentence)
        return ""

    def people(self) -> set[str]:
        with self.runtime.db.read() as session:
            return set(session.scalars(select(Person.ext).where(Person.state != DELETED)))

    def problems(self) -> set[tuple[str, str, str]]:
        with self.runtime.db.read() as session:
            return {(one.kind, one.ext, one.value) for one in session.scalars(select(DataProblem))}

    def connection(self) -> Connection:
        with self.runtime.db.read() as session:
            return session.scalars(select(Connection)).one()

    def spec(self) -> ConnectionSpec:
        return spec_of(self.connection())


@pytest.fixture
def beside(runtime: Runtime) -> Iterator[Beside]:
    host = Odd()
    host.add("people", *({"id": f"P{n}", "name": f"Person {n}"} for n in range(1, 9)))
    host.add("audiences", {"id": "a1", "name": "All"})
    host.add("courses", {"id": "c1", "name": "Course"})
    with serve(host) as base:
        yield Beside(host, runtime, register(runtime, base))


@pytest.mark.parametrize(
    ("status", "state", "why"),
    [(404, "active", "These records could not be read, the others were: audiences. See Data problems."),
     (403, "paused", "No right to audiences.")],
)  # fmt: skip
def test_a_kind_that_is_denied_costs_no_other_and_is_said(beside: Beside, status: int, state: str, why: str) -> None:
    beside.host.instead["audiences"] = (status, {}, {"detail": "No right to audiences."})
    beside.host.add("completions", {"id": "d1", "person": "P1", "course": "c1", "at": "2027-01-01T00:00:00Z"})
    assert beside.pull() == why
    assert len(beside.people()) == 8
    with beside.runtime.db.read() as session:
        assert session.scalars(select(Completion.person_ext)).all() == ["P1"]  # read after the audiences
    assert ("read", "audiences", "No right to audiences.") in beside.problems()
    assert beside.connection().state == state
    beside.host.instead.clear()
    assert beside.pull() == ""
    assert beside.problems() == set()
    assert (beside.connection().state, beside.connection().reason) == ("active", "")
    with beside.runtime.db.read() as session:
        assert session.scalars(select(Audience.ext)).all() == ["a1"]


@pytest.mark.parametrize(
    "answer", [(400, {}, {"detail": "Which cursor?"}), (404, {}, None), (410, {}, None), {"items": 3}, (500, {}, None)]
)
def test_a_cursor_that_the_host_forgot_begins_the_read_anew(beside: Beside, answer: Any) -> None:
    def restarting(asked: dict[str, str]) -> Answer | None:
        return (503, {"Retry-After": "1"}, None) if asked.get("cursor") == "page-3" else None

    beside.host.instead["people"] = restarting
    assert beside.pull() == "The host answered 503."
    assert len(beside.people()) == 3
    told = [answer]
    beside.host.instead["people"] = lambda asked: told.pop() if asked.get("cursor") and told else None
    once_more = beside.pull() != ""
    assert once_more is (answer == (500, {}, None))  # which may also be a host that is down: the next pull begins anew
    if once_more:
        assert beside.pull() == ""
    assert len(beside.people()) == 8
    assert beside.host.rows["people"].keys() == beside.people()


def test_a_read_that_goes_in_circles_does_not_go_on_in_them_once_the_host_is_mended(beside: Beside) -> None:
    rows = list(beside.host.rows["people"].values())
    beside.host.instead["people"] = {"items": rows[:3], "next": "round"}
    assert "in circles" in beside.pull()
    assert beside.connection().state == "paused"
    beside.host.instead["people"] = lambda asked: (500, {}, None) if "cursor" in asked else {"items": rows, "next": ""}
    assert beside.pull() == ""  # an empty cursor is none
    assert len(beside.people()) == 8


@pytest.mark.parametrize("odd", [False, True, ["x"], {"page": 2}, 1.5])
def test_what_is_no_cursor_is_garbled(beside: Beside, odd: Any) -> None:
    beside.host.instead["people"] = {"items": [], "next": odd}
    assert beside.pull() == "The host gave a cursor or a mark that is no text."


def test_of_what_was_deleted_one_bad_id_costs_no_other_and_who_is_given_is_there(beside: Beside) -> None:
    beside.host.kinds["people"] = ["full", "delta"]
    beside.host.mark = "m1"
    assert beside.pull() == ""
    beside.host.changes["people", "m1"] = {
        "items": [{"id": "P1", "name": "Back again"}], "gone": ["P1", 17, None, "P2"], "mark": "m2",
    }  # fmt: skip
    beside.host.changes["people", "m2"] = {"items": None, "gone": ["P3"], "mark": "m3"}
    assert beside.pull() == ""
    assert beside.people() == {"P1", "P3", "P4", "P5", "P6", "P7", "P8"}
    assert beside.problems() == {("people", "17", "17")}
    assert beside.pull() == ""
    assert "P3" not in beside.people()


def test_a_number_for_an_id_is_never_taken_for_somebody_who_is_gone(beside: Beside) -> None:
    beside.host.add("people", {"id": "5", "name": "Five"})
    beside.host.kinds["people"] = ["full", "ids"]
    assert beside.pull() == ""
    beside.host.instead["people"] = {"items": [{"id": 5, "name": "Five"}, {"id": "P1", "name": "One"}]}
    read_by_ids(beside.runtime, beside.host_id, {"people": ["5", "P1", "P2"]})
    assert "5" in beside.people()
    assert "P2" not in beside.people()
    assert ("people", "5", "5") in beside.problems()


def test_a_kind_that_is_not_listed_is_not_asked_for_by_a_hint_either(beside: Beside) -> None:
    del beside.host.kinds["members"]
    beside.pull()
    for key, ids in (("h1", ["m1"]), ("h2", None)):
        body = f'{{"type": "member.changed", "data": {{"ids": {"null" if ids is None else ["m1"]}}}}}'.replace("'", '"')
        headers = signed_headers(SECRET, key, body, at=beside.runtime.clock.true())
        assert receiving.store(beside.runtime, "strange", headers, body.encode()) == 1
    assert inbox.work(beside.runtime, beside.host_id) == 2
    assert "/members" not in {path for path, _asked in beside.host.reads}
    assert beside.problems() == set()


def test_a_reset_as_a_record_of_its_own_undoes_what_was_completed_until_then(beside: Beside) -> None:
    host = beside.host
    same = {"person": "P1", "course": "c1"}
    host.add("completions", {"id": "d1", **same, "at": "2027-01-01T00:00:00Z"},
             {"id": "d2", **same, "person": "P2", "at": "2027-01-01T00:00:00Z"})  # fmt: skip
    beside.pull()
    host.add("completions", {"id": "r1", **same, "at": "2027-02-01T00:00:00Z", "state": "reset"})
    host.add("completions", {"id": "d3", **same, "at": "2027-03-01T00:00:00Z"})

    def counting() -> set[str]:
        with beside.runtime.db.read() as session:
            return set(session.scalars(select(Completion.ext).where(~Completion.reset, ~Completion.gone)))

    beside.pull()
    assert counting() == {"d2", "d3"}
    assert pull(beside.runtime, beside.host_id).changed == 0
    del host.rows["completions"]["r1"]  # taken back: absent twice, then what it undid counts again
    for _time in range(3):
        beside.pull()
    assert counting() == {"d1", "d2", "d3"}


def test_a_zone_that_is_none_is_said_where_data_problems_are_and_in_the_checklist(beside: Beside) -> None:
    beside.host.described["time_zone"] = "Mars/Phobos"
    beside.pull()
    assert beside.problems() == {("time_zone", "", "Mars/Phobos")}
    [zone] = [one for one in checklist(beside.runtime, beside.spec()) if one.name == "Time zone"]
    assert (zone.ok, zone.sentence) == (False, "'Mars/Phobos' is no time zone; write one like Europe/London.")
    del beside.host.described["time_zone"]
    beside.pull()
    assert beside.problems() == set()
    with beside.runtime.db.read() as session:
        assert session.scalars(select(Host.time_zone)).one() == "Europe/London"


@pytest.mark.parametrize("status", [301, 400, 404, 409, 410, 413, 422])
def test_whatever_else_answers_a_push_pauses_the_connection_and_names_the_status(beside: Beside, status: int) -> None:
    beside.host.answer = lambda _call: (status, {}, None)
    host = WebhookHost(beside.spec(), beside.runtime.http, beside.runtime.clock)
    with pytest.raises(Garbled, match=str(status)):
        host.send("msg_1", "seats", host.prepare("seats", [], ""))


def test_resets_are_offered_by_their_own_word_alone(beside: Beside) -> None:
    beside.host.described = {"writes": {"seats": 5, "resets": 5}, "resets_completion": True}
    del beside.host.described["writes"]["resets"]
    item = {"reset": "1.1.1", "person": "P1", "course": "c1", "before": "2027-01-01T00:00:00Z"}
    for offered in (True, False):
        beside.host.described["resets_completion"] = offered
        beside.pull()
        host = WebhookHost(beside.spec(), beside.runtime.http, beside.runtime.clock)
        beside.host.answer = lambda _call: (200, {}, {"outcomes": [{"reset": "1.1.1", "outcome": "done"}]})
        [told] = host.send("msg_1", "resets", host.prepare("resets", [item], "")).outcomes or ()
        assert told.outcome == ("done" if offered else "refused")
    assert [call["type"] for call in beside.host.calls] == ["completions.reset"]
