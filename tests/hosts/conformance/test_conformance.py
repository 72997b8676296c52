"""What every dialect must do, whatever host it speaks to: read, be interrupted, write, be repeated, hear."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from plugin.hosts.port import Garbled, HostTrouble, Locked, Page, Refused, Wait
from tests.hosts.conformance.cases import Case, seat, serve_case


@pytest.fixture(params=["webhook", "moodle"])
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Case]:
    """A host of each dialect."""
    with serve_case(request.param, tmp_path) as found:
        yield found


def rows(pages: list[Page]) -> dict[str, Any]:
    return {row.id: dict(row.fields) for page in pages for row in page.rows}


# --- reading


def test_the_description_offers_what_can_be_read_and_written(case: Case) -> None:
    caps = case.host().describe()
    assert caps.name
    assert all(caps.can(kind, "full") for kind in case.kinds)
    assert caps.writes["seats"] > 0
    assert type(caps).from_json(caps.to_json()).to_json() == caps.to_json()


def test_a_full_read_is_whole_and_the_same_when_repeated(case: Case) -> None:
    for kind in case.kinds:
        first, again = list(case.host().read(kind)), list(case.host().read(kind))
        assert [page.whole for page in first] == [False] * (len(first) - 1) + [True]
        assert rows(first) == rows(again)
        assert rows(first), kind
        assert sum(len(page.rows) for page in first) == len(rows(first))


def test_what_refers_to_another_record_finds_it(case: Case) -> None:
    found = {kind: rows(list(case.host().read(kind))) for kind in case.kinds}
    assert all(job["person"] in found["people"] for job in found["jobs"].values())
    for name in ("organisation", "position"):
        named = {job[name] for job in found["jobs"].values() if job.get(name)}
        assert named
        assert named <= found["units"].keys()
    assert all(unit["parent"] in found["units"] for unit in found["units"].values() if unit.get("parent"))
    managers = {job["manager"] for job in found["jobs"].values() if job.get("manager")}
    assert managers <= found["people"].keys()
    assert all(member["audience"] in found["audiences"] for member in found["members"].values())
    assert all(member["person"] in found["people"] for member in found["members"].values())
    assert set(case.courses) <= found["courses"].keys()


@pytest.mark.parametrize("what", ["waits", "down", "html", "garbled", "locked"])
def test_a_read_cut_short_is_never_whole_and_goes_on_where_it_was(
    case: Case, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if what not in case.troubles:
        pytest.skip("this host cannot be made to do so")
    case.small_pages(monkeypatch)
    everybody = rows(list(case.host().read("people")))
    host = case.host()
    pages = host.read("people")
    first = next(pages)
    assert first.cursor
    assert not first.whole
    case.trouble(what)
    if what == "locked":
        host = case.host()
        pages = host.read("people", cursor=first.cursor)
    expected = {"waits": Wait, "down": Wait, "locked": Locked}.get(what, Garbled)
    with pytest.raises(expected) as trouble:
        next(pages)
    assert trouble.value.why.endswith(".")
    case.trouble("")
    rest = list(case.host().read("people", cursor=first.cursor))
    assert rest[-1].whole
    assert rows([first, *rest]) == everybody


def test_a_change_is_seen_by_the_next_read_and_by_its_id(case: Case) -> None:
    person = case.people()[5]
    mark = list(case.host().read("people"))[-1].mark
    case.rename(person, "Zoë Changed")
    try:
        later = rows(list(case.host().read("people", since=mark))) if mark and not case.by_polling else None
    except HostTrouble:
        later = None
    found = later if later is not None else rows(list(case.host().read("people")))
    assert found[person]["name"] == "Zoë Changed"
    assert rows(list(case.host().read("people", ids=[person])))[person]["name"] == "Zoë Changed"


def test_reading_by_id_tells_what_exists_and_what_does_not(case: Case) -> None:
    caps = case.host().describe()
    for kind in case.kinds:
        if not caps.can(kind, "ids"):
            continue
        some = list(rows(list(case.host().read(kind))))[:3]
        read = case.host().read(kind, ids=[*some, "nobody", "999999999"])
        pages = [page for page in read if page.kind == kind]  # others bring what is learnt on the way
        assert set(rows(pages)) == set(some), kind
        gone = {one for page in pages for one in page.gone}
        # An id that the host could not have named is never judged by its absence.
        assert gone == {"nobody", "999999999"} or (kind in case.judged_by_form and gone <= {"nobody", "999999999"}), (
            kind
        )
        assert not any(page.whole for page in pages)


def test_by_id_and_full_agree_on_every_field(case: Case) -> None:
    caps = case.host().describe()
    for kind in case.kinds:
        if caps.can(kind, "ids"):
            whole = rows(list(case.host().read(kind)))
            again = [page for page in case.host().read(kind, ids=list(whole)) if page.kind == kind]
            assert rows(again) == whole, kind


def test_a_deleted_person_is_gone_by_id_and_from_the_next_read(case: Case) -> None:
    person = case.people()[7]
    case.delete(person)
    assert person not in rows(list(case.host().read("people")))
    assert [one for page in case.host().read("people", ids=[person]) for one in page.gone] == [person]


# --- writing


def test_a_repeated_write_has_one_effect(case: Case) -> None:
    person, course = case.people()[0], case.courses[0]
    assert [one.outcome for one in case.write(seat(person, course))] == ["done"]
    assert case.write(seat(person, course, ours=True), call="msg_2")[0].outcome in ("same", "done")
    assert case.roster(course) == {person}


def test_a_call_repeated_to_the_letter_does_not_take_ours_for_found(case: Case) -> None:
    person, course = case.people()[0], case.courses[0]
    host = case.host()
    body = host.prepare("seats", [seat(person, course)], "")
    body = host.look("seats", body) or body
    host.send("msg_1", "seats", body)
    again = case.host()
    assert again.look("seats", body) is None
    reply = again.send("msg_1", "seats", body)
    assert [one.outcome for one in reply.outcomes or ()] in (["done"], ["same"])


def test_one_bad_row_fails_none_of_its_neighbours(case: Case) -> None:
    good, course = case.people()[:9], case.courses[0]
    case.delete(case.people()[20])
    outcomes = case.write(*(seat(person, course) for person in [*good, "999999999"]), seat(good[0], "999999"))
    by_key = {one.key: one for one in outcomes}
    assert {by_key[f"{course}.{person}"].outcome for person in good} == {"done"}
    for key in (f"{course}.999999999", f"999999.{good[0]}"):
        assert by_key[key].outcome in ("gone", "refused")
    assert case.roster(course) == set(good)


def test_suspending_and_removing_take_back_and_entering_again_restores(case: Case) -> None:
    first, second, *_ = case.people()
    course = case.courses[0]
    case.write(seat(first, course), seat(second, course))
    case.write(seat(first, course, "suspended", 2, ours=True), seat(second, course, "out", 2, ours=True), call="msg_2")
    assert case.roster(course) == set()
    case.write(seat(first, course, "in", 3, ours=True), seat(second, course, "in", 3), call="msg_3")
    assert case.roster(course) == {first, second}


def test_what_one_drain_wrote_it_can_take_back(case: Case) -> None:
    person, course = case.people()[0], case.courses[0]
    host = case.host()
    for number, (want, there) in enumerate((("in", True), ("suspended", False), ("in", True), ("out", False)), 1):
        body = host.prepare("seats", [seat(person, course, want, number, ours=number > 1)], "")
        reply = host.send(f"msg_{number}", "seats", host.look("seats", body) or body)
        assert [one.outcome for one in reply.outcomes or ()] == ["done"]
        assert (person in case.roster(course)) is there


def test_suspending_somebody_who_is_not_in_the_course_makes_no_enrolment(case: Case) -> None:
    person, course = case.people()[0], case.courses[0]
    assert case.write(seat(person, course, "suspended"))[0].outcome == "same"
    assert case.roster(course) == set()


def test_a_seat_made_by_others_is_found(case: Case) -> None:
    person, other, course = *case.people()[:2], case.courses[0]
    case.enrol_by_hand(person, course)
    outcomes = {one.key: one.outcome for one in case.write(seat(person, course), seat(other, course))}
    assert outcomes == {f"{course}.{person}": "found", f"{course}.{other}": "done"}


@pytest.mark.parametrize("what", ["waits", "down", "html", "garbled"])
def test_a_write_without_an_answer_is_trouble_and_can_be_repeated(case: Case, what: str) -> None:
    if what not in case.troubles:
        pytest.skip("this host cannot be made to do so")
    person, course = case.people()[0], case.courses[0]
    host = case.host()
    body = host.prepare("seats", [seat(person, course)], "")
    body = host.look("seats", body) or body
    case.trouble(what)
    with pytest.raises((Wait, Garbled)):
        host.send("msg_1", "seats", body)
    case.trouble("")
    case.host().send("msg_1", "seats", body)
    assert case.roster(course) == {person}


# --- hearing


def test_a_message_gives_the_same_hints_each_time_and_none_when_tampered_with(case: Case) -> None:
    person = case.people()[0]
    headers, body = case.hint(person)
    first, again = case.host().hear(headers, body), case.host().hear(headers, body)
    assert first == again
    assert ("people", (person,)) in [(hint.kind, tuple(hint.ids)) for hint in first]
    assert len({hint.key for hint in first}) == len(first)
    for tampered in (body.replace(person.encode(), b"666"), body + b" ", b"", b"[]", b"nonsense"):
        with pytest.raises((Locked, Refused)):
            case.host().hear(headers, tampered)
    for bad in ({}, {name: "x" for name in headers}, {name: "é,ü" for name in headers}):
        with pytest.raises((Locked, Refused)):
            case.host().hear(bad, body)
