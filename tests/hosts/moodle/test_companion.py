"""With Muster's plugin in Moodle: the same records in fewer calls, quiet suspension, and everything as before without it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from plugin.hosts.moodle.companion import bulk
from plugin.hosts.moodle.versions import ENROL
from plugin.hosts.port import Page
from tests.hosts.conformance.cases import MoodleCase, seat
from tests.hosts.fake_moodle import Enrolment, serve_moodle

SINCE = 1_790_000_000


@pytest.fixture
def case() -> Iterator[MoodleCase]:
    with serve_moodle(60) as fake:
        fake.user(3, idnumber="", custom={"manager": ""})
        fake.enrolments = {
            (11, 5): Enrolment(),
            (11, 6): Enrolment(suspended=True),
            (12, 7): Enrolment(method="cohort"),
        }
        fake.completed = {(11, 5): SINCE, (11, 6): SINCE + 90_000}
        yield MoodleCase(fake)


def read(case: MoodleCase, kind: str, **more: Any) -> dict[str, dict[str, Any]]:
    host = case.host()
    host.describe()
    return {row.id: dict(row.fields) for page in host.read(kind, **more) for row in page.rows}


@pytest.mark.parametrize("size", [7, 2000])
def test_people_courses_and_enrolments_are_the_same_with_it(
    case: MoodleCase, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    kinds = ("people", "units", "jobs", "enrolments", "audiences", "members")
    without = {kind: read(case, kind) for kind in kinds}
    case.fake.install_companion()
    for name in ("PEOPLE", "PLACES", "DONE"):
        monkeypatch.setattr(bulk, name, size)
    assert {kind: read(case, kind) for kind in kinds} == without


def test_everybody_is_read_in_a_call_for_many(case: MoodleCase) -> None:
    case.fake.install_companion()
    case.fake.calls.clear()
    read(case, "people")
    assert [
        name for name, _ in case.fake.calls if name not in ("core_webservice_get_site_info", "tool_mobile_get_config")
    ][1:] == [bulk.USERS]


def test_completions_come_whole_and_since_a_mark_with_an_hour_to_spare(case: MoodleCase) -> None:
    case.fake.install_companion()
    host = case.host()
    assert {"full", "delta", "ids"} <= set(host.describe().reads["completions"])
    pages: list[Page] = list(host.read("completions"))
    assert pages[-1].whole
    assert pages[-1].mark
    assert {row.id for page in pages for row in page.rows} == {"5:11", "6:11"}
    later = list(host.read("completions", since=str(SINCE + 90_000 + 3599)))
    assert {row.id for page in later for row in page.rows} == {"6:11"}
    assert not later[-1].whole


def test_courses_say_what_completes_them_and_whether_they_greet(case: MoodleCase) -> None:
    case.fake.course(12, criteria=False, welcome=True)
    assert "criteria" not in read(case, "courses")["12"]
    case.fake.install_companion()
    for found in (read(case, "courses"), read(case, "courses", ids=["11", "12"])):
        assert (found["12"]["criteria"], found["12"]["welcome"]) == (False, True)
        assert (found["11"]["criteria"], found["11"]["welcome"]) == (True, False)


def test_whoever_leaves_is_suspended_without_the_call_that_greets_her(case: MoodleCase) -> None:
    assert case.host().describe().greets_leavers
    case.fake.install_companion()
    host = case.host()
    assert not host.describe().greets_leavers
    case.fake.calls.clear()
    found = case.write(
        seat("5", "11", "suspended", ours=True), seat("9", "11", "suspended", ours=True), seat("10", "11", "in", ours=True),
        seat("5", "99", "suspended", ours=True),
    )  # fmt: skip
    assert {one.key: one.outcome for one in found} == {
        "11.5": "done",
        "11.9": "same",
        "11.10": "done",
        "99.5": "refused",
    }
    assert case.fake.enrolments[11, 5].suspended
    enrolled = [one for name, asked in case.fake.calls if name == ENROL for one in asked["enrolments"].values()]
    assert [one["userid"] for one in enrolled] == ["10"]


def message(key: str, person: str) -> dict[str, str]:
    return {"message": key, "person": person, "subject": "Fire safety", "text": "You are enrolled.", "html": "<p>You are enrolled.</p>",
            "link": "https://muster.example.org/launch"}  # fmt: skip


def test_messages_are_notifications_and_each_goes_out_once(case: MoodleCase) -> None:
    assert not case.host().describe().keyed_messages
    case.fake.install_companion()
    case.fake.deaf.add(8)
    host = case.host()
    assert host.describe().keyed_messages
    body = host.prepare(
        "messages", [message("m1", "5"), message("m2", "999"), message("m3", "none"), message("m4", "8")], "c"
    )
    case.fake.calls.clear()
    outcomes = host.send("msg_1", "messages", body).outcomes or []
    assert [(one.key, one.outcome) for one in outcomes] == [
        ("m1", "done"),
        ("m2", "gone"),
        ("m3", "gone"),
        ("m4", "refused"),
    ]
    assert "did not take this notification" in str(outcomes[3].why)
    assert case.fake.notified == {"m1": (5, "Fire safety")}
    assert case.fake.messages == []
    assert [name for name, _ in case.fake.calls].count(bulk.NOTIFY) == 1
    again = host.send("msg_1", "messages", body).outcomes or []
    assert again[0].outcome == "same"
    assert len(case.fake.notified) == 1
