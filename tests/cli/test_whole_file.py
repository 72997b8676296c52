"""A file with all six types and a program: the equations of rules 5.3, and a round trip through export."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.live import Sandbox

FILE = """
version: 1
certifications:
  - code: SIX
    name: "Ünï: six 'ways'"
    kind: certification
    state: live
    available: {{from: 2026-01-01, until: null}}
    content:
      certification:
        - {{name: Core, courses: [c1, c2], needs: all, minimum: 14 days, next: then}}
        - {{name: Choice, courses: [c3, c4, c5], needs: 2}}
      recertification: [{{name: Again, courses: [c6]}}]
    period: {{active: 1 year, window: 1 month, minimum_active: 6 months, expiry_from: fixed}}
    leaving: {{seat: remove, grace: 3 days}}
    exceptions: {{time_allowance: assign, unknown_date: wait, already_assigned: off}}
    assignments:
      - {{organisation: ORG-1, include: below, due: {{fixed: 2037-03-31}}}}
      - {{position: {position}, due: {{after: first_login, add: 30 days}}}}
      - {{audience: {audience}, due: {{after: course_completion, course: c1, add: 2 weeks}}}}
      - {{manager: {manager}, include: direct}}
      - {{individual: {one}, due: {{fixed: "2037-03-31T17:00", zone: Europe/Rome}}}}
      - {{group: Volunteers, description: First aiders, self_enrol: true, withdraw: true, members: [{two}]}}
    notifications: [{{when: due, before: 7 days, to: [learner, admins], subject: Soon, body: Please}}]
  - code: PROG
    name: A program
    kind: program
    state: live
    content: {{certification: [{{name: One, courses: [c7]}}]}}
    assignments:
      - {{individual: {one}, due: {{after: certification_completion, certification: SIX, add: 1 months}}}}
  - {{code: "007", name: Nothing yet}}
"""
NO_DIFFERENCE = ["007: no difference.", "PROG: no difference.", "SIX: no difference."]


def whole_file(sandbox: Sandbox) -> str:
    jobs = sandbox.api("jobs").json()["items"]
    people = sorted(one["id"] for one in sandbox.get("people?unit=ORG-1&below=1") if one["state"] == "active")
    return FILE.format(
        position=min(one["position"] for one in jobs if one.get("position")),
        manager=min(one["manager_job"] for one in jobs if one.get("manager_job")),
        audience=sandbox.api("audiences").json()["items"][0]["id"],
        one=people[0],
        two=people[1],
    )


def test_six_types_keep_the_equations_and_come_back_from_export(muster: Any, sandbox: Sandbox, tmp_path: Path) -> None:
    path, exported = tmp_path / "six.yaml", tmp_path / "exported.yaml"
    path.write_text(whole_file(sandbox), encoding="utf-8")
    status, out, _err = muster("plan", str(path), "--json")
    assert status == 0
    for one in json.loads(out)["certifications"]:
        assert set(one) == {"code", "version", "adding", "removing", "redated", "earlier", "messages", "assignments"}
        adding, removing = dict(one["adding"]), dict(one["removing"])
        assert adding.pop("x") == sum(adding.values())
        assert any(adding.values()) is (one["code"] != "007")
        assert removing.pop("x") == sum(removing.values()) == 0
    planned = json.loads(out)["certifications"][0]["adding"]["newly"]
    assert muster("apply", str(path), "--yes")[0] == 0
    assert muster("work", "--once")[0] == 0
    rows = json.loads(muster("show", "SIX", "--json")[1])
    assert sum(row["active"] for row in rows) == planned
    assert muster("plan", str(path))[1].splitlines() == NO_DIFFERENCE[::-1]
    exported.write_text(muster("export")[1], encoding="utf-8")
    assert sorted(muster("plan", str(exported))[1].splitlines()) == NO_DIFFERENCE
    assert muster("doctor", "--deep")[0] == 0
