"""An area administrator works on the people inside her units, and meets nobody else (ACCESS 3)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from pyroaring import BitMap
from sqlalchemy import func, select, update
from werkzeug.routing import IntegerConverter, Rule

from plugin.access import grants
from plugin.access.grants import RequestedGrant
from plugin.access.present_rights import reader_of
from plugin.access.rights import SHELL
from plugin.access.rules import area_of, scope_of
from plugin.access.tokens import RequestedToken, TokenOwner, make_token
from plugin.certifications.tables import Certification, Version
from plugin.core.database.area_conditions import among_people
from plugin.core.tables import Journal
from plugin.enrolment.tables import Enrolment
from plugin.mirror.tables import Person, Unit
from plugin.reports.sending.due_reports import send_reports
from tests.web.conftest import Visit, Visitor
from tests.world import HOST, World, row

OUTSIDE = ("Annabel", "Beatrix", "Evelyn")
INSIDE = ("Cidney", "Dovina")


@pytest.fixture
def company(world: World, settle: Callable[[], None]) -> World:
    """``pat`` looks after north: cid and dov. ann and bea work above it, eve nowhere. FS is open to areas, GDPR is not."""
    with world.runtime.db.write() as session:
        for ext, name in zip(("ann", "bea", "eve", "cid", "dov"), OUTSIDE + INSIDE, strict=True):
            session.execute(update(Person).where(Person.ext == ext).values(name=name))
    world.people("pat")
    world.units(("south", "sales"))
    world.job("j-bea-south", "bea", "south")
    world.save("FS", row("organisation", "sales", "below"), row("individual", "ann"), row("individual", "cid"),
               name="Food", areas=True)  # fmt: skip
    world.save("GDPR", row("organisation", "sales", "below"), name="Privacy")
    settle()
    _grant(world, "pat", "north")
    return world


def _grant(world: World, person: str, *units: str) -> None:
    with world.runtime.db.write() as session:
        number = session.scalars(select(Person.id).where(Person.ext == person)).one()
        ids = tuple(session.scalars(select(Unit.id).where(Unit.ext.in_(units))))
        grants.add(session, HOST, RequestedGrant("area", number, units=ids), by=SHELL, at=world.now, who="test")


@pytest.fixture
def pat(company: World, visit: Visit) -> Visitor:
    with company.runtime.db.read() as session:
        number = session.scalars(select(Person.id).where(Person.ext == "pat")).one()
    return visit("pat", administrator=False, person=number)


def _token(company: World, *scopes: str) -> dict[str, str]:
    with company.runtime.db.write() as session:
        number = session.scalars(select(Person.id).where(Person.ext == "pat")).one()
        token = make_token(
            session, HOST, RequestedToken("t", scopes), owner=TokenOwner(person=number), at=company.now, who="test"
        )
    return {"Authorization": f"Bearer {token}"}


def _address(rule: Rule, handle: str, person: str) -> str:
    ids: dict[str, Any] = {
        "handle": handle, "certification": 1, "code": "FS", "kind": "individual", "part": "newly", "entry": 1, "group": "x",
        "person": person, "which": "1", "source": "learners", "form": "csv", "number": 1, "assignment": "individual:cid",
    }  # fmt: skip
    if "/f/tree/" in rule.rule:
        ids["kind"] = "organisation"
    values = {
        name: 1 if isinstance(rule._converters[name], IntegerConverter) and name == "group" else ids[name]
        for name in rule.arguments
    }
    built = rule.build(values, append_unknown=False)
    assert built is not None
    return built[1]


def test_nothing_that_she_can_read_names_anybody_outside(app: Flask, company: World, pat: Visitor) -> None:
    client, headers, asked, met = app.test_client(), _token(company, "read", "reports"), 0, ""
    for rule in app.url_map.iter_rules():
        view = app.view_functions.get(rule.endpoint)
        if rule.endpoint == "static" or view is None or not area_of(view) or "GET" not in (rule.methods or ()):
            continue
        for person in ("cid", "ann"):
            path = _address(rule, pat.handle, person)
            answer = client.get(path, headers=headers if scope_of(view) else {})
            assert answer.status_code in (200, 303, 404), (path, answer.status_code)
            for name in OUTSIDE:
                assert name not in answer.text, path
            for ext in ("individual:ann", '"ann"', ">ann<", '"bea"', '"eve"'):
                assert ext not in answer.text, path
            asked += 1
            met += answer.text
    assert asked > 50
    assert all(name in met for name in INSIDE)


def test_what_is_not_cut_is_closed_to_her(company: World, pat: Visitor) -> None:
    assert "Privacy" not in pat.page("/certifications")
    for path in ("/certifications/2/assignments", "/certifications/1/details", "/certifications/1/notifications",
                 "/certifications/1/records", "/certifications/new", "/delivery", "/held", "/hosts"):  # fmt: skip
        pat.page(path, 403)


def test_every_number_is_computed_inside(app: Flask, company: World, pat: Visitor) -> None:
    tab = pat.page("/certifications/1/assignments")
    assert re.findall(r'class="number[^"]*">\s*<a[^>]*>(\d+)<', tab) == ["2", "1"]  # sales with all below, cid
    headers, client = _token(company, "read", "reports"), app.test_client()
    whole = client.get("/api/v1/certifications/FS", headers=headers).json
    assert whole["learners"] == {"assigned": 2}
    assert [
        one["learners"] for one in client.get("/api/v1/certifications/FS/assignments", headers=headers).json["items"]
    ] == [2, 1]
    learners = client.get("/api/v1/certifications/FS/learners", headers=headers).json["items"]
    assert [one["person"] for one in learners] == ["cid", "dov"]
    report = client.get("/api/v1/reports/learners?columns=person,certification", headers=headers).json
    assert (report["total"], {one["certification"] for one in report["items"]}) == (2, {"FS"})
    assert client.get("/api/v1/reports/messages", headers=headers).status_code == 422
    entries = client.get("/api/v1/certifications/FS/history", headers=headers).json["items"]
    assert max(one["learners"] for one in entries) == 2


def test_she_has_reports_sent_of_her_people(app: Flask, company: World, pat: Visitor) -> None:
    form = {"name": "North", "every": "daily", "at": "06:00", "how": "page", "form": "csv"}
    assert pat.post("/reports/send/messages", form).status_code == 422
    assert pat.post("/reports/send/learners?columns=name", form).status_code == 303
    company.at(company.now + 2 * 86_400)
    send_reports(company.runtime, HOST, reader_of)
    page = pat.page("/my/reports")
    found = re.search(r"/my/reports/(\d+)/file", page)
    assert found is not None
    file = pat.page(f"/my/reports/{found[1]}/file")
    assert [name for name in (*INSIDE, *OUTSIDE) if name in file] == list(INSIDE)
    assert "North" in pat.page("/reports/sent")
    assert pat.post("/reports/leaving", {"domains": "x.test"}).status_code == 403


def _save(visitor: Visitor, **form: str) -> Any:
    """Save changes, as the review offers it."""
    review = visitor.page("/certifications/1/assignments/review")
    found = re.search(r'name="revision" value="(\d+)"', review)
    assert found is not None
    return visitor.post("/certifications/1/assignments/save", {"revision": found[1], **form})


def _rows(world: World, code: str = "FS") -> list[str]:
    with world.runtime.db.read() as session:
        saved = session.scalars(select(Certification).where(Certification.code == code)).one()
        found = session.scalars(
            select(Version).where(Version.certification == saved.id, Version.n == saved.version)
        ).one()
    return [f"{one['type']}:{one['target']}" for one in found.definition["assignments"]]


def test_she_adds_and_removes_what_matches_people_inside(
    company: World, pat: Visitor, settle: Callable[[], None]
) -> None:
    assert pat.post("/certifications/1/assignments/add/individual", {"target": "dov"}).status_code == 303
    assert pat.post("/certifications/1/assignments/remove", {"key": "individual:cid"}).status_code == 303
    assert _save(pat).status_code == 303
    assert _rows(company) == ["organisation:sales", "individual:ann", "individual:dov"]
    settle()
    with company.runtime.db.read() as session:
        saved = session.scalars(select(Journal).where(Journal.what == "saved").order_by(Journal.n.desc())).first()
    assert saved is not None
    assert saved.who == "Pat (pat)"


def test_a_row_that_reaches_outside_has_no_control_and_says_why(pat: Visitor) -> None:
    page = pat.page("/certifications/1/assignments")
    rows = {one[: one.index('"')]: one[: one.index("</tr>")] for one in page.split('<tr data-key="')[1:]}
    assert set(rows) == {"organisation:sales", "individual:cid"}
    assert "Reaches people outside your area" in rows["organisation:sales"]
    assert not re.search("<(button|select|input)|data-role|data-open-dialog", rows["organisation:sales"])
    assert 'data-role="remove"' in rows["individual:cid"]
    assert "Reaches people outside" not in rows["individual:cid"]


def test_a_row_whose_team_is_gone_offers_her_no_page_that_is_closed_to_her(
    company: World, pat: Visitor, visit: Visit
) -> None:
    for boss in ("j-cid", None):  # rules 2.3: a team of two that is gone keeps its learners
        company.job("j-dov", "dov", "north", boss=boss)
        company.job("j-eve", "eve", "north", boss=boss)
        company.save("FS", row("manager", "j-cid"), areas=True)
    assert "Choose a successor" in visit().page("/certifications/1/assignments")
    page = pat.page("/certifications/1/assignments")
    assert "This manager no longer has a team" in page
    assert "Choose a successor" not in page


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("add/organisation", {"target": "legal"}),
        ("add/organisation", {"target": "south"}),
        ("add/individual", {"target": "eve"}),
        ("add/manager", {"target": "j-ann"}),
        ("include", {"key": "organisation:sales", "include": ""}),
        ("due", {"key": "organisation:sales", "kind": "fixed", "date": "2027-03-31"}),
        ("remove", {"key": "individual:ann"}),
        ("remove", {"key": "organisation:sales"}),
        ("add/group", {"name": "All", "self_enrol": "1"}),
    ],
)
def test_what_reaches_outside_is_refused(company: World, pat: Visitor, path: str, form: dict[str, str]) -> None:
    before = _rows(company)
    answer = pat.post(f"/certifications/1/assignments/{path}", form)
    if path == "add/organisation" and form["target"] == "legal":  # it matches nobody now, so nobody outside
        assert answer.status_code == 303
        return
    assert answer.status_code in (400, 403, 404), answer.status_code
    assert pat.post("/certifications/1/assignments/save", {"revision": "0"}).status_code == 303
    assert _rows(company) == before
    assert all(name not in answer.text for name in OUTSIDE)


def test_a_file_of_hers_keeps_the_rows_she_may_not_edit(app: Flask, company: World) -> None:
    client, headers = app.test_client(), _token(company, "read", "write")
    definition = client.get("/api/v1/certifications/FS", headers=headers).json["definition"]
    assert [one.get("individual") for one in definition["assignments"]] == [None, "cid"]

    def send(path: str, **given: Any) -> Any:
        body = {"version": 1, "certifications": [{"code": "FS", **given}]}
        return client.post(f"/api/v1/{path}", data=json.dumps(body), headers=headers)

    plan = send("plan", assignments=[{"individual": "dov"}]).json["certifications"][0]
    assert plan["removing"] == {"x": 1, "withdrawn": 0, "kept": 1, "suspended": 0, "not_enrolled": 0}
    assert {one["assignment"] for one in plan["assignments"]} == {"organisation:sales", "individual:dov"}
    assert send("apply", assignments=[{"individual": "dov"}]).status_code == 200
    assert _rows(company) == ["organisation:sales", "individual:ann", "individual:dov"]
    unknown = send("apply", assignments=[{"individual": "dov"}, {"individual": "eve"}])
    assert (unknown.status_code, "knows no individual 'eve'" in unknown.json["detail"]) == (400, True)
    for refused in (
        {"name": "Other"}, {"areas": False},
        {"exceptions": {"time_allowance": "assign"}},
    ):  # fmt: skip
        assert send("apply", **refused).status_code == 403, refused
    assert client.post("/api/v1/apply", headers=headers, data=json.dumps(
        {"version": 1, "certifications": [{"code": "NEW", "name": "New"}]})).status_code == 403  # fmt: skip
    assert _rows(company) == ["organisation:sales", "individual:ann", "individual:dov"]


def test_whom_a_row_of_hers_excepts_outside_is_not_told_and_stays_excepted(
    app: Flask, company: World, pat: Visitor
) -> None:
    excepted = (("individual", "ann", ""), ("individual", "dov", ""))
    company.save("FS", row("organisation", "north", exclusions=excepted), areas=True)
    client, headers = app.test_client(), _token(company, "read", "write")
    definition = client.get("/api/v1/certifications/FS", headers=headers).json["definition"]
    assert definition["assignments"][0]["except"] == [{"individual": "dov"}]
    assert '"ann"' not in client.get("/api/v1/certifications/FS/assignments", headers=headers).text

    def left() -> set[str]:
        with company.runtime.db.read() as session:
            found = session.scalars(
                select(Version).order_by(Version.n.desc()).where(Version.certification == 1)
            ).first()
        assert found is not None
        return {one[1] for one in found.definition["assignments"][0]["exclusions"]}

    body = {"version": 1, "certifications": [{"code": "FS", "assignments": [{"organisation": "north"}]}]}
    answer = client.post("/api/v1/apply", data=json.dumps(body), headers=headers)
    assert (answer.status_code, left()) == (200, {"ann"})
    page = pat.page("/certifications/1/assignments")
    assert "Except Somebody outside your area" in page
    assert "individual:ann" not in page


def test_a_row_is_hers_only_while_everybody_it_matches_is_inside(company: World, pat: Visitor) -> None:
    company.job("j-cid", "cid", "legal")  # her only job is elsewhere now
    answer = pat.post("/certifications/1/assignments/remove", {"key": "individual:cid"})
    assert answer.status_code == 404  # for her there is no such row any more
    company.job("j-cid2", "cid", "north")  # and here as well: inside is one current job inside
    assert pat.post("/certifications/1/assignments/remove", {"key": "individual:cid"}).status_code == 303


def test_she_answers_and_decides_for_people_inside_alone(app: Flask, company: World, pat: Visitor) -> None:
    day = "2028-01-31"
    assert pat.post("/certifications/1/learners/ann/extend", {"to": day}).status_code == 404
    assert pat.post("/certifications/1/learners/ann/exempt", {"reason": "x"}).status_code == 404
    assert pat.post("/certifications/1/learners/cid/exempt", {"reason": "x"}).status_code == 303
    headers = _token(company, "write")
    path = "/api/v1/certifications/FS/exemptions"
    assert app.test_client().put(f"{path}/bea", json={"reason": "x"}, headers=headers).status_code == 404
    assert app.test_client().put(f"{path}/dov", json={"reason": "x"}, headers=headers).status_code == 204


def test_the_guard_judges_against_the_learners_of_her_area(app: Flask, company: World) -> None:
    """Ten of eleven in the area leave: fewer than one in ten of everybody, far more than that of hers."""
    names, others = [f"n{number}" for number in range(11)], [f"o{number}" for number in range(100)]
    company.people(*names, *others)
    for name in names:
        company.job(f"j-{name}", name, "north")
    company.save("FS", *[row("individual", name) for name in (*names, *others)], name="Food", areas=True)
    with company.runtime.db.read() as session:
        query = select(func.count()).select_from(Enrolment).where(Enrolment.certification == 1, Enrolment.state > 0)
        assert session.scalar(query) == 111
    client, headers = app.test_client(), _token(company, "read", "write")
    body = json.dumps({"version": 1, "certifications": [{"code": "FS", "assignments": [{"individual": "n10"}]}]})
    refused = client.post("/api/v1/apply", data=body, headers=headers)
    assert (refused.status_code, "withdrawal guard" in refused.json["detail"]) == (409, True)
    assert refused.json["plan"]["certifications"][0]["removing"]["withdrawn"] == 10
    assert client.post("/api/v1/apply?allow_withdrawals=10", data=body, headers=headers).status_code == 200


def test_a_category_gives_all_of_its_certifications_also_those_to_come(company: World, visit: Visit) -> None:
    with company.runtime.db.write() as session:
        number = session.scalars(select(Person.id).where(Person.ext == "bea")).one()
        grants.add(
            session,
            HOST,
            RequestedGrant("certification", number, categories=("Food",)),
            by=SHELL,
            at=company.now,
            who="t",
        )
    bea = visit("bea", administrator=False, person=number)
    bea.page("/certifications/1/assignments", 403)
    company.save("FS", row("individual", "ann"), name="Food", areas=True, category="Food")
    assert "Annabel" in bea.page("/certifications/1/assignments")
    bea.page("/certifications/2/assignments", 403)
    company.save("FS", row("individual", "ann"), name="Food", areas=True, category="")
    bea.page("/certifications/1/assignments", 403)


def test_a_condition_holds_for_very_many_people(world: World) -> None:
    world.people(*(f"m{number}" for number in range(300)))
    with world.runtime.db.read() as session:
        found = session.scalars(select(Person.id).where(among_people(session, Person.id, BitMap(range(2, 300)))))
        assert len(found.all()) == 298
