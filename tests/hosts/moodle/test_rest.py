"""Each way in which Moodle says no, and what follows from it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from plugin.core.clock import Clock
from plugin.core.network.http import Outbound
from plugin.core.runtime import Runtime
from plugin.hosts.moodle import check, people, versions
from plugin.hosts.moodle.check import checklist
from plugin.hosts.moodle.companion import bulk
from plugin.hosts.moodle.host import MoodleHost
from plugin.hosts.moodle.rest import Fault, Unclear, flat
from plugin.hosts.port import Caps, ConnectionSpec, Garbled, Locked, MarkTooOld, Outcome, Page, Wait
from tests.hosts.conformance.cases import MAPPING, MoodleCase, seat
from tests.hosts.fake_moodle import Enrolment, FakeMoodle, serve_moodle


@pytest.fixture(params=["4.5", "5.1"])
def case(request: pytest.FixtureRequest) -> Iterator[MoodleCase]:
    with serve_moodle(60, request.param) as fake:
        yield MoodleCase(fake)


def rows(pages: Any) -> dict[str, Any]:
    return {row.id: dict(row.fields) for page in pages for row in page.rows}


def one_outcome(case: MoodleCase, *items: Any) -> Outcome:
    return case.write(*items)[0]


def test_nested_values_become_php_arrays() -> None:
    asked = {"enrolments": [{"userid": 1, "suspend": True}], "field": "id"}
    assert list(flat(asked)) == [("enrolments[0][userid]", "1"), ("enrolments[0][suspend]", "1"), ("field", "id")]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("invalidtoken", Locked), ("accessexception", Locked), ("wsaccessusersuspended", Locked), ("sitemaintenance", Wait),
        ("upgraderunning", Wait), ("invalidrecord", Fault), ("invalidrecordunknown", Fault), ("invalidparameter", Fault), ("codingerror", Fault),
        ("nopermissions", Fault), ("requireloginerror", Fault), ("wsusercannotassign", Fault), ("wsnoinstance", Fault),
        ("invaliduser", Fault), ("userdeleted", Fault), ("nocriteriaset", Fault), ("usernotenroled", Fault),
        ("formatnotsupported", Fault), ("dmlwriteexception", Fault), ("aNewOneThatNobodyKnows", Fault), ("", Fault),
    ],
)  # fmt: skip
def test_the_errorcode_alone_decides(
    case: MoodleCase, code: str, expected: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.hosts.fake_moodle import MoodleError

    def fail(*_: Any) -> Any:
        raise MoodleError(code, "Text in the language of the site")

    monkeypatch.setattr(FakeMoodle, "call", fail)
    with pytest.raises(expected) as error:
        case.host().rest.call("core_webservice_get_site_info")
    assert error.value.why.endswith(".")  # type: ignore[attr-defined]
    assert "Text in" in error.value.why or expected is not Fault  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("shut_out", "said"), [("expired", "it has expired"), ("service", "for authorised users only"), ("", "(core_user_get_users_by_field)")]
)  # fmt: skip
def test_an_expired_token_a_closed_service_and_a_missing_function_are_told_apart(
    case: MoodleCase, shut_out: str, said: str
) -> None:
    """Moodle answers ``accessexception`` to each."""
    case.fake.functions.discard("core_user_get_users_by_field")
    case.fake.shut_out = shut_out
    with pytest.raises(Locked) as error:
        case.host().rest.call("core_user_get_users_by_field", {"field": "id", "values": ["3"]})
    assert said in error.value.why


@pytest.mark.parametrize(
    ("mood", "expected"),
    [
        ("maintenance", Wait),
        ("off", Locked),
        ("busy", Wait),
        ("error", Unclear),
        ("html", Garbled),
        ("garbage", Garbled),
        ("down", Unclear),
    ],
)
def test_what_is_no_answer_of_moodles(case: MoodleCase, mood: str, expected: type[Exception]) -> None:
    case.fake.mood = mood
    with pytest.raises(expected) as error:
        case.host().describe()
    if mood == "busy":
        assert error.value.after == 17  # type: ignore[attr-defined]


def test_an_address_without_a_moodle_is_named(case: MoodleCase) -> None:
    spec = ConnectionSpec("m", "moodle", case.fake.base + "/elsewhere", "t")
    with pytest.raises(Garbled, match="no web service at"):
        MoodleHost(spec, Outbound(allow_private=True), Clock()).describe()
    spec = ConnectionSpec("m", "moodle", "http://localhost:9", "t")
    with pytest.raises(Wait):
        MoodleHost(spec, Outbound(allow_private=True), Clock()).describe()
    spec = ConnectionSpec("m", "moodle", case.fake.base, "t")
    with pytest.raises(Locked):
        MoodleHost(spec, Outbound(allow_private=False), Clock()).describe()


def test_the_address_of_the_web_service_itself_will_do(case: MoodleCase) -> None:
    spec = ConnectionSpec("m", "moodle", case.fake.base + "/webservice/rest/server.php", case.fake.token)
    assert MoodleHost(spec, Outbound(allow_private=True), Clock()).describe().name == "Acceptance LMS"


# --- reading


def test_a_token_revoked_in_mid_read_locks_and_loses_nothing(case: MoodleCase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "DETAILS", 20)
    seen = list[str]()

    def revoke(name: str) -> None:
        seen.append(name)
        if seen.count("core_user_get_users_by_field") == 2:
            case.fake.token = "another"

    case.fake.before = revoke
    pages: list[Page] = []
    with pytest.raises(Locked):
        pages.extend(case.host().read("people"))
    assert not any(page.whole for page in pages)


def test_suspended_accounts_and_what_a_profile_says(case: MoodleCase) -> None:
    case.fake.user(5, suspended=True, timezone="99", firstaccess=1_795_000_000, custom={"hired": "2020-01-31"})
    found = rows(case.host().read("people"))
    assert found["5"]["state"] == "suspended"
    assert found["6"]["state"] == "active"
    assert found["6"]["time_zone"] == "Europe/London"
    assert "time_zone" not in found["5"]
    assert found["5"]["first_login"] == "2026-11-18T11:06:40Z"
    assert found["5"]["fields"]["hired"] == "2020-01-31"
    assert found["5"]["fields"]["department"] == "Ops"


def test_of_many_people_a_poll_leaves_alone_what_lists_do_not_show(
    case: MoodleCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("plugin.hosts.moodle.host.MANY", 10)
    case.fake.user(5, suspended=True)
    mark = list(case.host().read("people"))[-1].mark
    pages = list(case.host().read("people", since=mark))
    shown, whole = [page for page in pages if page.partial], [page for page in pages if not page.partial]
    assert rows(pages).keys() == {str(one) for one in case.fake.users}
    assert all("state" not in row and row["fields"] for row in rows(shown).values())
    assert all("state" in row for row in rows(whole).values())
    assert pages[-1].mark == mark
    assert len(rows(whole)) < 20
    monkeypatch.setattr("plugin.hosts.moodle.host.MANY", 10_000)
    with pytest.raises(MarkTooOld):
        list(case.host().read("people", since=mark))


def test_who_may_not_list_people_looks_for_them_id_by_id(case: MoodleCase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "SCAN", 25)
    monkeypatch.setattr(people, "GAP", 100)
    case.fake.user(120)
    everybody = rows(case.host().read("people"))
    case.fake.denied = {"moodle/site:viewparticipants"}
    pages = list(case.host().read("people"))
    assert rows(pages) == everybody
    assert pages[-1].whole
    assert rows(case.host().read("people", cursor=pages[1].cursor)).keys() == everybody.keys() - rows(pages[:2]).keys()
    assert rows(case.host().read("jobs")).keys() == {f"p:{one}" for one in everybody}


@pytest.mark.parametrize("offered", [True, False])
def test_whom_moodle_deleted_and_cleaned_up_hides_nobody_who_is_asked_for_with_her(
    case: MoodleCase, runtime: Any, monkeypatch: pytest.MonkeyPatch, offered: bool
) -> None:
    fake, gone = case.fake, (4, 7, 20)
    for number in gone:
        fake.delete(number)
    fake.clean_up()
    fake.functions -= set() if offered else {people.PROFILES}
    fake.calls.clear()
    ids = [str(number) for number in (*range(3, 30), 4711)]
    (page,) = case.host().read("people", ids=ids)
    assert rows([page]).keys() == {str(one) for one in fake.users if 3 <= one < 30}
    assert set(page.gone) == {str(one) for one in (*gone, 4711)}
    asked = [name for name, _asked in fake.calls if name.startswith("core_user")]
    assert asked == [people.BY_FIELD, people.PROFILES, people.BY_FIELD] or not offered
    assert {one.name: one.ok for one in checklist(runtime, case.spec)}["moodle/user:viewalldetails"]
    fake.denied = {"moodle/site:viewparticipants"}
    monkeypatch.setattr(people, "GAP", 1000)
    assert rows(case.host().read("people")).keys() == {str(one) for one in fake.users if one != 1}


def test_no_answer_holds_everybody(case: MoodleCase) -> None:
    for number in range(100, 1500):
        case.fake.user(number)
    case.fake.calls.clear()
    assert len(rows(case.host().read("people"))) == 1461
    batches = [len(asked["values"]) for name, asked in case.fake.calls if name == "core_user_get_users_by_field"]
    assert sum(batches) == 1461
    assert max(batches) <= 300


def test_one_pull_reads_people_once_for_units_and_jobs_too(case: MoodleCase) -> None:
    host = case.host()
    for kind in ("people", "units", "jobs"):
        list(host.read(kind))
    assert sum(1 for name, _ in case.fake.calls if name == "core_user_get_users_by_field") == 1


def test_cohorts_of_categories_are_audiences_too(case: MoodleCase) -> None:
    assert rows(case.host().read("audiences")).keys() == {"1", "2"}
    assert {row["person"] for row in rows(case.host().read("members")).values() if row["audience"] == "2"} == {
        str(one) for one in range(10, 20)
    }


def test_a_cohort_deleted_meanwhile_takes_no_other_along(case: MoodleCase) -> None:
    host = case.host()
    list(host.read("audiences"))
    del case.fake.cohorts[1]
    assert {row["audience"] for row in rows(host.read("members")).values()} == {"2"}


def test_members_that_may_not_be_seen_are_not_taken_for_gone(case: MoodleCase) -> None:
    case.fake.denied = {"moodle/cohort:view"}
    with pytest.raises(Locked, match="cohort:view"):
        list(case.host().read("members"))
    with pytest.raises(Locked):
        list(case.host().read("members", ids=["1:5"]))


def test_a_large_cohort_comes_in_pieces_that_can_be_gone_on_with(
    case: MoodleCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("plugin.hosts.moodle.groups.ROWS", 4)
    monkeypatch.setattr("plugin.hosts.moodle.groups.AT_ONCE", 1)
    pages = list(case.host().read("members"))
    assert [len(page.rows) for page in pages] == [4, 4, 2, 4, 4, 2]
    assert [page.whole for page in pages] == [False] * 5 + [True]
    for number, page in enumerate(pages[:-1], 1):
        again = rows(case.host().read("members", cursor=page.cursor))
        assert rows(pages[number:]).keys() <= again.keys()


def test_hidden_courses_are_read_as_hidden_or_not_at_all(case: MoodleCase) -> None:
    case.fake.course(12, visible=0)
    assert rows(case.host().read("courses"))["12"]["visible"] is False
    case.fake.denied = {"moodle/course:viewhiddencourses"}
    assert "12" not in rows(case.host().read("courses"))
    assert [page.gone for page in case.host().read("courses", ids=["12"])] == [["12"]]


def test_enrolments_are_read_course_by_course_with_their_state(case: MoodleCase) -> None:
    case.fake.enrolments = {(11, 5): Enrolment(), (11, 6): Enrolment(suspended=True), (12, 7): Enrolment()}
    found = rows(spoken(case).read("enrolments"))
    assert {name: row["state"] for name, row in found.items()} == {
        "11:5": "active",
        "11:6": "suspended",
        "12:7": "active",
    }
    assert rows(spoken(case).read("enrolments", ids=["course:12", "course:99"])).keys() == {"12:7"}
    case.fake.denied = {"moodle/course:enrolreview"}
    host = case.host()
    assert host.describe().reads_status is False
    assert {row["state"] for row in rows(host.read("enrolments")).values()} == {"active"}


def spoken(case: MoodleCase) -> MoodleHost:
    """A host whose description is known, as a stored connection's is."""
    host = case.host()
    host.describe()
    return host


