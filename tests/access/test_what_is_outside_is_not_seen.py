"""What happens outside somebody's rights changes nothing that she is shown: every page and operation is read before and after
(ACCESS 3, 5)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import product
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.routing import IntegerConverter, Rule

from plugin.access import grants
from plugin.access.grants import RequestedGrant
from plugin.access.rights import SHELL
from plugin.access.rules import SCOPES, scope_of
from plugin.access.tokens import RequestedToken, TokenOwner, make_token
from plugin.certifications.tables import Assignment
from plugin.enrolment.answers import groups
from plugin.enrolment.answers.overrides import exempt, extend
from plugin.mirror.pulling.unit_trees import recount
from plugin.mirror.sources.managing import setup
from plugin.mirror.sources.tables import Identity
from plugin.mirror.tables import Person, Unit
from tests.web.conftest import Visit, Visitor
from tests.world import HOST, World, row

DAY = 86_400
OF_NOW = re.compile(r"\b[0-9a-f]{8,}\b|muster_[0-9A-Za-z_-]+|value=\"\d+-[^\"]*\"")
"""What differs from one answer to the next for nobody's sake: numbers of errors and requests."""
PEOPLE = ("cid", "ann", "out1")
SOURCES = ("learners", "courses", "membership", "overview", "exceptions", "history", "messages")
KINDS = ("individual", "organisation", "audience", "manager")
FILES = {"learners.export", "reports.file", "reports.team_file", "team.file"}
"""They stand in the history."""
QUERIES: dict[str, tuple[str, ...]] = {
    "learners.tab": ("?q=Out", "?sort=-due", "?assignment=organisation:sales", "?assignment=group:volunteers", "?state=certified",
                     "?page=2", "?overdue=true"),
    "learners.check": ("?q=Out", "?q=Stranger", "?q=Cid"),
    "exceptions.tab": ("?view=answered", "?q=Out"),
    "history.tab": ("?who=sam", "?kind=saved", "?from=2020-01-01"),
    "people.listing": ("?q=Out", "?organisation=sales", "?organisation=south", "?sort=-name"),
    "finder.show": ("?q=Out", "?q=sales", "?q=FS", "?q=Stranger"),
    "picker.search": ("?q=Out", "?q=s"),
    "picker.tree": ("?parent=sales&framework=f", "?framework=f"),
    "assignments.tab": ("?q=s", "?about=organisation:sales", "?type=individual"),
    "due_counts.show": ("?key=organisation:sales", "?key=group:volunteers"),
    "compliance.show": ("?certification=FS", "?under=sales"),
    "reports.table": ("?search=Out", "?organisation=sales", "?manager=out1", "?as_of=2026-01-01", "?columns=person,organisation,manager"),
    "api_reports.one": ("?search=Out", "?organisation=sales", "?manager=out1", "?audience=club", "?assignment=organisation:sales",
                        "?limit=1"),
}  # fmt: skip


@pytest.fixture
def company(world: World, settle: Callable[[], None]) -> World:
    """``pat`` looks after north: cid and dov. Of everybody else she is to learn nothing."""
    world.people("pat", "early")
    world.units(("south", "sales"))
    world.job("j-early", "early", "south")
    world.job("j-cid", "cid", "north", boss="j-ann")
    world.audience("club", "cid", "ann")
    content = {"certification": [{"name": "Core", "courses": ["c1"], "needs": "all"}]}
    group = row("group", "volunteers", group={"self_enrol": True, "withdraw": True})
    world.save("FS", row("organisation", "sales", "below", {"fixed": "2027-03-31"}), row("individual", "ann"),
               row("individual", "cid"), row("audience", "club"), row("manager", "j-ann", "below"), group,
               name="Food", areas=True, content=content)  # fmt: skip
    of_its_own = {"certification": [{"name": "Core", "courses": ["c2"], "needs": "all"}]}
    world.save("GDPR", row("organisation", "sales", "below"), name="Privacy", content=of_its_own)
    world.complete("cid", "c1", world.now - 10)
    settle()
    with world.runtime.db.write() as session:
        source = setup.add_source(
            session, HOST, "registry", "csv", join_by="number=username", mapping={}, at=world.now, who="sam"
        )
        session.add(Identity(host_id=HOST, id=1, source=source.id, ext="E1", name="Stranger One", said={}))
        recount(session, HOST)
    return world


