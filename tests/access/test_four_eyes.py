"""Four eyes: what widens rights or sends data elsewhere waits for a second administrator, never the same one (ACCESS 2)."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, text, update

from plugin.access import four_eyes
from plugin.access.personal.erase import erase
from plugin.access.rules import widens_of
from plugin.access.tables import AccessGrant, ApiToken, WaitingChange
from plugin.access.tokens import RequestedToken, TokenOwner, make_token
from plugin.core.database.process_cache import cached, keep
from plugin.core.network.http import CallFailed
from plugin.core.runtime import Runtime
from plugin.core.tables import Host, Journal
from plugin.delivery.tables import Endpoint
from plugin.mirror.tables import DELETED, Person
from tests.digest import changed, digest_of
from tests.web.conftest import Visit
from tests.world import HOST, World

RIGHTS = f"/hosts/{HOST}/rights"
EYES = f"/hosts/{HOST}/four-eyes"
WIDENING = {
    "rights.add", "rights.confirm", "tokens.make", "endpoints.create", "endpoints.change", "connecting.configure",
    "host_registration.change", "host_registration.deployment", "hosts.registration_address", "host_messages.change", "sources.add",
    "source_settings.change", "messages.cap", "four_eyes.switch", "api_sources.add", "api_sources.change", "api_sources.token",
    "sending.leave", "sending.send", "record.switch", "source.token",
}  # fmt: skip


def _on(world: World) -> None:
    with world.runtime.db.write() as session:
        four_eyes.switch(session, HOST, on=True, at=world.now, who="test")


def _grants(world: World) -> list[str]:
    with world.runtime.db.read() as session:
        return [f"{one.role} {one.subject} {one.who}" for one in session.scalars(select(AccessGrant))]


def test_what_widens_is_this_and_nothing_that_removes(app: Flask) -> None:
    found = {one.endpoint for one in app.url_map.iter_rules() if widens_of(app.view_functions[one.endpoint])}
    assert found == WIDENING


def test_a_grant_waits_for_somebody_else(world: World, visit: Visit) -> None:
    _on(world)
    sam, kim = visit("sam"), visit("kim")
    form = {"role": "auditor", "subject": "x-1", "reason": "audit"}
    assert sam.post(RIGHTS, form).status_code == 303
    assert _grants(world) == []
    page = sam.page(EYES)
    assert "x-1" in page
    assert "/approve" not in page
    assert sam.post(f"{EYES}/1/approve").status_code == 403
    assert _grants(world) == []
    assert "/approve" in kim.page(EYES)
    assert kim.post(f"{EYES}/1/approve").status_code == 303
    assert _grants(world) == ["auditor x-1 Sam, approved by Kim (sam)"]
    assert kim.post(f"{EYES}/1/approve").status_code == 404
    assert len(_grants(world)) == 1
    with world.runtime.db.read() as session:
        told = session.scalars(select(Journal.what).where(Journal.what.like("change_%")).order_by(Journal.n)).all()
    assert told == ["change_asked", "change_approved"]
    assert kim.post(f"{RIGHTS}/1/remove").status_code == 303  # removals act at once
    assert _grants(world) == []


def test_a_refused_one_is_never_done_and_a_late_one_is_over(world: World, visit: Visit) -> None:
    _on(world)
    sam, kim = visit("sam"), visit("kim")
    for subject in ("x-1", "x-2", "x-3"):
        sam.post(RIGHTS, {"role": "auditor", "subject": subject})
    assert kim.post(f"{EYES}/1/refuse").status_code == 303
    assert sam.post(f"{EYES}/2/refuse").status_code == 303  # taken back
    with world.runtime.db.write() as session:
        session.execute(update(WaitingChange).values(asked=world.now - four_eyes.KEPT))
    for number in (1, 2, 3):
        assert kim.post(f"{EYES}/{number}/approve").status_code == 404
    assert _grants(world) == []


def test_what_cannot_be_done_any_more_says_why(app: Flask, world: World, visit: Visit) -> None:
    _on(world)
    sam, kim = visit("sam"), visit("kim")
    source = {"name": "registry", "kind": "csv"}
    for _twice in range(2):
        assert sam.post(f"/hosts/{HOST}/sources", source).status_code == 303
    assert kim.post(f"{EYES}/1/approve").status_code == 303
    answer = kim.post(f"{EYES}/2/approve")
    assert answer.status_code == 409
    with world.runtime.db.read() as session:
        row = session.get_one(WaitingChange, (HOST, 2))
        assert (row.state, row.why) == ("refused", "There is a host or a source named 'registry' already.")
    refused = sam.post(f"/hosts/{HOST}/sources", source)  # asked for once more it is refused at once
    assert (refused.status_code, row.why in html.unescape(refused.text)) == (409, True)


@pytest.mark.parametrize(
    ("path", "form", "status"),
    [
        (RIGHTS, {"role": "king", "subject": "x"}, 400),
        ("/endpoints/new", {"url": "no address", "type": "learner.overdue"}, 400),
        ("/messages/cap", {"cap": "none"}, 400),
        ("/reports/leaving", {"domains": "b@d!"}, 422),
        (f"/hosts/{HOST}/deployments", {"add": "1", "deployment": ""}, 400),
        (f"/hosts/{HOST}/rights/77/confirm", {}, 404),
    ],
)
def test_what_would_be_refused_is_refused_when_it_is_asked_for(
    world: World, visit: Visit, path: str, form: dict[str, str], status: int
) -> None:
    _on(world)
    assert visit("sam").post(path, form).status_code == status
    with world.runtime.db.read() as session:
        assert session.scalars(select(WaitingChange)).all() == []


def test_asking_leaves_nothing_behind_and_nothing_goes_out(world: World, visit: Visit) -> None:
    _on(world)
    with world.runtime.db.rehearsal(), pytest.raises(CallFailed):
        world.runtime.http.get("http://127.0.0.1:9/")
    sam = visit("sam")
    before = digest_of(world.runtime.db)
    answer = sam.post("/endpoints/new", {"url": "https://elsewhere.test/x", "type": "learner.overdue"})
    assert answer.status_code == 303
    assert changed(before, digest_of(world.runtime.db)) <= {"waiting_change", "journal", "counter", "launch_session"}


def test_domains_of_reports_wait_and_go_at_once(world: World, visit: Visit) -> None:
    _on(world)
    sam, kim = visit("sam"), visit("kim")

    def domains() -> Any:
        with world.runtime.db.read() as session:
            return session.get_one(Host, HOST).settings.get("report_domains")

    assert sam.post("/reports/leaving", {"domains": "example.org, partner.test"}).status_code == 303
    assert domains() is None
    assert kim.post(f"{EYES}/1/approve").status_code == 303
    assert domains() == ["example.org", "partner.test"]
    assert sam.post("/reports/leaving", {"domains": "example.org", "stay": "1"}).status_code == 303
    assert domains() == ["example.org"]
    assert sam.post("/reports/leaving", {"domains": "example.org"}).status_code == 303  # files would leave again
    with world.runtime.db.read() as session:
        assert session.get_one(Host, HOST).settings.get("report_files_stay") is True


def test_a_right_given_to_oneself_beside_a_schedule_waits(world: World, visit: Visit) -> None:
    _on(world)
    sam = visit("sam")
    form = {"name": "Weekly", "every": "weekly", "at": "06:00", "how": "page", "form": "csv", "grant": "yes"}
    assert sam.post("/reports/send/learners", form).status_code == 303
    assert _grants(world) == []
    assert visit("kim").post(f"{EYES}/1/approve").status_code == 303
    assert _grants(world) == ["auditor sam Sam, approved by Kim (sam)"]


def test_a_right_given_to_oneself_is_not_given_where_the_schedule_is_refused(world: World, visit: Visit) -> None:
    form = {"name": "Weekly", "every": "weekly", "at": "06:00", "how": "page", "form": "csv", "grant": "yes"}
    for wrong in (
        {"how": "NaN"},
        {"name": ""},
        {"how": "email", "to": "a@elsewhere.test"},
        {"how": "endpoint", "endpoint": "7"},
    ):
        assert visit("sam").post("/reports/send/learners", {**form, **wrong}).status_code >= 400
        assert _grants(world) == []
    assert visit("sam").post("/reports/send/learners", form).status_code == 303
    assert _grants(world) == ["auditor sam Sam (sam)"]


def test_passwords_within_addresses_are_not_shown(world: World, visit: Visit) -> None:
    _on(world)
    form = {"url": "https://user:hunter2@elsewhere.test/x", "type": "learner.overdue"}
    visit("sam").post("/endpoints/new", form)
    assert "hunter2" not in visit("kim").page(EYES)


def test_addresses_wait_and_secrets_are_neither_shown_nor_stored_open(world: World, visit: Visit) -> None:
    _on(world)
    sam, kim = visit("sam"), visit("kim")
    form = {
        "url": "https://elsewhere.test/x",
        "description": "d",
        "type": "learner.overdue",
        "secret": "whsec_abcdefgh",
    }
    assert sam.post("/endpoints/new", form).status_code == 303
    with world.runtime.db.read() as session:
        assert session.scalars(select(Endpoint)).all() == []
        stored = session.execute(text("SELECT request, shown FROM waiting_change")).one()
    assert "elsewhere" not in stored[0]
    assert "whsec_abcdefgh" not in json.dumps(stored[1])
    assert "whsec_abcdefgh" not in kim.page(EYES)
    assert "https://elsewhere.test/x" in kim.page(EYES)
    kim.post(f"{EYES}/1/approve")
    with world.runtime.db.read() as session:
        assert [one.url for one in session.scalars(select(Endpoint))] == ["https://elsewhere.test/x"]


def test_a_program_waits_too_and_its_owner_does_not_approve_it(app: Flask, world: World, visit: Visit) -> None:
    with world.runtime.db.write() as session:
        session.add(AccessGrant(host_id=HOST, id=1, person=1, life=0, role="site", scope={}, who="t", created=0))
        session.flush()
        token = make_token(
            session, HOST, RequestedToken("hr", ("sources",)), owner=TokenOwner(person=1), at=world.now, who="ann"
        )
    _on(world)
    answer = app.test_client().post(
        "/api/v1/sources", json={"name": "registry", "kind": "csv"}, headers={"Authorization": f"Bearer {token}"}
    )
    assert (answer.status_code, answer.json["waits"]) == (202, 1)
    assert visit("ann", person=1).post(f"{EYES}/1/approve").status_code == 403
    assert visit("kim").post(f"{EYES}/1/approve").status_code in (200, 201, 303)
    with world.runtime.db.read() as session:
        assert session.scalar(text("SELECT count(*) FROM connection WHERE name = 'registry'")) == 1


def test_switching_it_off_needs_two(world: World, visit: Visit) -> None:
    sam, kim = visit("sam"), visit("kim")

    def wanted() -> Any:
        with world.runtime.db.read() as session:
            return session.get_one(Host, HOST).settings.get("four_eyes")

    assert sam.post(f"{EYES}/switch-on").status_code == 303
    assert wanted() is True
    assert sam.post(f"{EYES}/switch-off").status_code == 303
    assert wanted() is True
    assert kim.post(f"{EYES}/1/approve").status_code == 303
    assert wanted() is False
    assert sam.post(RIGHTS, {"role": "auditor", "subject": "x-1"}).status_code == 303
    assert len(_grants(world)) == 1


def test_a_token_is_shown_to_whoever_approves_it(world: World, visit: Visit) -> None:
    sam, kim = visit("sam"), visit("kim")
    sam.post(RIGHTS, {"role": "site", "subject": "sam"})
    _on(world)
    assert sam.post(f"/hosts/{HOST}/tokens", {"name": "hr", "scope": "read"}).status_code == 303
    answer = kim.post(f"{EYES}/1/approve")
    assert re.search(r"muster_\d+_[A-Za-z0-9_-]{43}", answer.text)
    with world.runtime.db.read() as session:
        assert [(one.name, one.owner_subject) for one in session.scalars(select(ApiToken))] == [("hr", "sam")]


def test_what_a_rehearsal_read_is_not_kept_by_the_process(runtime: Runtime) -> None:
    """Also not by a session that wrote nothing itself: it read what another session of the rehearsal wrote."""
    with runtime.db.rehearsal():
        with runtime.db.write() as session:
            session.add(Host(id=HOST, name="rehearsed", title="", time_zone="UTC", settings={}))
        with runtime.db.read() as session:
            keep(session, "hosts", session.scalars(select(Host.name)).all())
            assert cached(session, "hosts") is None
    with runtime.db.read() as session:
        assert session.scalars(select(Host.name)).all() == []
        keep(session, "hosts", "true now")
        assert cached(session, "hosts") == "true now"


def test_a_change_that_names_somebody_waits_no_longer_once_she_is_erased(world: World, visit: Visit) -> None:
    """Whether it names her, or she asked for it herself; what names others waits on."""
    world.set_person("cid", name="Quirina Zwetschge", email="quirina@example.test")
    _on(world)
    sam, kim = visit("sam"), visit("kim")
    asked = (
        (sam, RIGHTS, {"role": "auditor", "person": "3"}),
        (sam, RIGHTS, {"role": "auditor", "subject": "x-1", "reason": "instead of Quirina Zwetschge"}),
        (sam, "/endpoints/new", {"url": "https://elsewhere.test/quirina%40example.test", "type": "learner.overdue"}),
        (visit("cid", person=3), RIGHTS, {"role": "auditor", "subject": "x-2"}),
        (sam, RIGHTS, {"role": "auditor", "subject": "x-3"}),
    )
    for visitor, path, form in asked:
        assert visitor.post(path, form).status_code == 303
    with world.runtime.db.write() as session:
        session.execute(update(Person).where(Person.ext == "cid").values(state=DELETED, gone_at=world.now))
    world.runtime.db.transact(lambda session: erase(session, HOST, "cid", at=world.now, who="t", blank_texts=False))
    with world.runtime.db.read() as session:
        rows = session.scalars(select(WaitingChange).order_by(WaitingChange.id)).all()
        assert [(one.state, one.request == "{}", one.shown == []) for one in rows] == [("refused", True, True)] * 4 + [
            ("waits", False, False)
        ]
        told = session.scalars(select(Journal.data).where(Journal.what == "change_refused").order_by(Journal.n)).all()
        assert [one["change"] for one in told] == [1, 2, 3, 4]
    assert [kim.post(f"{EYES}/{number}/approve").status_code for number in range(1, 6)] == [404] * 4 + [303]
    assert _grants(world) == ["auditor x-3 Sam, approved by Kim (sam)"]
