"""Files of imported records: read whatever is in them, and a verdict for each line (rules 7.6)."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugin.certifications.file.record_file import RecordFile, read_records, read_when
from plugin.certifications.rules.cycle import (
    CERTIFIED,
    COMPLETE,
    EXPIRED,
    WINDOW_OPEN,
    CycleFacts,
    CycleState,
    advance,
    begin,
)
from plugin.certifications.rules.period import parse_period_settings
from plugin.certifications.rules.record_states import (
    JudgedLine,
    KnownState,
    LearnerRecord,
    NamedPerson,
    Rules,
    brought_along,
    judge,
)
from plugin.certifications.rules.written_content import parse_content
from plugin.core.errors import Invalid
from plugin.core.text.table_files import decode

ZONE = "Europe/London"
CONTENT = parse_content(
    {
        "certification": [{"name": "Core", "courses": ["c1"], "needs": "all"}],
        "recertification": [{"name": "Again", "courses": ["c2"], "needs": "all"}],
    }
)
YEARLY = parse_period_settings({"active": "1 year", "window": "1 month", "expiry_from": "completion"})


def at(text: str) -> int:
    """A wall clock time of the host."""
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(ZONE)).timestamp())


NOW = at("2026-11-18T11:00")
RULES = Rules(YEARLY, CONTENT, ZONE, NOW)
ANN, BOB, OTHER = NamedPerson(1, "u1", "Ann"), NamedPerson(2, "u2", "Bob"), NamedPerson(3, "u3", "Bob")
PEOPLE = {"ann": [ANN], "u1": [ANN], "bob": [BOB, OTHER], "u2": [BOB], "u3": [OTHER]}


def read(text: str, order: str = "") -> RecordFile:
    return read_records(text, ZONE, order)


def judged(text: str, known: dict[int, KnownState] | None = None, rules: Rules = RULES) -> list[JudgedLine]:
    return judge(read(text).lines, PEOPLE, known or {}, rules)


def verdicts(text: str) -> list[str]:
    return [one.verdict for one in judged(text)]


@pytest.mark.parametrize(
    "text",
    [
        "person,since,until\nann,2026-01-31,2027-01-31\n",
        "\ufeffperson,since,until\r\nann,2026-01-31,2027-01-31\r\n",
        "person;since;until\nann;31.01.2026;31.01.2027",
        "sep=;\nperson;since;until\nann;31.01.2026;31.01.2027",
        "User name\tCertified since\tValid until\r\rann\t2026-01-31\t2027-01-31\r",
        '"until","since","Person"\n"2027-01-31","31/01/2026"," ann "\n\n ,, \n',
        "name,e-mail,id,since,until\nAnn,x@example.org,ann,2026-01-31,2027-01-31",
        'person,since,until\n="ann",\'2026-01-31,2027-01-31',
    ],
)
def test_one_file_in_all_its_forms(text: str) -> None:
    (line,) = read(text).lines
    assert line.problem == ""
    assert line.person == "ann"
    assert line.since is not None
    assert line.until is not None
    assert (line.since.instant, line.until.instant) == (at("2026-01-31T23:59"), at("2027-01-31T23:59"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("\n \r\n,,\n", "empty"),
        ("person,since,until\n", "no line under it"),
        ("ann,2026-01-31,2027-01-31\n", "The first line must name the columns"),
        ("person,until\nann,2027-01-31\n", "The first line must name the columns"),
        ("person,since,certified on\nann,2026-01-01,2026-01-01\n", "say the same thing"),
        ("person,since\n" + "ann,2026-01-01\n" * 50_001, "50,000"),
    ],
)
def test_a_file_that_is_none_is_refused_whole_with_a_sentence(text: str, says: str) -> None:
    with pytest.raises(Invalid, match=says):
        read(text)


def test_bytes_of_every_kind() -> None:
    assert decode("\ufeffpérson".encode()) == "pérson"
    assert decode("pérson".encode("utf-16")) == "pérson"
    assert decode(b"Ren\xe9e\xff\x81") == "Renéeÿ\ufffd"
    with pytest.raises(Invalid, match="not a CSV file"):
        decode(b"PK\x03\x04 a workbook")
    with pytest.raises(Invalid, match="not a CSV file"):
        decode(b"person\x00\x01")


@pytest.mark.parametrize(
    ("text", "order", "instant"),
    [
        ("2026-03-29T01:30", "", at("2026-03-29T01:30")),
        ("2026-03-31T17:00:00Z", "", at("2026-03-31T18:00")),
        ("2026-03-31 17:00+02:00", "", at("2026-03-31T16:00")),
        ("3/4/2026", "dmy", at("2026-04-03T23:59")),
        ("3/4/2026", "mdy", at("2026-03-04T23:59")),
        ("4.3.2026", "", at("2026-03-04T23:59")),
        ("2026/03/04", "mdy", at("2026-03-04T23:59")),
        ("29/02/2024", "", at("2024-02-29T23:59")),
        ("02/29/2024", "", at("2024-02-29T23:59")),
        ("20260331", "", at("2026-03-31T23:59")),
    ],
)
def test_dates(text: str, order: str, instant: int) -> None:
    assert read_when(text, ZONE, order).instant == instant


@pytest.mark.parametrize(
    "text",
    ["3/4/2026", "31/02/2026", "2026-13-01", "1/1/26", "46112", "soon", "-1", "0001-01-01", "1899-12-31", "=TODAY()",
     "2026-01-01T25:00", "13/13/2026", "٣/٤/٢٠٢٦", "9999999999999999999"],
)  # fmt: skip
def test_what_is_no_date_says_so(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w+ .*\."):
        read_when(text, ZONE)


def test_a_verdict_for_each_line() -> None:
    text = (
        "person,since,until\n"
        "ann,2026-06-01,2027-06-01\n"  # found
        "u1,2026-06-01,2027-06-01\n"  # repeated, by another of her names
        "nobody,2026-06-01,\n"
        "bob,2026-06-01,\n"  # two of them
        "u2,2027-06-01,\n"  # in the future
        "u3,2024-06-01,2025-06-01\n"  # over
        ",2026-06-01,\n"
        "ann,,\n"
        "ann,soon,\n"
    )
    assert verdicts(text) == [
        "found", "repeated", "missing", "ambiguous", "contradictory", "expires", "unreadable", "unreadable", "unreadable",
    ]  # fmt: skip
    assert [one.line.number for one in judged(text)] == list(range(2, 11))


def test_lines_about_one_person_that_differ_contradict_each_other() -> None:
    assert verdicts("person,since\nann,2026-06-01\nu2,2026-06-01\nu1,2026-06-02\n") == [
        "contradictory", "found", "contradictory",
    ]  # fmt: skip


def test_an_end_before_the_beginning_contradicts_and_one_day_is_a_day() -> None:
    assert verdicts("person,since,until\nann,2026-06-02,2026-06-01\n") == ["contradictory"]
    (one,) = judged("person,since,until\nann,2026-06-02,2026-06-02\n")
    assert (one.verdict, one.record) == (
        "expires",
        LearnerRecord(at("2026-06-02T23:58"), at("2026-06-02T23:59"), day=True),
    )


def test_today_counts_and_tomorrow_does_not() -> None:
    assert verdicts("person,since\nann,2026-11-18\nu2,2026-11-19\n") == ["found", "contradictory"]
    assert judged("person,since\nann,2026-11-18\n")[0].record == LearnerRecord(NOW, None, day=True)


def test_a_program_is_complete_and_never_expires() -> None:
    program = Rules(None, CONTENT, ZONE, NOW)
    first, second = judged("person,since,until\nann,2026-06-01,\nu2,2026-06-01,2027-06-01\n", rules=program)
    assert first.state == CycleState(COMPLETE, certified_at=at("2026-06-01T23:59"), cycle=1)
    assert second.verdict == "contradictory"


def test_what_is_known_already_changes_nothing() -> None:
    state = brought_along(CycleState(), LearnerRecord(at("2026-06-01T23:59"), None, day=True), {}, RULES)
    assert [one.verdict for one in judged("person,since\nann,2026-06-01\n", {1: KnownState(state)})] == ["known"]
    (corrected,) = judged("person,since,until\nann,2026-06-01,2026-12-31\n", {1: KnownState(state)})
    assert (corrected.verdict, corrected.state and corrected.state.expires) == ("found", at("2026-12-31T23:59"))


def test_the_state_goes_by_the_arithmetic_of_the_cycle() -> None:
    def state(since: str, until: str | None = None, done: dict[str, int] | None = None) -> CycleState:
        return brought_along(CycleState(), LearnerRecord(at(since), at(until) if until else None), done or {}, RULES)

    assert state("2026-06-01").state == CERTIFIED
    assert state("2025-12-01").state == WINDOW_OPEN
    assert state("2025-11-01").state == EXPIRED
    again = state("2025-12-01", done={"c2": at("2026-11-10")})
    assert (again.state, again.cycle, again.certified_at) == (CERTIFIED, 2, at("2026-11-10"))
    assert state("2025-12-01", done={"c2": at("2026-10-10")}).state == WINDOW_OPEN  # before the window opened


INSTANTS = st.integers(at("2023-01-01"), NOW)


@settings(max_examples=120, deadline=None)
@given(
    since=INSTANTS,
    lasts=st.none() | st.integers(1, 900),
    done=st.dictionaries(st.sampled_from(["c1", "c2"]), st.lists(INSTANTS, min_size=1, max_size=3)),
)
def test_before_or_after_assigning_comes_to_the_same(since: int, lasts: int | None, done: dict[str, list[int]]) -> None:
    """Wherever she was certified at most once before the record was imported."""
    record = LearnerRecord(since, None if lasts is None else since + lasts * 86400)
    first = brought_along(begin(None), record, done, RULES)
    assigned = advance(begin(None), CycleFacts(completions=done), YEARLY, CONTENT, NOW, ZONE)
    afterwards = brought_along(assigned, record, done, RULES)
    if assigned.cycle <= 1 and (assigned.certified_at or since) >= since:
        assert afterwards == first
    assert brought_along(afterwards, record, done, RULES) == afterwards


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200) | st.text(alphabet='person,since;"\n\r\t=2026-01.', max_size=200))
def test_no_text_at_all_breaks_the_reader(text: str) -> None:
    for head in ("", "person,since,until\n"):
        try:
            judge(read(head + text).lines, PEOPLE, {}, RULES)
        except Invalid:
            continue


def test_fifty_thousand_lines_are_read() -> None:
    lines = read("person,since\n" + "".join(f"u{n},2026-06-01\n" for n in range(50_000))).lines
    assert len(lines) == 50_000