def _person(world: World, ext: str) -> int:
    with world.runtime.db.read() as session:
        return session.scalars(select(Person.id).where(Person.host_id == HOST, Person.ext == ext)).one()


def outside_the_area(world: World, settle: Callable[[], None]) -> None:
    """Hirings, dates, completions, exceptions, members, an exemption, a message, of people who are in no unit of hers."""
    names = [f"out{number}" for number in range(1, 8)]
    world.people(*names, email="outsider@example.test")
    for number, name in enumerate(names):
        world.job(f"j-{name}", name, "south" if number % 2 else "sales", boss="j-ann")
    world.audience("club", "cid", "ann", "out1", "out2")
    world.complete("out3", "c1", world.now - 20)
    world.complete("ann", "c1", world.now - 20)
    settle()
    first = _person(world, "out1")
    groups.join(world.runtime, HOST, 1, "volunteers", first)
    groups.join(world.runtime, HOST, 1, "volunteers", _person(world, "eve"))
    extend(world.runtime, HOST, 1, _person(world, "out4"), world.now + 900 * DAY, who="sam")
    exempt(world.runtime, HOST, 1, _person(world, "out5"), until=None, reason="Out of office", who="sam")
    world.state("out6", 1)
    world.drop_job("j-early")
    settle()
    with world.runtime.db.write() as session:
        source = session.scalars(select(Identity.source)).first()
        session.add(Identity(host_id=HOST, id=2, source=source, ext="E2", name="Stranger Out", said={}))
        recount(session, HOST)


Reader = Callable[[str], tuple[Visitor, dict[str, str]]]
"""A session of one of the roles, and the header of a program of hers."""


@pytest.fixture
def reader(company: World, visit: Visit) -> Reader:
    def come(role: str) -> tuple[Visitor, dict[str, str]]:
        number = _person(company, "cid" if role == "learner" else "pat")
        with company.runtime.db.write() as session:
            north = session.scalars(select(Unit.id).where(Unit.ext == "north")).one()
            wanted = {
                "area": RequestedGrant("area", number, units=(north,)),
                "certification": RequestedGrant("certification", number, certifications=(2,)),
            }
            owner = TokenOwner()
            if role in wanted:
                grants.add(session, HOST, wanted[role], by=SHELL, at=company.now, who="test")
                owner = TokenOwner(person=number)
            token = make_token(session, HOST, RequestedToken("hr", SCOPES), owner=owner, at=company.now, who="test")
        scheme = "Bearer" if role in wanted else "None"
        return visit("pat", administrator=False, person=number), {"Authorization": f"{scheme} {token}"}

    return come


@pytest.mark.one_database
@pytest.mark.parametrize("role", ["area", "certification", "learner"])
def test_nobody_learns_anything_of_what_is_outside_her_rights(
    app: Flask, company: World, visit: Visit, reader: Reader, settle: Callable[[], None], role: str
) -> None:
    visitor, headers = reader(role)
    read = partial(answers, app, company, visitor, headers, certification=2 if role == "certification" else 1)
    dict(read(files=True))  # orders of lists are remembered, and files stand in the history
    before = dict(read(files=False))
    if role == "certification":
        elsewhere(company, settle)
    else:
        outside_the_area(company, settle)
    after = dict(read(files=False))
    assert len(before) > 100
    assert differences(before, after) == {}


def elsewhere(world: World, settle: Callable[[], None]) -> None:
    """The same in another certification: members, dates, an exemption, rows, a new one beside it."""
    groups.join(world.runtime, HOST, 1, "volunteers", _person(world, "eve"))
    extend(world.runtime, HOST, 1, _person(world, "bea"), world.now + 900 * DAY, who="sam")
    exempt(world.runtime, HOST, 1, _person(world, "dov"), until=None, reason="Out of office", who="sam")
    world.save("SECRET", row("organisation", "sales", "below"), row("individual", "eve"), name="Severance")
    settle()


