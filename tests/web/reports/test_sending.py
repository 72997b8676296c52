"""Pages of what is sent: made from a report, listed with what became of it, fetched under *Sent to me*."""

from __future__ import annotations

import re

import pytest

from plugin.access.present_rights import reader_of
from plugin.reports.sending.due_reports import send_reports
from tests.web.conftest import Visit
from tests.world import HOST, World, row

FORM = {"name": "Late people", "every": "weekly", "weekday": "monday", "at": "06:00", "how": "page", "form": "csv"}
MONDAY = 1_795_392_000 + 7 * 3600


@pytest.fixture
def reported(world: World) -> World:
    """Two learners, one overdue; bea leads cid."""
    world.job("j-cid", "cid", "north", boss="j-bea")
    world.save("fs", row("individual", "ann", due={"fixed": "2026-11-01"}), row("individual", "cid"), state="live",
               settle=True, exceptions={"time_allowance": "assign"})  # fmt: skip
    return world


def work(world: World) -> None:
    world.at(MONDAY)
    send_reports(world.runtime, HOST, reader_of)


def test_a_report_is_sent_every_monday_and_fetched(reported: World, visit: Visit) -> None:
    sam = visit()
    text = sam.page("/reports/learners?overdue=true&columns=person,due")
    assert "/reports/send/learners?" in text
    address = "/reports/send/learners?overdue=true&columns=person,due"
    assert "Give me the right to read reports" in sam.page(address)
    refused = sam.post(address, FORM)
    assert (refused.status_code, "Add a grant for yourself" in refused.text) == (409, True)
    assert sam.post(address, {**FORM, "grant": "yes"}).status_code == 303
    text = sam.page("/reports/sent")
    assert ("Late people" in text, "Every week: Monday, 06:00" in text) == (True, True)
    assert "Give me the right" not in sam.page(address)
    work(reported)
    text = sam.page("/my/reports")
    [path] = re.findall(r'href="/t/handle(/my/reports/\d+/file)"', text)
    answer = sam.get(path)
    assert answer.data.decode("utf-8-sig").split() == ["person,due", "ann,2026-11-01T23:59:00Z"]
    answer.close()
    assert "Lies under Sent to me" in sam.page("/reports/sent")
    assert "export_fetched" in sam.page("/reports/history?what=export_fetched")
    other = visit("kim")
    assert "Nothing lies here" in other.page("/my/reports")
    other.page(path, 404)
    assert "Late people" in other.page("/reports/sent")  # an administrator of the site sees what leaves it
    assert sam.post("/reports/sent/1/pause").status_code == 303
    assert "Paused" in sam.page("/reports/sent")
    sam.post("/reports/sent/1/remove")
    assert "Nothing is sent by itself" in sam.page("/reports/sent")


def test_mail_needs_a_domain_that_the_site_allows(reported: World, visit: Visit) -> None:
    sam = visit()
    address, form = "/reports/send/learners", {**FORM, "how": "email", "to": "hr@example.org", "grant": "yes"}
    assert "no domain is allowed" in sam.post(address, form).text
    assert "is no domain such as" in sam.post("/reports/leaving", {"domains": "not a domain!"}).text
    sam.post("/reports/leaving", {"domains": "example.org, test.org"})
    assert 'value="example.org, test.org"' in sam.page("/reports/sent")
    refused = sam.post(address, {**form, "to": "hr@else.test"})
    assert (refused.status_code, "outside the domains" in refused.text) == (422, True)
    assert sam.post(address, form).status_code == 303
    assert visit("eve", administrator=False, person=5).post("/reports/leaving", {"domains": "x.org"}).status_code == 403


def test_a_manager_sends_herself_her_team(reported: World, visit: Visit) -> None:
    bea = visit("bea", administrator=False, person=2)
    assert bea.post("/my/team/reports/send/learners?columns=person", FORM).status_code == 303
    work(reported)
    [path] = re.findall(r'href="/t/handle(/my/reports/\d+/file)"', bea.page("/my/reports"))
    answer = bea.get(path)
    assert answer.data.decode("utf-8-sig").split() == ["person", "cid"]
    answer.close()
    assert "Late people" in bea.page("/my/team/reports/sent")
    bea.page("/my/team/reports/send/history", 422)
    assert bea.post("/my/team/reports/send/learners", {**FORM, "how": "endpoint", "endpoint": "1"}).status_code == 404
    dov = visit("dov", administrator=False, person=4)  # nobody reports to her
    assert dov.post("/my/team/reports/sent/1/remove").status_code == 404
    assert dov.post("/my/team/reports/send/learners?columns=person", FORM).status_code == 404


def test_what_muster_stopped_is_said_to_the_administrators(reported: World, visit: Visit) -> None:
    sam = visit()
    sam.post("/reports/send/learners", {**FORM, "grant": "yes"})
    with reported.runtime.db.write() as session:
        session.connection().exec_driver_sql("DELETE FROM access_grant")
    work(reported)
    text = visit("kim").page("/reports")
    assert ("“Late people” is no longer sent." in text, "may not see reports any more" in text) == (True, True)
