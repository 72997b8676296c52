"""Ids of every kind have a page, and an address that names nothing says so, alike on both databases."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote

import pytest
from flask import Flask, url_for
from sqlalchemy import update

from plugin.mirror.tables import Person
from plugin.web.frame.addresses import escaped, unescaped
from tests.hostile import STRINGS
from tests.in_turn import in_turn
from tests.web.conftest import Visit
from tests.web.steps import add, make, save
from tests.world import World

ODD = ["a/b", "/", ".", "..", "../..", "a//b", "~", "~2F", "~2E", "a\\b", "a?b", "a#b", "a%2Fb", "%", "a b", "ü", "株", "<b>", "learners", "a;b",
       "a+b", "&", "'", '"', "{x}", "x" * 255]  # fmt: skip

LINK = re.compile(r"""url_for\(\s*['"]([a-z_]+\.[a-z_]+)['"]""")


@pytest.mark.parametrize("ident", [*ODD, *(one for one in STRINGS if len(one) < 300)])
def test_an_id_comes_back_from_an_address_as_it_was(ident: str) -> None:
    assert unescaped(escaped(ident)) == ident
    assert escaped(ident) not in (".", "..")
    assert "/" not in escaped(ident)


def test_every_link_that_pages_and_templates_name_has_a_view(app: Flask) -> None:
    known, asked = {one.endpoint for one in app.url_map.iter_rules()}, 0
    for path in (*Path("templates").rglob("*.html"), *Path("plugin/web").rglob("*.py")):
        for name in LINK.findall(path.read_text(encoding="utf-8")):
            assert name in known, f"{path}: {name}"
            asked += 1
    assert asked > 300


def test_a_learner_of_any_id_has_a_page(visit: Visit, world: World) -> None:
    sam = visit()
    path = make(sam)
    add(sam, path, "sales")
    save(sam, path)
    for ident in ODD:
        with world.runtime.db.write() as session:
            session.execute(update(Person).where(Person.name == "Ann").values(ext=ident))
        with sam.client.application.test_request_context("/"):
            address = url_for("learners.one", certification=1, person=ident, handle=sam.handle)
        answer = sam.client.get(address)
        assert (answer.status_code, "Ann" in answer.text) == (200, True), ident
        if ident not in (".", "..", "../..", "/", "a//b") and "~" not in ident:
            assert sam.get(f"{path}/learners/{quote(ident, safe='')}").status_code == 200, ident


@in_turn("number", [2**63, 2**63 - 1, 2**64, 2**31, 10**30, 10**400])
def test_numbers_that_no_database_has_name_nothing(visit: Visit, world: World, number: int) -> None:
    sam = visit()
    path = make(sam)
    rules = [rule for rule in sam.client.application.url_map.iter_rules() if "<int:" in rule.rule]
    assert len(rules) > 40
    for rule in rules:
        method = "GET" if "GET" in (rule.methods or ()) else "POST"
        address = rule.rule.replace("<handle>", sam.handle)
        for name, kind in (("certification", path.rsplit("/", 1)[1]), ("number", "1")):
            if rule.rule.count("<int:") > 1:
                address = address.replace(f"<int:{name}>", kind)
        while "<" in address:
            start, _open, rest = address.partition("<")
            inside, _close, end = rest.partition(">")
            address = f"{start}{number if inside.startswith('int:') else 'x'}{end}"
        answer = sam.client.open(address, method=method)
        assert answer.status_code < 500, (method, rule.rule, answer.status_code)


def test_addresses_and_forms_with_hostile_strings_are_answered_with_a_sentence(visit: Visit, world: World) -> None:
    sam = visit()
    path = make(sam)
    for number, string in enumerate(STRINGS):
        text = string.encode("utf-8", "replace").decode()[:2000]
        for where in (f"/certifications?q={quote(text)}", f"{path}/f/search/individual?q={quote(text)}",
                      f"{path}/learners?q={quote(text)}&state={quote(text)}&page={quote(text)}",
                      f"{path}/learners/{quote(text, safe='')}", f"/hosts/1/incoming?kind={quote(text)}"):  # fmt: skip
            assert sam.get(where).status_code in (200, 303, 308, 400, 404, 405), (where[:60], text[:20])
        answer = sam.post(f"{path}/assignments/add/group", {"name": text, "description": text})
        assert answer.status_code in (200, 302, 303, 400), text[:20]
        if number % 10 == 0:  # the page has a row for each, so it takes longer every time
            assert sam.get(f"{path}/assignments").status_code == 200
    assert sam.get(f"{path}/assignments").status_code == 200
