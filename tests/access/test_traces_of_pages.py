"""No page names a person without a trace: every page is opened, and whatever names somebody must be in the list (ACCESS 6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from plugin.access.traces import API, PAGE
from plugin.core.journal import record
from plugin.mirror.tables import Person
from plugin.web.access.trace_words import read_words
from plugin.web.access.tracing import PAGES
from tests.access.test_other_tenants import foreign
from tests.web.conftest import Visit
from tests.world import HOST, World, row

__all__ = ["foreign"]

NAMES = {"ann": "Annabel", "bea": "Beatrix", "cid": "Cidney", "dov": "Dovina", "eve": "Evelyn"}
OF_HERSELF = {"my.listing", "my.watch"}
"""A learner's own pages: they name her manager."""
IDS: dict[str, Any] = {
    "certification": 1, "kind": "individual", "part": "newly", "entry": 1, "group": 1, "person": "cid", "which": "1",
    "form": "csv", "number": HOST, "name": "registry", "load_number": 1, "action": "x", "n": 1, "asked": 1, "change": 1, "people": 1,
}  # fmt: skip


@pytest.mark.one_database
def test_whatever_names_somebody_leaves_a_trace(
    app: Flask, foreign: World, visit: Visit, settle: Callable[[], None]
) -> None:
    world = foreign
    with world.runtime.db.write() as session:
        for ext, name in NAMES.items():
            session.execute(update(Person).where(Person.ext == ext).values(name=name, email=f"{ext}@example.test"))
    world.job("j-cid", "cid", "north", boss="j-bea")
    world.save("FS", row("organisation", "sales", "below"), row("individual", "eve"), row("manager", "j-bea", "direct"),
               name="Food Safety", content={"certification": [{"name": "Core", "courses": ["c1"], "needs": "all"}]})  # fmt: skip
    settle()
    with world.runtime.db.write() as session:
        record(session, HOST, world.now, "sam", "exempted", certification=1, person=3, reason="x")
    untraced, traced, asked = set(), set(), 0
    for who, person in (("sam", None), ("bea", 2), ("cid", 3)):
        visitor = visit(who, administrator=who == "sam", person=person)
        for rule in app.url_map.iter_rules():
            if "handle" not in rule.arguments or "GET" not in (rule.methods or ()):
                continue
            source = "registry" if "sources" in rule.rule else "learners"
            values = {one: {**IDS, "handle": visitor.handle, "source": source}[one] for one in rule.arguments}
            built = rule.build(values, append_unknown=False)
            assert built is not None
            answer = visitor.client.get(built[1], headers={"X-Muster-Fragment": "1"})
            assert answer.status_code < 500, built[1]
            if answer.status_code == 200 and any(name in answer.text for ext, name in NAMES.items() if ext != who):
                (traced if rule.endpoint in PAGES else untraced).add(rule.endpoint)
            asked += 1
    assert untraced - OF_HERSELF == set()
    assert len(traced) > 15
    assert asked > 250
    assert set(app.view_functions) >= PAGES


def test_every_page_that_leaves_a_trace_has_a_name_there(app: Flask) -> None:
    with app.test_request_context("/"):
        assert [one for one in sorted(PAGES) if not read_words(PAGE, one)] == []
        assert read_words(API, "learners.tab") == ""  # an operation is called as the description of the API calls it
