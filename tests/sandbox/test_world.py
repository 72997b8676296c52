"""Every form of the World page does what its button says."""

from __future__ import annotations

import re

import pytest
import requests

from tests.live import Sandbox


def test_every_form_of_the_page_names_something_that_can_be_done(sandbox: Sandbox) -> None:
    page = requests.get(f"{sandbox.base}/world?person=U-5", timeout=5).text
    for act in set(re.findall(r'data-act="([^"]+)"', page)):
        answer = requests.post(f"{sandbox.base}/world/{act}", json={"hint": False}, timeout=5)
        assert "nothing that can be done" not in answer.text
    ids = re.findall(r'\sid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'<label for="([^"]+)"', page)) <= set(ids)


@pytest.mark.parametrize(("field", "value"), [("position", "P-3"), ("manager_job", "J-2"), ("manager_job", "")])
def test_a_job_changes_in_one_field_alone(sandbox: Sandbox, field: str, value: str) -> None:
    before = sandbox.get("person/U-50")["jobs"][0]
    sandbox.act("move", person="U-50", job=before["id"], **{field: value})
    after = sandbox.get("person/U-50")["jobs"][0]
    since = {"position_since": after["position_since"]} if field == "position" else {}
    assert after == {**before, field: value or None, **since}
    assert (after["position_since"] > before["position_since"]) == (field == "position")


def test_somebody_joins_and_leaves_an_audience(sandbox: Sandbox) -> None:
    sandbox.act("audience-member", audience="A-1", person="U-5")
    assert len(sandbox.api("members", ids="A-1:U-5").json()["items"]) == 1
    sandbox.act("audience-member", audience="A-1", person="U-5", member="false")
    assert sandbox.api("members", ids="A-1:U-5").json()["items"] == []


def test_a_unit_is_renamed_and_moved(sandbox: Sandbox) -> None:
    sandbox.act("unit", unit="ORG-5", name="Night Works")
    sandbox.act("unit", unit="ORG-5", parent="ORG-3")
    found = sandbox.api("units", ids="ORG-5").json()["items"][0]
    assert (found["name"], found["parent"]) == ("Night Works", "ORG-3")


def test_a_deleted_person_takes_her_jobs_and_enrolments_along(sandbox: Sandbox) -> None:
    sandbox.act("enrol-by-hand", person="U-5", course="c1")
    sandbox.act("delete", person="U-5")
    assert sandbox.roster("c1") == set()
    assert sandbox.api("jobs", ids="J-5").json()["items"] == []