FORMS = (
    ("/certifications/1/assignments/add/individual", {"target": "PP"}),
    ("/certifications/1/assignments/add/individual/confirm", {"target": "PP"}),
    ("/certifications/1/assignments/add/manager", {"target": "j-PP"}),
    ("/certifications/1/assignments/add/manager/confirm", {"target": "j-PP", "include": "below"}),
    ("/certifications/1/f/estimate/individual", {"target": "PP"}),
    ("/certifications/1/f/estimate/manager", {"target": "j-PP"}),
    ("/certifications/1/f/paste/individual", {"lines": "PP"}),
    ("/certifications/1/f/paste/individual", {"lines": "PP@example.test", "as": "csv"}),
    ("/certifications/1/assignments/remove", {"key": "individual:PP"}),
    ("/certifications/1/assignments/due", {"key": "individual:PP", "kind": "fixed", "date": "2027-03-31"}),
    ("/certifications/1/assignments/include", {"key": "manager:j-PP", "include": "below"}),
    ("/certifications/1/learners/PP/extend", {"to": "2028-01-31"}),
    ("/certifications/1/learners/PP/exempt", {"reason": "x"}),
    ("/certifications/1/learners/PP/message", {"message": "1"}),
    ("/certifications/1/learners/extend", {"person": "PP", "to": "2028-01-31"}),
    ("/certifications/1/groups/GG/members", {"member": "PP"}),
    ("/certifications/1/groups/GG/members", {"member": "PP", "confirmed": "1"}),
    ("/certifications/1/exceptions", {"person": "PP", "action": "assign"}),
    ("/people/PP/assign", {"certification": "1"}),
    ("/my/team/remind", {"person": "PP", "certification": "1"}),
    ("/reports/send/learners?manager=PP", {"name": "x", "every": "daily", "at": "06:00", "how": "page", "form": "csv"}),
    ("/reports/saved/learners?person=PP", {"name": "x"}),
)
"""Forms that name somebody."""
CALLS: tuple[tuple[str, str, Any], ...] = (
    ("PUT", "/certifications/FS/assignments/individual:PP", {}),
    ("DELETE", "/certifications/FS/assignments/individual:PP", {}),
    ("PUT", "/certifications/FS/assignments/manager:j-PP", {"include": "below"}),
    ("PUT", "/certifications/FS/exemptions/PP", {"reason": "x"}),
    ("POST", "/certifications/FS/extensions/PP", {"to": "2028-01-31"}),
    ("PUT", "/certifications/FS/groups/volunteers/members/PP", {}),
    ("DELETE", "/certifications/FS/groups/volunteers/members/PP", {}),
    ("POST", "/certifications/FS/exceptions/answers", {"action": "assign", "people": ["PP"]}),
    ("POST", "/plan", {"version": 1, "certifications": [{"code": "FS", "assignments": [{"individual": "PP"}]}]}),
    ("POST", "/apply", {"version": 1, "certifications": [{"code": "FS", "assignments": [{"individual": "PP"}]}]}),
    ("POST", "/plan", {"version": 1, "certifications": [{"code": "FS", "assignments": [{"manager": "j-PP", "include": "below"}]}]}),
    ("GET", "/people/PP/certifications", None),
    ("GET", "/certifications/FS/learners/PP", None),
    ("GET", "/reports/learners?manager=PP", None),
    ("GET", "/reports/learners?person=PP&manager.below=PP", None),
    ("GET", "/reports/history?person=PP&columns=person,who", None),
)  # fmt: skip
"""Calls of the API that do."""