def test_completions_are_asked_for_together_and_one_by_one_alike(case: MoodleCase) -> None:
    for user in (5, 6, 7):
        case.fake.enrolments[11, user] = Enrolment()
    case.fake.completed[11, 5] = 1_795_000_000
    case.fake.course(12, criteria=False)
    case.fake.enrolments[12, 5] = Enrolment()
    ids = ["8:11", "5:11", "5:12", "6:11", "nonsense", "7:11", "5:99"]
    together = list(case.host().read("completions", ids=ids))
    assert sum(1 for name, _ in case.fake.calls if name.startswith("tool_mobile")) > 0
    case.fake.functions.discard("tool_mobile_call_external_functions")
    assert list(case.host().read("completions", ids=ids)) == together
    assert rows(page for page in together if page.kind == "completions") == {
        "5:11": {"id": "5:11", "person": "5", "course": "11", "state": "done", "at": "2026-11-18T11:06:40Z"}
    }
    # Who is not enrolled, or in a course without criteria, may still have completed: nothing is said of her.
    assert [one for page in together for one in page.gone] == ["6:11", "7:11"]


def test_only_those_who_opened_the_course_are_asked_about(case: MoodleCase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plugin.hosts.moodle.courses.FEW", 3)
    for user in range(3, 40):
        case.fake.enrolments[11, user] = Enrolment()
        case.fake.completed[11, user] = 1_795_000_000
    case.fake.seen |= {(11, 5): 2000, (11, 6): 3000, (11, 7): 999}
    ids = [f"{user}:11" for user in range(3, 40)]
    pages = list(case.host().read("completions", ids=ids, since="1000"))
    assert list(rows(page for page in pages if page.kind == "completions")) == ["6:11", "5:11"]


# --- writing


@pytest.mark.parametrize(
    ("bad", "outcome", "words"),
    [
        ("unknown", "gone", "no such person"), ("deleted", "gone", "deleted"), ("course", "gone", "no such course"),
        ("manual", "refused", "manual enrolments"), ("role", "refused", "Allow role assignments"), ("capability", "refused", "capability"),
    ],
)  # fmt: skip
def test_a_refused_row_says_why_and_what_to_do(case: MoodleCase, bad: str, outcome: str, words: str) -> None:
    fake = case.fake
    person, course = "9", "11"
    if bad == "unknown":
        person = "4711"
    if bad == "deleted":
        fake.delete(9)
    if bad == "course":
        course = "77"
    if bad == "manual":
        fake.course(11, manual=False)
    if bad in ("role", "capability"):
        fake.denied = {"moodle/role:assign" if bad == "role" else "enrol/manual:enrol"}
    found = one_outcome(case, seat(person, course))
    assert found.outcome == outcome
    assert words in found.why


def test_a_course_without_manual_enrolments_fails_alone(case: MoodleCase) -> None:
    case.fake.course(12, manual=False)
    outcomes = case.write(*(seat(str(user), course) for user in range(3, 33) for course in ("11", "12")))
    assert {one.outcome for one in outcomes if one.key.startswith("11.")} == {"done"}
    assert {one.outcome for one in outcomes if one.key.startswith("12.")} == {"refused"}
    assert len(case.roster("11")) == 30


def test_bad_rows_are_found_with_few_calls(case: MoodleCase) -> None:
    case.fake.delete(20)
    outcomes = case.write(*(seat(str(user), "11") for user in range(3, 63)))
    assert [one.key for one in outcomes if one.outcome != "done"] == ["11.20"]
    assert sum(1 for name, _ in case.fake.calls if name == versions.ENROL) <= 16


@pytest.mark.parametrize(("person", "course", "what"), [("9", "77", "course"), ("4711", "11", "person")])
def test_removing_says_whether_the_person_or_the_course_is_gone(
    case: MoodleCase, person: str, course: str, what: str
) -> None:
    found = one_outcome(case, seat(person, course, "out", ours=True))
    assert (found.outcome, found.why) == ("gone", f"Moodle has no such {what} (any more).")


def test_where_nobody_can_be_looked_up_a_removal_names_neither(case: MoodleCase) -> None:
    case.fake.release = "5.1"
    case.fake.functions.discard(people.BY_FIELD)
    found = one_outcome(case, seat("4711", "11", "out", ours=True))
    assert (found.outcome, found.why) == ("gone", "Moodle has no such person, or no such course (any more).")


def test_removing_from_a_course_is_done(case: MoodleCase) -> None:
    assert one_outcome(case, seat("9", "11", "out", ours=True)).outcome == "done"


def test_all_values_are_sent_every_time(case: MoodleCase) -> None:
    case.fake.enrolments[11, 9] = Enrolment(suspended=True, start=5, end=6)
    case.write(seat("9", "11", ours=True))
    assert case.fake.enrolments[11, 9] == Enrolment()


@pytest.mark.parametrize("notices", [False, True])
def test_a_form_that_php_cuts_does_nothing_and_goes_in_halves(case: MoodleCase, notices: bool) -> None:
    case.fake.max_input_vars, case.fake.shows_notices = 100, notices
    case.spec = ConnectionSpec(**{**vars(case.spec), "settings": {"parallel": 1}})
    outcomes = case.write(*(seat(str(user), "11") for user in range(3, 63)))
    assert {one.outcome for one in outcomes} == {"done"}
    assert len(case.roster("11")) == 60


def test_a_batch_cut_in_silence_is_noticed_and_owed_again(case: MoodleCase) -> None:
    case.fake.mood = "truncated"
    case.spec = ConnectionSpec(**{**vars(case.spec), "settings": {"parallel": 1}})
    outcomes = {one.key: one.outcome for one in case.write(*(seat(str(user), "11") for user in range(3, 23)))}
    assert {key for key, word in outcomes.items() if word == "retry"} == {"11.21", "11.22"}
    assert {f"11.{user}" for user in case.roster("11")} == {key for key, word in outcomes.items() if word == "done"}


def test_what_may_not_be_looked_at_afterwards_stays_written(case: MoodleCase, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.hosts.fake_moodle import MoodleError

    def refuse(*_: Any) -> Any:
        raise MoodleError("nopermissions")

    monkeypatch.setattr(FakeMoodle, "core_user_get_course_user_profiles", refuse)
    assert one_outcome(case, seat("9", "11")).outcome == "done"


def test_two_writers_at_once_are_tried_again(case: MoodleCase) -> None:
    case.fake.clashes = 2
    assert one_outcome(case, seat("9", "11")).outcome == "done"
    case.fake.clashes = 1000
    assert one_outcome(case, seat("10", "11")).outcome == "retry"


def test_found_seats_are_never_written(case: MoodleCase) -> None:
    before = Enrolment(role=4, start=77)
    case.fake.enrolments[11, 9] = Enrolment(role=4, start=77)
    assert one_outcome(case, seat("9", "11")).outcome == "found"
    assert case.fake.enrolments[11, 9] == before
    assert not [name for name, _ in case.fake.calls if name == versions.ENROL]


def test_a_course_we_may_not_look_into_is_not_written_to(case: MoodleCase) -> None:
    case.fake.denied = {"moodle/course:viewparticipants"}
    assert one_outcome(case, seat("9", "11")).outcome == "refused"
    assert case.roster("11") == set()


def test_who_is_in_a_course_is_read_once_a_drain(case: MoodleCase) -> None:
    host = case.host()
    for start in (3, 13, 23):
        body = host.prepare("seats", [seat(str(user), "11") for user in range(start, start + 10)], "")
        host.send(f"m{start}", "seats", host.look("seats", body) or body)
    reads = [asked for name, asked in case.fake.calls if name == "core_enrol_get_enrolled_users"]
    assert len(reads) <= 2


# --- messages


def message(person: str, key: str = "k", **more: str) -> dict[str, str]:
    return {"message": key, "person": person, "subject": "A <b>", "text": "Plain", "html": "<p>Text</p>", **more}


def send(case: MoodleCase, *items: dict[str, str]) -> dict[str, Outcome]:
    host = case.host()
    body = host.prepare("messages", items, "")
    assert host.look("messages", body) is None
    return {one.key: one for one in host.send("m", "messages", body).outcomes or ()}


def test_each_message_is_a_call_of_its_own(case: MoodleCase) -> None:
    outcomes = send(
        case,
        message("5", "a", link="https://muster.test/my"),
        message("4711", "b"),
        message("x", "c"),
        message("6", "d"),
    )
    assert {key: one.outcome for key, one in outcomes.items()} == {
        "a": "done",
        "b": "refused",
        "c": "gone",
        "d": "done",
    }
    assert sorted(user for user, _ in case.fake.messages) == [5, 6]
    assert (
        '<p><strong>A &lt;b&gt;</strong></p><p>Text</p><p><a href="https://muster.test/my">'
        in dict(case.fake.messages)[5]
    )


def test_an_unclear_answer_is_maybe_sent_and_a_closed_door_is_not(case: MoodleCase) -> None:
    case.fake.mood = "unclear"
    assert send(case, message("5"))["k"].outcome == "maybe"
    for mood in ("down", "error", "html"):
        case.fake.mood = mood
        assert send(case, message("5"))["k"].outcome == "maybe"
    for mood, trouble in (("maintenance", Wait), ("off", Locked), ("busy", Wait)):
        case.fake.mood = mood
        with pytest.raises(trouble):
            send(case, message("5"))


def test_a_token_revoked_among_messages_leaves_the_rest_owed(case: MoodleCase) -> None:
    case.spec = ConnectionSpec(**{**vars(case.spec), "settings": {"parallel": 1}})

    def revoke(name: str) -> None:
        if len(case.fake.messages) == 2:
            case.fake.token = "another"

    case.fake.before = revoke
    outcomes = send(case, *(message(str(user), str(user)) for user in range(5, 10)))
    assert [one.outcome for one in outcomes.values()] == ["done", "done", "retry", "retry", "retry"]


def test_a_long_message_is_cut_to_what_moodle_takes(case: MoodleCase) -> None:
    send(case, message("5", html="<p>" + "é" * 5000 + "</p>", text="é & " * 3000))
    assert len(case.fake.messages[0][1].encode()) <= 4096
    assert "&amp" in case.fake.messages[0][1]


# --- the checklist


@pytest.fixture
def runtime(settings: Any) -> Any:
    """A checklist asks no database."""
    return Runtime(settings, None, Clock())  # type: ignore[arg-type]


def test_the_checklist_is_content_and_changes_nothing(case: MoodleCase, runtime: Any) -> None:
    case.fake.enrolments[11, 5] = Enrolment()
    checks = checklist(runtime, case.spec)
    assert [one for one in checks if one.ok is False] == []
    assert {one.name: one.ok for one in checks}["enrol/manual:enrol"] is True
    assert case.fake.enrolments.keys() == {(11, 5)}
    assert case.fake.messages == []


@pytest.mark.parametrize("name", sorted(check.NEEDED))
def test_the_checklist_names_each_missing_function(case: MoodleCase, runtime: Any, name: str) -> None:
    case.fake.functions.discard(name)
    found = {one.name: one for one in checklist(runtime, case.spec)}[name]
    assert found.ok is False
    assert "External services" in found.fix


def test_the_checklist_leads_to_the_plugin_where_it_is_not_installed(case: MoodleCase, runtime: Any) -> None:
    found = {one.name: one for one in checklist(runtime, case.spec)}[bulk.USERS]
    assert found.ok is None
    assert "Connect with the plugin" in found.fix
    assert "External services" not in found.fix  # where a function that is not there cannot be added


@pytest.mark.parametrize(
    ("denied", "name", "ok"),
    [
        ("moodle/site:viewparticipants", "moodle/site:viewparticipants", None),
        ("moodle/user:viewalldetails", "moodle/user:viewalldetails", False),
        ("moodle/course:enrolreview", "moodle/course:enrolreview", None), ("moodle/cohort:view", "moodle/cohort:view", False),
        ("moodle/role:assign", "enrol/manual:enrol", False), ("enrol/manual:enrol", "enrol/manual:enrol", False),
        ("report/completion:view", "report/completion:view", False), ("moodle/site:sendmessage", "moodle/site:sendmessage", False),
    ],
)  # fmt: skip
def test_the_checklist_names_each_missing_right(
    case: MoodleCase, runtime: Any, denied: str, name: str, ok: bool | None
) -> None:
    case.fake.enrolments[11, 5] = Enrolment()
    case.fake.denied = {denied}
    found = {one.name: one for one in checklist(runtime, case.spec)}[name]
    assert found.ok is ok
    assert found.fix


@pytest.mark.parametrize("mood", ["maintenance", "off", "html", "garbage", "down", "busy"])
def test_the_checklist_of_an_unreachable_site_is_one_sentence_and_its_fix(
    case: MoodleCase, runtime: Any, mood: str
) -> None:
    case.fake.mood = mood
    (only,) = checklist(runtime, case.spec)
    assert only.ok is False
    assert only.sentence
    assert only.fix


def test_mapping_documents_survive_and_caps_too() -> None:
    from plugin.hosts.moodle.mapping import MoodleMapping

    assert MoodleMapping.from_dict(MoodleMapping.from_dict(MAPPING).to_dict()) == MoodleMapping.from_dict(MAPPING)
    assert Caps.from_json({"keyed_messages": False}).keyed_messages is False
