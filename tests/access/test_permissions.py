"""``docs/permissions.md`` is what the rules say, and what answers is what it says: every operation, asked by every role."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.routing import AnyConverter, IntegerConverter, Rule

from plugin.access import grants
from plugin.access.grants import RequestedGrant
from plugin.access.rights import SHELL
from plugin.access.rules import SCOPES
from plugin.access.tokens import RequestedToken, TokenOwner, make_token
from plugin.certifications.tables import Assignment, Certification
from plugin.cli.rules import RULES
from plugin.web.launch.session import Launch, open_session
from tests.access.matrix import DOCUMENT, ITS, ROLES, Role, commands, document, may, operations
from tests.world import HOST, World, row

ALONE = {"hosts.sync", "checking.test", "mapping.change", "host_messages.test"}
"""They call the host, and wait for it."""


def test_the_document_is_what_the_rules_say(app: Flask) -> None:
    made = document(app)
    assert DOCUMENT.read_text(encoding="utf-8") == made, "python -m tests.access.matrix writes it"


def test_every_command_names_its_rule() -> None:
    assert set(commands()) == set(RULES)


@pytest.fixture
def company(world: World) -> World:
    group = row("group", "volunteers", group={"self_enrol": True, "withdraw": True})
    world.save("ITS", row("organisation", "sales", "below"), group, name="Its", areas=True)
    world.save("OTHER", name="Other")
    with world.runtime.db.read() as session:
        assert session.scalar(select(Certification.id).where(Certification.code == "ITS")) == ITS
    return world


def _come_as(world: World, role: Role) -> str:
    """A session of this role's, as a launch or a setup link opens one."""
    with world.runtime.db.write() as session:
        visitor = Launch(
            HOST if role.purpose == "launch" else 0, role.person, "ann" if role.person else "nobody", "",
            is_administrator=False, purpose=role.purpose,
        )  # fmt: skip
        return open_session(session, world.runtime, visitor)[0]


def _grant(world: World, role: Role) -> None:
    rights = role.rights
    with world.runtime.db.write() as session:
        for wanted in (
            RequestedGrant("site", 1) if rights.site else None,
            RequestedGrant("auditor", 1) if rights.auditor else None,
            RequestedGrant("certification", 1, certifications=tuple(rights.certifications), may_create=rights.creates)
            if rights.certifications
            else None,
            RequestedGrant("area", 1, units=tuple(rights.units)) if rights.units else None,
        ):
            if wanted is not None:
                grants.add(session, HOST, wanted, by=SHELL, at=world.now, who="test")


def _address(rule: Rule, handle: str, group: int) -> str:
    ids: dict[str, Any] = {
        "handle": handle, "certification": ITS, "kind": "organisation", "part": "newly", "entry": 10_000, "group": group,
        "person": "bea", "which": "1", "number": HOST if "/hosts/" in rule.rule else 1, "n": 10_000, "code": "ITS",
        "assignment": "organisation:sales", "grant": 10_000, "source": "membership",
    }  # fmt: skip
    if rule.rule.startswith("/api/"):
        ids["group"] = "volunteers"
    built = rule.build({name: ids.get(name, _any(rule, name)) for name in rule.arguments}, append_unknown=False)
    assert built is not None, rule
    return built[1]


def _any(rule: Rule, name: str) -> Any:
    """A value that fits the address and names nothing."""
    converter = rule._converters[name]
    if isinstance(converter, AnyConverter):
        return sorted(converter.items)[0]
    return 10_000 if isinstance(converter, IntegerConverter) else "x"


@pytest.mark.one_database
@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_what_answers_is_what_the_document_says(app: Flask, company: World, role: Role) -> None:
    _grant(company, role)
    rules = {one.endpoint: one for one in app.url_map.iter_rules()}
    with company.runtime.db.read() as session:
        group = session.scalars(select(Assignment.id).where(Assignment.type == "group")).one()
    asked = 0
    for one in operations(app):
        if one.scope or one.rule == "public" or one.endpoint in ALONE:
            continue
        path = _address(rules[one.endpoint], _come_as(company, role), group)
        answer = app.test_client().open(path, method=one.method, data={} if one.method == "POST" else None)
        if may(one.rule, role, area=one.area):
            assert answer.status_code not in (401, 403, 500), (one, answer.status_code)
        else:
            assert answer.status_code == 403, (one, answer.status_code)
        asked += 1
    assert asked > 100


@pytest.mark.one_database
@pytest.mark.parametrize("role", [one for one in ROLES if one.rights.any], ids=lambda role: role.name)
@pytest.mark.parametrize("scope", SCOPES)
def test_a_token_does_what_its_scope_and_its_owner_allow(app: Flask, company: World, role: Role, scope: str) -> None:
    _grant(company, role)
    with company.runtime.db.write() as session:
        token = make_token(
            session, HOST, RequestedToken("t", (scope,)), owner=TokenOwner(person=1), at=company.now, who="test"
        )
    rules = {one.endpoint: one for one in app.url_map.iter_rules()}
    for one in operations(app):
        if not one.scope:
            continue
        path = _address(rules[one.endpoint], "", 0)
        answer = app.test_client().open(path, method=one.method, json={}, headers={"Authorization": f"Bearer {token}"})
        allowed = one.scope == scope and may(one.rule, role, area=one.area)
        assert (answer.status_code != 403) == allowed, (one, answer.status_code)
        assert answer.status_code not in (401, 500), (one, answer.status_code)