@pytest.mark.one_database
def test_somebody_outside_is_as_unknown_as_nobody(app: Flask, company: World, reader: Reader) -> None:
    pat, headers = reader("area")
    with company.runtime.db.read() as session:
        group = session.scalars(select(Assignment.id).where(Assignment.type == "group")).one()

    def told(person: str, calls: Sequence[tuple[str, str, Any]]) -> list[str]:
        found = []
        for path, form in FORMS:
            sent = {name: value.replace("PP", person) for name, value in form.items()}
            answer = pat.post(path.replace("PP", person).replace("GG", str(group)), sent, fragment=True)
            found.append(f"{path} {form} {answer.status_code} {answer.headers.get('X-Muster-Location')} {answer.text}")
        for method, path, body in calls:
            text = json.dumps(body).replace("PP", person) if body is not None else None
            answer = app.test_client().open(
                f"/api/v1{path.replace('PP', person)}", method=method, data=text, headers=headers,
                content_type="application/json" if text else None,
            )  # fmt: skip
            found.append(f"{path} {body} {answer.status_code} {answer.text}")
        # Numbers of errors go first: "9bea9fa9" holds the name of a person.
        return [OF_NOW.sub("", one.replace(pat.handle, "H")).replace(person, "PP") for one in found]

    assert told("bea", CALLS) == told("nob", CALLS)
    # A row of a manager is shown, without names; a file may name rows that stay as they are. Neither says who is assigned by name.
    calls = [one for one in CALLS if one[1] not in ("/plan", "/apply")]
    for one, other in zip(told("ann", calls), told("nob", calls), strict=True):
        assert one == other or "manager:j-PP" in one


def answers(
    app: Flask, world: World, visitor: Visitor, headers: dict[str, str], *, certification: int, files: bool
) -> Iterator[tuple[str, str]]:
    """Everything that can be read, by its address, without what differs each time."""
    with world.runtime.db.read() as session:
        group = session.scalars(select(Assignment.id).where(Assignment.type == "group")).first()
    client = app.test_client()
    for rule in sorted(app.url_map.iter_rules(), key=lambda one: one.rule):
        program = bool(scope_of(app.view_functions[rule.endpoint]))
        readable = "GET" in (rule.methods or ()) and ("handle" in rule.arguments or program)
        if not readable or (not files and rule.endpoint in FILES):
            continue
        ids: dict[str, Any] = {
            "handle": visitor.handle, "certification": certification, "code": "FS" if certification == 1 else "GDPR",
            "part": "newly", "which": "1", "form": "csv", "assignment": "individual:cid", "name": "registry", "path": "Users",
            "group": "volunteers" if program else group,
        }  # fmt: skip
        for path in _addresses(rule, ids):
            for query in ("", *QUERIES.get(rule.endpoint, ())):
                answer = client.get(path + query, headers=headers if program else {"X-Muster-Fragment": "1"})
                assert answer.status_code < 500, path
                text = f"{answer.status_code} {answer.text}".replace(visitor.handle, "H")
                yield f"{path}{query}".replace(visitor.handle, "H"), OF_NOW.sub("", text)


def _addresses(rule: Rule, ids: dict[str, Any]) -> Iterator[str]:
    """A route with each person, source and kind that it may name."""
    each = [
        [(name, one) for one in some] if name in rule.arguments else [(name, "")]
        for name, some in (("person", PEOPLE), ("source", SOURCES), ("kind", KINDS))
    ]
    for chosen in product(*each):
        given = {**ids, **dict(chosen)}
        values = {
            name: given.get(name, 1 if isinstance(rule._converters.get(name), IntegerConverter) else "1")
            for name in rule.arguments
        }
        built = rule.build(values, append_unknown=False)
        assert built is not None
        yield built[1]


def differences(before: dict[str, str], after: dict[str, str]) -> dict[str, list[str]]:
    """Where answers differ: the lines that came and went."""
    found = {}
    for path, text in before.items():
        if after[path] != text:
            old, new = text.splitlines(), after[path].splitlines()
            found[path] = [f"- {one}"[:300] for one in old if one not in new] + [
                f"+ {one}"[:300] for one in new if one not in old
            ]
    return found
