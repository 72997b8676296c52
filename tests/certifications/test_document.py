"""A file is read to the letter or refused, every fault of it named, and what costs too much is refused before it costs."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace

import pytest

from plugin.certifications.definition import AssignmentDef, Definition
from plugin.certifications.file.certification_file import read_file
from plugin.certifications.file.document import DEEPEST, MOST_NODES, read_document
from plugin.certifications.meaning import meaning
from plugin.core.errors import Invalid
from tests.in_turn import in_turn

FILE = """
version: 1
certifications:
  - code: X
    name: X
    assignments:
{rows}
"""


def targets(*written: str) -> list[str]:
    rows = "\n".join(f"      - {{individual: {one}}}" for one in written)
    found = read_file(FILE.format(rows=rows))
    return [row["individual"] for row in found[0].given["assignments"]]


def test_ids_without_quotation_marks_stay_what_is_written() -> None:
    written = [
        "0123", "010", "12:30", "0x1F", "1_000", "0b11", "0o17", "1.0", "1.10", "1e3", "+1", "-0", "1_0.5", ".5", "190:20:30",
        "12345678901234567890123", "7", "-7", "0", "2026-3-1", "1:2", "٣", "U-1", "..", "a/b",
    ]  # fmt: skip
    assert targets(*written) == written
    assert targets('" b"', "'0123'") == [" b", "0123"]


@pytest.mark.parametrize(
    "written", ["yes", "no", "on", "off", "true", "null", "~", "2026-01-01", "[a]", "{a: b}", '""', '" "']
)
def test_what_is_no_id_is_refused_and_not_made_one(written: str) -> None:
    with pytest.raises(Invalid, match="Line 7"):
        targets(written)


def test_a_file_with_several_faults_names_them_all() -> None:
    text = """
version: 1
colour: blue
certifications:
  - code: X
    name: X
    state: alive
    content: {certification: [{name: A, courses: []}, {name: B, courses: [c1], needs: 5}]}
    assignments:
      - {individual: yes}
      - {individual: a, include: below}
      - {organisation: a, due: {fixed: soon}}
"""
    with pytest.raises(Invalid) as refusal:
        read_file(text)
    said = refusal.value.sentence.split("\n")
    assert [one.split(",")[0] for one in said] == [
        "Line 3",
        "Line 7",
        "Line 8",
        "Line 8",
        "Line 10",
        "Line 11",
        "Line 12",
    ]


def test_json_is_read_as_json() -> None:
    document = read_document(json.dumps({"version": 1, "name": "😀 \\ 😀", "list": [1, "0123"]}, indent="\t"))
    assert document["name"] == "😀 \\ 😀"
    assert document["list"] == [1, "0123"]
    with pytest.raises(Invalid, match="cannot be kept"):
        read_document('{"version": 1, "name": "\\ud83d"}')


def test_a_mapping_with_a_name_is_repeated_and_changed() -> None:
    """``<<`` puts a named mapping's keys here, each with the line it stands in; keys given here hold."""
    document = read_document("a: &a {x: 1, y: 2}\nb: &b {y: 3, z: 4}\nc:\n  <<: [*a, *b]\n  x: 5\nd: {<<: *a}\n")
    assert dict(document["c"]) == {"x": 5, "y": 2, "z": 4}
    assert document["c"].lines == {"x": 5, "y": 1, "z": 2}
    assert dict(document["d"]) == {"x": 1, "y": 2}
    assert dict(document["a"]) == {"x": 1, "y": 2}
    for wrong in ("a: &a 1\nb: {<<: *a}\n", "b: {<<: 1}\n", "b:\n  <<: [1]\n"):
        with pytest.raises(Invalid, match="'<<' repeats a mapping that has a name"):
            read_document(wrong)
    with pytest.raises(Invalid, match="stands inside what it repeats"):
        read_document("a: &a {<<: *a}\n")
    with pytest.raises(Invalid, match="Line 4: '<<' is given twice"):
        read_document("a: &a {x: 1}\nb:\n  <<: *a\n  <<: *a\n")


def test_a_repeated_mapping_is_no_way_around_the_file_s_shape() -> None:
    rows = "assignments: [&row {individual: U-1, colour: red}, {<<: *row, individual: U-2}]"
    with pytest.raises(Invalid) as refused:
        read_file(f"version: 1\ncertifications:\n  - code: A\n    name: A\n    {rows}\n")
    assert [one.partition(": ")[0] for one in refused.value.sentence.split("\n")] == [
        f"Line 5, certifications.0.assignments.{number}.colour" for number in (0, 1)
    ]


