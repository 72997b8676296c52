"""The file alone: each key of it, and each kind of dirt, named with key and line."""

from __future__ import annotations

import json

import pytest

from plugin.certifications.file.certification_file import read_file
from plugin.core.errors import Invalid

WHOLE = """
version: 1
certifications:
  - code: FS2
    name: Food Safety Level 2
    kind: certification
    state: live
    available: {from: 2026-01-01, until: null}
    content:
      certification:
        - {name: Core, courses: [c1, c2], needs: all, minimum: 14 days, next: then}
        - {name: Choice, courses: [c3, c4, c5], needs: 2}
      recertification: same
    period: {active: 1 year, window: 1 month, minimum_active: 6 months, expiry_from: completion}
    enrol: at_once
    leaving: {seat: suspend, grace: 0 days}
    exceptions: {time_allowance: hold, unknown_date: wait, duplicate_course: hold, already_assigned: off}
    assignments:
      - {organisation: ORG-12, include: below, due: {fixed: 2027-03-31}}
      - {position: P-3, due: {after: first_login, add: 30 days}}
      - {audience: A-9, due: {after: course_completion, course: c1, add: 2 weeks}}
      - {manager: JOB-77, include: direct}
      - {individual: U-5, due: {fixed: "2027-03-31T17:00", zone: Europe/Rome}}
      - {group: Volunteers, description: First aiders, self_enrol: true, withdraw: true, members: [U-6], due: none}
    notifications:
      - {when: due, before: 7 days, to: [learner, managers], subject: Soon, body: Please, texts: {de: {subject: Bald}}, on: false}
"""


def test_every_key_of_the_document_is_read() -> None:
    (one,) = read_file(WHOLE)
    assert one.code == "FS2"
    assert set(one.given) == {
        "code", "name", "kind", "state", "available", "content", "period", "enrol", "leaving", "exceptions",
        "assignments", "notifications",
    }  # fmt: skip
    assert one.given["available"] == {"from": "2026-01-01", "until": None}
    assert [next(iter(row)) for row in one.given["assignments"]] == [
        "organisation", "position", "audience", "manager", "individual", "group",
    ]  # fmt: skip
    assert one.given["assignments"][5]["members"] == ["U-6"]
    assert one.given["notifications"][0]["before"] == "7 days"
    assert one.given["notifications"][0]["on"] is False
    assert one.given["notifications"][0]["texts"] == {"de": {"subject": "Bald"}}


def test_json_is_read_like_yaml_and_numbers_are_ids() -> None:
    text = json.dumps({"version": 1, "certifications": [{"code": 7, "assignments": [{"individual": 12}]}]})
    (one,) = read_file(text)
    assert (one.code, one.given["assignments"][0]["individual"]) == ("7", "12")


def test_what_a_certification_leaves_out_is_absent() -> None:
    (one,) = read_file("version: 1\ncertifications:\n  - {code: A}\n")
    assert dict(one.given) == {"code": "A"}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("colour: red", "certifications.0.colour"),
        ("content: {other: []}", "'other' is not a part of content"),
        ("content: {certification: [{name: A, courses: []}]}", "needs a list of 1 to 500 courses"),
        ("content: {certification: [{name: A, courses: [c1], colour: 1}]}", "'colour' is not known"),
        ("period: []", "certifications.0.period"),
        ("leaving: {seat: x}", "leaving.seat"),
        ("leaving: {grace: -1 days}", "leaving.grace"),
        ("exceptions: {time_allowance: wait}", "exceptions.time_allowance"),
        ("exceptions: {late: hold}", "exceptions.late"),
        ("assignments: {}", "certifications.0.assignments"),
        ("assignments: [{}]", "names exactly one of"),
        ("assignments: [{organisation: O, position: P}]", "names exactly one of"),
        ("assignments: [{organisation: O, include: direct}]", "Only a manager has a direct team"),
        ("assignments: [{individual: U, include: below}]", "'include' does not go with individual"),
        ("assignments: [{individual: U, members: [V]}]", "'members' goes with a group only"),
        ("assignments: [{individual: U}, {individual: U}]", "stands in the list twice"),
        ("assignments: [{individual: U, due: {fixed: 2026-02-30}}]", "there is no day '2026-02-30'"),
        ("assignments: [{individual: U, due: {fixed: soon}}]", "is not a date"),
        ("assignments: [{individual: U, due: {after: lunch, add: 1 days}}]", "is not an event"),
        ("assignments: [{individual: U, due: {after: enrolment, add: 1000 days}}]", "from 0 to 999"),
        ("assignments: [{individual: U, due: {fixed: 2027-03-31, zone: Mars/X}}]", "is not a time zone"),
        ("notifications: [{when: never}]", "notifications.0.when"),
        ('notifications: [{when: due, body: "Dear {first_name}"}]', "'{first_name}' is no placeholder"),
        ("notifications: [{when: assigned, before: 7 days}]", "can go before their moment"),
        ("notifications: [{when: due, texts: {german: {subject: A}}}]", "'german' is no language such as de"),
        ('notifications: [{when: due, texts: {de: {body: "{vorname}"}}}]', "'{vorname}' is no placeholder"),
        ("notifications: [{when: due, texts: {de: {title: A}}}]", "texts.de"),
        ("available: {from: 2027-01-01, until: 2026-01-01}", "end before it begins"),
        ("available: {until: 9999-12-31}", "no day from 1970 to 9998"),
        ("available: {from: 0001-01-01}", "no day from 1970 to 9998"),
        ("available: {until: tomorrow}", "is no day such as"),
        ("exceptions: {already_assigned: realistic}", "exceptions.already_assigned"),
        ("exceptions: {already_assigned: []}", "exceptions.already_assigned"),
        ("leaving: {at_end: perhaps}", "leaving.at_end"),
        ("kind: course", "certifications.0.kind"),
        ("name: null", "certifications.0.name"),
        ("name: !!python/object:os.system x", "neither YAML nor JSON"),
        ('name: "a\\0b"', "a character that cannot be kept"),
        ('name: "\\ud800"', "a character that cannot be kept"),
        ("1: 2", "'1' cannot be a key"),
        ("code: B", "'code' is given twice"),
    ],
)
def test_each_kind_of_dirt_is_refused_with_its_line(line: str, said: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_file(f"version: 1\ncertifications:\n  - code: A\n    {line}\n")
    assert refused.value.sentence.startswith("Line 4"), refused.value.sentence
    assert said in refused.value.sentence


@pytest.mark.parametrize("text", ["", "[]", "1", "\t", "[" * 3000, "--- 1\n--- 2", "version: 1", "version: true\n"])
def test_what_is_no_such_file_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(Invalid):
        read_file(text)
