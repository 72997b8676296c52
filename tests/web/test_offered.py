"""What a page offers, its visitor may: no link and no form of a page leads to a refusal, whatever her role."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask, g
from sqlalchemy import select, update
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from plugin.access.grants import RequestedGrant, add
from plugin.access.rights import SHELL
from plugin.access.rules import allows, area_of, rule_of
from plugin.certifications.tables import Certification
from plugin.delivery.tables import Seat
from plugin.mirror.tables import Connection, Person, Unit
from plugin.web.launch.session import Launch
from tests.web import steps
from tests.web.conftest import Visit, Visitor
from tests.world import HOST, World

LINK = re.compile(r'<a\b[^>]*?\bhref="([^"#]+)')
FORM = re.compile(r"<form\b[^>]*>")
BUTTON = re.compile(r'\bformaction="([^"]+)"')
FILES = re.compile(r"\.(csv|xlsx|json|ics|zip)$|/file\.|/sign-out")
ENOUGH = 150
"""Pages of a role; by then each kind of page was seen."""


def kind_of(path: str) -> str:
    """Pages of one kind differ in numbers, persons and what is searched for."""
    return re.sub(r"/(\d+|people/[^/]+|learners/[^/]+)(?=/|$)", "/N", path.partition("?")[0])


@dataclass
class Walk:
    """Everything that a visitor comes to by links, and what she would be refused there."""

    app: Flask
    visitor: Visitor
    launch: Launch
    seen: dict[str, str] = field(default_factory=dict)
    refused: set[tuple[str, str, str]] = field(default_factory=set)

    def run(self, *begin: str) -> set[tuple[str, str, str]]:
        """Walk; returns page, method and address of each thing that is offered and refused."""
        coming = list(begin)
        while coming and len(self.seen) < ENOUGH:
            path = coming.pop(0)
            if kind_of(path) in self.seen or FILES.search(path.partition("?")[0]):
                continue
            self.seen[kind_of(path)] = path
            answer = self.visitor.get(path)
            assert answer.status_code == 200, (path, answer.status_code)
            for method, address in self.offered(answer.text):
                if not self.may(method, address):
                    self.refused.add((kind_of(path), method, kind_of(address)))
                elif method == "GET":
                    coming.append(address)
        return self.refused

    def offered(self, text: str) -> list[tuple[str, str]]:
        """Links and forms of a page that lead to another of this session, without its handle."""
        forms = [(re.search(r'method="(\w+)"', one), re.search(r'action="([^"]+)"', one)) for one in FORM.findall(text)]
        found = [("GET", one) for one in LINK.findall(text)]
        found += [(method[1].upper() if method else "GET", at[1]) for method, at in forms if at]
        found += [("POST", one) for one in BUTTON.findall(text)]
        start = f"/t/{self.visitor.handle}"
        return [(method, html.unescape(at).removeprefix(start)) for method, at in found if at.startswith(start)]

    def may(self, method: str, address: str) -> bool:
        """Whether the rule of what stands at the address lets her pass."""
        match = self.app.url_map.bind("localhost").match
        try:
            endpoint, values = match(f"/t/{self.visitor.handle}{address.partition('?')[0]}", method)
        except (HTTPException, RequestRedirect):
            return False
        view = self.app.view_functions[endpoint]
        rule = rule_of(view)
        assert rule is not None, endpoint
        return allows(rule, self.launch, values.get("certification"), area=area_of(view))


@pytest.fixture
def furnished(world: World, visit: Visit, settle: Callable[[], None]) -> str:
    """A certification open to areas with learners, some on hold, a refused seat, a source and an endpoint; returns its path."""
    with world.runtime.db.write() as session:
        session.add(Connection(host_id=HOST, id=50, name="acme", kind="webhook", mapping={}, settings={}, marks={},
                               caps={"reads": {"enrolments": ["full"]}}))  # fmt: skip
    sam = visit()
    path = steps.make(sam)
    steps.add(sam, path, "sales", "north")
    steps.due(sam, path, "organisation:sales", "2099-03-31")
    steps.save(sam, path)
    settle()
    assert sam.post(f"/hosts/{HOST}/sources", {"name": "staff", "kind": "csv"}).status_code == 303
    sam.post(
        "/endpoints/new", {"url": "https://a.example/hook", "name": "A", "type": ["learner.enrolled"], "form": "f1"}
    )
    world.drop_unit("north")
    settle()
    with world.runtime.db.write() as session:
        session.execute(update(Certification).values(areas=True))
        session.execute(update(Seat).where(Seat.person == 1).values(owed=True, parked="The course is full."))
    return path


def granted(world: World, visit: Visit, role: str, certification: int) -> Visitor:
    """Ann, with this role: ``creating`` administers a certification and may make others, ``learner`` has none."""
    wanted: dict[str, dict[str, Any]] = {
        "auditor": {}, "certification": {"certifications": (certification,)},
        "creating": {"certifications": (certification,), "may_create": True}, "area": {"units": ("sales",)},
    }  # fmt: skip
    with world.runtime.db.write() as session:
        ann = session.scalars(select(Person.id).where(Person.ext == "ann")).one()
        if role in wanted:
            scope = dict(wanted[role])
            if "units" in scope:
                scope["units"] = tuple(session.scalars(select(Unit.id).where(Unit.ext.in_(scope["units"]))))
            named = "certification" if role == "creating" else role
            add(session, HOST, RequestedGrant(named, ann, **scope), by=SHELL, at=world.now, who="test")
    return visit("ann", administrator=role == "administrator", person=ann)


@pytest.mark.parametrize("role", ["administrator", "auditor", "certification", "creating", "area", "learner"])
def test_nothing_is_offered_that_would_be_refused(
    app: Flask, world: World, visit: Visit, furnished: str, role: str
) -> None:
    ann = granted(world, visit, role, int(furnished.rsplit("/", 1)[1]))
    begin = "/my/certifications" if role == "learner" else "/home"
    with ann.client:
        ann.page(begin)
        launch = g.launch
    if launch.rights.sees_host:
        shown = {"/held": "stay enrolled until you decide", "/delivery": "The course is full.",
                 f"/hosts/{HOST}/sources": "/sources/staff", "/endpoints": "/endpoints/"}  # fmt: skip
        assert [path for path, what in shown.items() if what not in ann.page(path)] == []
    walk = Walk(app, ann, launch)
    refused = walk.run(begin, "/my/certifications")
    assert not refused, "\n".join(sorted(" ".join(one) for one in refused))
    assert len(walk.seen) >= {"learner": 2, "area": 12}.get(role, 30)
