"""No page without a rule; no rule without a test of who it keeps out."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from plugin.access.rights import NONE, Rights
from plugin.access.rules import RULES, SCOPES, SignedOut, check, rule_of, scope_of
from plugin.app import create_app
from plugin.core.clock import Clock
from plugin.core.db import Database
from plugin.core.errors import Forbidden
from plugin.core.runtime import Runtime


@dataclass
class Visitor:
    person: int | None = None
    rights: Rights = NONE
    purpose: str = "launch"
    scopes: tuple[str, ...] = ()


SITE, AUDITOR = Rights(site=True), Rights(auditor=True)
SOME = Rights(certifications=frozenset({7}))
ALL = Rights(all=True, creates=True)


def test_every_route_names_its_rule(settings, tmp_path) -> None:  # type: ignore[no-untyped-def]
    app = create_app(Runtime(settings, Database(f"sqlite:///{tmp_path}/m.sqlite3"), Clock(1)))
    missing = [
        str(rule)
        for rule in app.url_map.iter_rules()
        if rule.endpoint != "static" and rule_of(app.view_functions[rule.endpoint]) not in RULES
    ]
    assert missing == []


def test_a_program_gets_nowhere_without_a_scope_named(settings, tmp_path) -> None:  # type: ignore[no-untyped-def]
    app = create_app(Runtime(settings, Database(f"sqlite:///{tmp_path}/m.sqlite3"), Clock(1)))
    program = Visitor(purpose="program", rights=SITE, scopes=SCOPES)
    for one in app.url_map.iter_rules():
        view = app.view_functions[one.endpoint]
        if one.endpoint == "static" or rule_of(view) == "public":
            continue
        assert bool(scope_of(view)) == one.rule.startswith(("/api/", "/scim/")), one.rule
        if not scope_of(view):
            with pytest.raises(Forbidden):
                check(str(rule_of(view)), program, certification=7)


@pytest.mark.parametrize("has", SCOPES)
@pytest.mark.parametrize("needs", SCOPES)
def test_no_scope_contains_another(has: str, needs: str) -> None:
    program = Visitor(purpose="program", rights=SITE, scopes=(has,))
    if has == needs:
        check("see", program, scope=needs, certification=7)
    else:
        with pytest.raises(Forbidden):
            check("see", program, scope=needs, certification=7)


@pytest.mark.parametrize(
    ("name", "lets_in"),
    [
        ("see", {"site", "auditor", "all", "its own"}),
        ("change", {"site", "all", "its own"}),
        ("create", {"site", "all"}),
        ("staff", {"site", "auditor", "all", "its own", "another's"}),
        ("see host", {"site", "auditor"}),
        ("change host", {"site"}),
        ("setup", {"site", "operator"}),
        ("see setup", {"site", "auditor", "operator"}),
        ("operator", {"operator"}),
        ("launched", {"site", "auditor", "all", "its own", "another's", "learner", "stranger"}),
        ("learner", {"learner"}),
        ("signed in", {"site", "auditor", "all", "its own", "another's", "learner", "stranger", "operator"}),
    ],
)
def test_a_rule_lets_in_whom_it_should(name: str, lets_in: set[str]) -> None:
    visitors = {
        "site": Visitor(rights=SITE), "auditor": Visitor(rights=AUDITOR), "all": Visitor(rights=ALL),
        "its own": Visitor(rights=SOME), "another's": Visitor(rights=Rights(certifications=frozenset({8}))),
        "learner": Visitor(person=1), "stranger": Visitor(), "operator": Visitor(purpose="setup"),
    }  # fmt: skip
    for who, visitor in visitors.items():
        if who in lets_in:
            check(name, visitor, certification=7)
        else:
            with pytest.raises(Forbidden):
                check(name, visitor, certification=7)
    with pytest.raises(SignedOut):
        check(name, None, certification=7)
