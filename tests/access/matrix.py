"""Who may do what, as a table: made from the rules that pages, operations and commands name. ``python -m tests.access.matrix``
writes ``docs/permissions.md``."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import click
from flask import Flask

from config.settings import read_settings
from plugin.access.rights import NONE, Rights
from plugin.access.rules import allows, area_of, rule_of, scope_of
from plugin.app import create_app
from plugin.cli.commands import MUSTER
from plugin.cli.rules import IN_AREAS, RULES, SHELL
from plugin.core.clock import Clock
from plugin.core.db import Database
from plugin.core.runtime import Runtime

DOCUMENT = Path(__file__).parents[2] / "docs" / "permissions.md"
MARK = "## The matrix"
"""What stands before it in the document is written by hand."""
ITS, OTHER = 1, 2
"""The certification of the address, and another."""


@dataclass(frozen=True)
class Role:
    """Somebody as rules see a visitor."""

    name: str
    rights: Rights = NONE
    person: int | None = 1
    purpose: str = "launch"
    scopes: tuple[str, ...] = ()


ROLES = (
    Role("site administrator", Rights(site=True)),
    Role("certification administrator: its own", Rights(certifications=frozenset({ITS}))),
    Role("certification administrator: another's", Rights(certifications=frozenset({OTHER}))),
    Role("with *may create*", Rights(certifications=frozenset({ITS}), creates=True)),
    Role("area administrator", Rights(units=frozenset({1}), opened=frozenset({ITS}))),
    Role("auditor", Rights(auditor=True)),
    Role("learner, manager"),
    Role("nobody of the mirror", person=None),
    Role("operator", person=None, purpose="setup"),
)


@dataclass(frozen=True)
class Operation:
    """A page or an operation of the API, by a method and a route."""

    method: str
    route: str
    endpoint: str
    rule: str
    scope: str
    area: bool


def operations(app: Flask) -> list[Operation]:
    """All of them, in the order of their routes; what anybody may open is left out."""
    found = [
        Operation(
            method,
            one.rule.removeprefix("/t/<handle>"),
            one.endpoint,
            str(rule_of(view)),
            scope_of(view),
            area_of(view),
        )
        for one in app.url_map.iter_rules()
        if one.endpoint != "static"
        for view in [app.view_functions[one.endpoint]]
        for method in sorted((one.methods or set()) - {"HEAD", "OPTIONS"})
    ]
    return sorted(found, key=lambda one: (bool(one.scope), one.route, one.method))


def commands(group: click.Group = MUSTER, path: str = "") -> Iterator[str]:
    """The words of every command."""
    for name, command in group.commands.items():
        words = f"{path} {name}".strip()
        if isinstance(command, click.Group):
            yield from commands(command, words)
        else:
            yield words


def may(rule: str, role: Role, *, area: bool = False) -> bool:
    """Whether a rule lets a role pass, about the certification ``ITS``."""
    return allows(rule, role, ITS if rule in ("see", "change", "create") else None, area=area)


def mark(rule: str, role: Role, *, area: bool) -> str:
    """What the table says."""
    if may(rule, role):
        return "yes"
    return "area" if may(rule, role, area=area) else ""


def document(app: Flask) -> str:
    """The whole page."""
    head = "|".join(role.name for role in ROLES)
    line = "|".join("---" for _role in ROLES)
    before = DOCUMENT.read_text(encoding="utf-8").partition(MARK)[0].rstrip()
    lines = [
        before, "", MARK, "",
        "Made from the rules that the code names, by `python -m tests.access.matrix`; a test compares it with what answers. Addresses of",
        "pages stand behind the session's own. Everything is inside one learning site; a manager's team and a learner's own page are",
        "narrowed further by whom they show. What is not listed is open to anybody, and proves itself otherwise: launches, hooks, signs of",
        "life. The worker acts by no visitor's right: it does what was saved, and what the learning site changed.", "",
        "### Pages", "", f"|page|rule|{head}|", f"|---|---|{line}|",
    ]  # fmt: skip
    listed = [one for one in operations(app) if one.rule != "public"]
    for one in listed:
        if not one.scope:
            marks = "|".join(mark(one.rule, role, area=one.area) for role in ROLES)
            lines.append(f"|`{one.method} {one.route}`|{one.rule}|{marks}|")
    people = [role for role in ROLES if role.purpose == "launch" and role.rights != NONE]
    head, line = "|".join(role.name for role in people), "|".join("---" for _role in people)
    lines += [
        "", "### API", "", "A token needs the scope, and its owner the right.", "",
        f"|operation|scope|rule|{head}|", f"|---|---|---|{line}|",
    ]  # fmt: skip
    for one in listed:
        if one.scope:
            marks = "|".join(
                mark(one.rule, replace(role, purpose="program", person=None), area=one.area) for role in people
            )
            lines.append(f"|`{one.method} {one.route}`|{one.scope}|{one.rule}|{marks}|")
    lines += [
        "", "### Commands", "",
        "Whoever may run commands on the server may everything. With `--as PERSON` a command needs that person's right:", "",
        f"|command|rule|{head}|", f"|---|---|{line}|",
    ]  # fmt: skip
    for words in commands():
        rule = RULES[words]
        marks = "|".join(mark(rule, role, area=words in IN_AREAS) if rule != SHELL else "" for role in people)
        lines.append(f"|`muster {words}`|{rule}|{marks}|")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the page."""
    with tempfile.TemporaryDirectory() as folder:
        settings = read_settings({"MUSTER_ENV": "development"})
        database = Database(f"sqlite:///{folder}/m.sqlite3")
        DOCUMENT.write_text(document(create_app(Runtime(settings, database, Clock(1)))), encoding="utf-8")
        database.close()


if __name__ == "__main__":
    sys.exit(main())
