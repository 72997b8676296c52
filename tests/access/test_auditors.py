"""An auditor reads everything and changes nothing; what she keeps is for herself (ACCESS 1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import select

from plugin.access import grants
from plugin.access.grants import RequestedGrant
from plugin.access.rights import SHELL
from plugin.access.rules import SCOPES
from plugin.access.tokens import RequestedToken, TokenOwner, make_token
from plugin.core.tables import Journal
from tests.access.matrix import ROLES, may, operations
from tests.digest import changed, digest_of
from tests.web.conftest import Visit, Visitor
from tests.world import HOST, World, row

[AUDITOR] = [one for one in ROLES if one.name == "auditor"]
AS_LEARNER = {"my.enter", "my.enter_course", "my.exit_group", "my.more_time", "team.answer", "team.remind", "team.weekly",
              "sending.team_act", "sending.team_send"}  # fmt: skip
"""What every learner or manager may; a grant takes none of it."""
OF_HERS = {"newtab.leave", "sign_out.leave", "saved_reports.keep", "saved_reports.remove", "sending.act", "sending.send",
           "api_saved_reports.save", "api_saved_reports.remove", "api_report_schedules.create",
           "api_report_schedules.remove"}  # fmt: skip
"""Her session, and reports that she keeps and has sent."""
LOOKED_AT = {
    "what_if.look",
    "api_what_if.look",
    "api_plans.plan",
    "api_source_files.plan",
    "api_source_files.plan_fetched",
}
"""They say what would be, and leave nothing."""
REFUSED_WITHIN = {"person.assign", "api_plans.apply", "api_history.take_back"}
"""They name what they are about in what is sent, and refuse then."""


@pytest.fixture
def company(world: World, settle: Callable[[], None]) -> World:
    world.save("FS", row("individual", "cid"), name="Food")
    settle()
    with world.runtime.db.write() as session:
        grants.add(session, HOST, RequestedGrant("auditor", 1), by=SHELL, at=world.now, who="test")
    return world


@pytest.fixture
def ann(company: World, visit: Visit) -> Visitor:
    return visit("ann", administrator=False, person=1)


def test_whatever_an_auditor_may_send_is_in_this_list(app: Flask) -> None:
    writing = [one for one in operations(app) if one.method != "GET" and one.rule != "public"]
    program = replace(AUDITOR, purpose="program", person=None)
    allowed = {one.endpoint for one in writing if may(one.rule, program if one.scope else AUDITOR)}
    assert allowed == AS_LEARNER | OF_HERS | LOOKED_AT | REFUSED_WITHIN


@pytest.mark.one_database
def test_what_names_its_certification_later_is_refused_and_changes_nothing(
    app: Flask, company: World, ann: Visitor
) -> None:
    with company.runtime.db.write() as session:
        token = make_token(
            session, HOST, RequestedToken("t", SCOPES), owner=TokenOwner(person=1), at=company.now, who="t"
        )
        saved = session.scalars(select(Journal.n).where(Journal.what == "saved")).one()
    client, headers = app.test_client(), {"Authorization": f"Bearer {token}"}
    before = digest_of(company.runtime.db)
    assert ann.post("/people/cid/assign", {"certification": "1", "target": "cid"}).status_code == 403
    for code in ("FS", "NEW"):
        body = {"version": 1, "certifications": [{"code": code, "name": "Other"}]}
        assert client.post("/api/v1/apply", json=body, headers=headers).status_code == 403
        planned = client.post("/api/v1/plan", json=body, headers=headers).status_code
        assert planned == (200 if code == "FS" else 403)
    assert client.post(f"/api/v1/history/{saved}/undo", headers=headers).status_code == 403
    assert changed(before, digest_of(company.runtime.db)) <= {"api_token", "launch_session", "trace"}


@pytest.mark.one_database
def test_an_auditor_puts_no_report_before_others(app: Flask, company: World, ann: Visitor, visit: Visit) -> None:
    with company.runtime.db.write() as session:
        asked = RequestedToken("t", ("reports",))
        token = make_token(session, HOST, asked, owner=TokenOwner(person=1), at=company.now, who="t")
    headers, client = {"Authorization": f"Bearer {token}"}, app.test_client()
    report = {"name": "Late", "source": "learners", "query": [["columns", "person"]]}
    assert ann.post("/reports/saved/learners", {"name": "Late", "shared": "yes"}).status_code == 403
    assert client.post("/api/v1/saved-reports", json={**report, "shared": True}, headers=headers).status_code == 403
    assert "For all administrators" not in ann.page("/reports/learners")
    assert "For all administrators" in visit("sam").page("/reports/learners")
    assert ann.post("/reports/saved/learners", {"name": "Late"}).status_code == 303
    assert client.post("/api/v1/saved-reports", json=report, headers=headers).status_code == 201
    assert "Late" not in visit("sam").page("/reports")
