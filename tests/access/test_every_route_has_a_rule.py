"""No page without a rule; no rule without a test of who it keeps out."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from plugin.access.rules import RULES, SignedOut, check, rule_of
from plugin.app import create_app
from plugin.core.clock import Clock
from plugin.core.db import Database
from plugin.core.errors import Forbidden
from plugin.core.runtime import Runtime


@dataclass
class Visitor:
    person: int | None = None
    is_administrator: bool = False
    purpose: str = "launch"


def test_every_route_names_its_rule(settings, tmp_path) -> None:  # type: ignore[no-untyped-def]
    app = create_app(Runtime(settings, Database(f"sqlite:///{tmp_path}/m.sqlite3"), Clock(1)))
    missing = [
        str(rule)
        for rule in app.url_map.iter_rules()
        if rule.endpoint != "static" and rule_of(app.view_functions[rule.endpoint]) not in RULES
    ]
    assert missing == []


@pytest.mark.parametrize(
    ("name", "visitor", "passes"),
    [
        ("public", None, True),
        ("launched", None, False),
        ("launched", Visitor(), True),
        ("learner", Visitor(), False),
        ("learner", Visitor(person=1), True),
        ("administrator", Visitor(person=1), False),
        ("administrator", Visitor(is_administrator=True), True),
        ("administrator", Visitor(purpose="setup"), False),
        ("setup", Visitor(purpose="setup"), True),
        ("setup", Visitor(person=1), False),
        ("launched", Visitor(purpose="setup"), False),
    ],
)
def test_a_rule_lets_in_whom_it_should(name: str, visitor: Visitor | None, passes: bool) -> None:
    if passes:
        check(name, visitor)
    else:
        with pytest.raises((SignedOut, Forbidden)):
            check(name, visitor)