BILLION = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 30)
)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (BILLION, "values"),
        ("x: &a [*a]", "alias"),
        ("x: *nobody", "alias"),
        ("x: " + "[" * 5000 + "]" * 5000, f"nested more than {DEEPEST}"),
        ('{"x": ' * 5000 + "1" + "}" * 5000, f"nested more than {DEEPEST}"),
        ("x: [" + "1," * 2_400_000 + "1]", "values"),
        ("- x\n" * 1_200_000, "values"),
        ("x: " + "y" * 6_000_000, "too large"),
        ("? " * 3000, "nested"),
        ("x: &a " + "[1," * 30 + "]" * 30 + "\n" + "y: *a\n", ""),
    ],
    ids=range(10),
)
def test_what_would_cost_too_much_is_refused_at_once(text: str, says: str) -> None:
    began = time.process_time()
    if says:
        with pytest.raises(Invalid, match=says):
            read_document(text)
    else:
        read_document(text)
    assert time.process_time() - began < 5


def test_as_many_values_as_people_keep_are_read() -> None:
    rows = "".join(f"- {{individual: U-{n}, due: none}}\n" for n in range(MOST_NODES // 6))
    assert len(read_document("list:\n" + rows)["list"]) == MOST_NODES // 6


@in_turn(
    ("written", "said"),
    [
        ("!!int x", "'x' is no int."),
        ('!!int ""', "'' is no int."),
        ("!!int 010", "'010' is no int."),
        ("!!float 1.5", "'1.5' is no float."),
        ("!!bool maybe", "'maybe' is no bool."),
        ("!!null x", "'x' is no null."),
        ("!!timestamp x", "'x' is no timestamp."),
        ("!!timestamp 2026-01-01T10:00:00Z", "'2026-01-01T10:00:00Z' is no timestamp."),
        ("!!int [1]", "This is no int."),
        ("!!map [a]", "this is no mapping."),
    ],
)
def test_a_tag_makes_nothing_that_would_not_be_there_without_it(written: str, said: str) -> None:
    with pytest.raises(Invalid, match="^" + re.escape(f"Line 3: {said}") + "$"):
        read_document(f"a: !!int 5\nb: !!str 010\nc: {written}\n")


def test_each_key_that_is_wrong_is_named_with_its_own_line() -> None:
    """Also inside content, period and due dates, which the rules read as a whole (AS-CODE)."""
    text = """version: 1
certifications:
  - code: X
    name: X
    areas: 1
    exceptions: {already_assigned: 0}
    content:
      certification:
        - name: A
          courses: [c1]
          colour: red
          shape: round
        - name: B
          courses: [c1]
          next: after
          minimum: 2 months
      recertified: []
    assignments:
      - individual: a
        due:
          fixed: 2031-03-31
          colour: red
      - group: G
        self_enrol: 1
    notifications:
      - when: due
        on: 'yes'
        before: 1 month
"""
    with pytest.raises(Invalid) as refused:
        read_file(text)
    assert [one.partition(": ")[0] for one in refused.value.sentence.split("\n")] == [
        "Line 5, certifications.0.areas",
        "Line 6, certifications.0.exceptions.already_assigned",
        "Line 11, certifications.0.content.certification.0.colour",
        "Line 12, certifications.0.content.certification.0.shape",
        "Line 15, certifications.0.content.certification.1.next",
        "Line 16, certifications.0.content.certification.1.minimum",
        "Line 17, certifications.0.content.recertified",
        "Line 22, certifications.0.assignments.0.due.colour",
        "Line 24, certifications.0.assignments.1.self_enrol",
        "Line 27, certifications.0.notifications.0.on",
        "Line 28, certifications.0.notifications.0.before",
    ]


def test_what_means_the_same_is_no_difference_however_it_is_written() -> None:
    row = AssignmentDef("audience", "A", exclusions=(("individual", "U-1", ""), ("organisation", "O", "below")))
    group = AssignmentDef("group", "G", group={"description": "", "self_enrol": False, "withdraw": False})
    one = Definition(
        "X", "X", content={}, available={"from": None, "until": None}, assignments=(row, group),
        notifications=({"when": "due", "to": ["learner", "admins"]}, {"when": "assigned", "to": [], "subject": ""}),
    )  # fmt: skip
    same = replace(
        one, content={"certification": [], "recertification": []}, available={},
        leaving={"seat": "suspend", "grace": "0 days", "at_end": "stay", "on_return": "realistic"},
        assignments=(replace(group, group={}), replace(row, exclusions=row.exclusions[::-1])),
        notifications=({"when": "assigned", "on": True}, {"when": "due", "to": ["admins", "learner"], "texts": {}}),
    )  # fmt: skip
    assert meaning(same) == meaning(one)
    for other in (
        replace(one, notifications=({"when": "due", "to": ["learner"]}, {"when": "assigned"})),
        replace(one, notifications=None),
        replace(one, assignments=(replace(row, exclusions=row.exclusions[:1]), group)),
        replace(one, leaving={"seat": "suspend", "at_end": "leave"}),
        replace(one, available={"until": "2030-01-01"}),
    ):
        assert meaning(other) != meaning(one)
