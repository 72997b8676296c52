"""Incoming: what came, what it led to, what was turned away; in words, and for nobody else's eyes."""

from __future__ import annotations

import pytest

from plugin.core.journal import record
from plugin.core.logs import use_correlation
from plugin.core.network import outcome_counts
from plugin.mirror.tables import Connection, StoredHint
from plugin.web.hosts.incoming import _caused
from tests.web.conftest import Visit
from tests.world import HOST, World


@pytest.fixture
def heard(world: World) -> World:
    now = world.runtime.clock.true()
    with world.runtime.db.write() as session:
        session.add(
            Connection(host_id=HOST, id=1, name="acme", kind="webhook", mapping={}, settings={}, marks={}, caps={})
        )
        common = {"host_id": HOST, "connection": 1, "received": now - 200}
        session.add(StoredHint(**common, id=1, key="a", kind="people", ids=["<b>U-1</b>", "U-2", "U-3", "U-4", "U-5"], done=True,
                         caused="read 1", worked=now - 198, batch="b" * 16))  # fmt: skip
        session.add(
            StoredHint(**common, id=2, key="b", kind="units", ids=[], done=True, caused="delta 17 12345", worked=now)
        )
        session.add(StoredHint(**common, id=3, key="c", kind="enrolments", ids=["e"], done=True, caused="differed 0 4"))
        session.add(StoredHint(**common, id=4, key="d", kind="jobs", ids=["j1"]))
        session.add(StoredHint(**common, id=5, key="e", kind="all", ids=[], done=True, caused="3 rows changed"))
        use_correlation("b" * 16)
        record(session, HOST, 5, "sync", "enrolled", certification=1, person=1)
        record(session, HOST, 5, "sync", "withdrawn", certification=1, person=2)
        outcome_counts.count(session, HOST, world.runtime.clock.now(), "hooks", {"signature": 3})
    return world


def test_each_hint_says_what_it_led_to(heard: World, visit: Visit) -> None:
    page = visit().page("/hosts/1/incoming")
    for words in ("&lt;b&gt;U-1&lt;/b&gt;, U-2, U-3 and 2 more", "1 record changed.", "1 learner enrolled · 1 withdrawn.",
                  "Read 2 seconds after it came", "for 12,345 hints together. 17 records changed.",
                  "the echo of Muster’s own enrolments", "no ids: all that changed", "3 rows changed", "/hooks/acme",
                  "3 × signature or token does not fit"):  # fmt: skip
        assert words in page, words
    only = visit().page("/hosts/1/incoming?state=waiting&kind=jobs")
    assert "Showing 1 of 1" in only
    assert "None of these" in visit().page("/hosts/1/incoming?kind=audiences")
    assert "Incoming" in visit().page("/hosts/1/configuration")


def test_nobody_sees_what_another_host_hinted_at(heard: World, visit: Visit) -> None:
    assert visit().get("/hosts/2/incoming").status_code == 404
    assert visit("ann", administrator=False, person=1).get("/hosts/1/incoming").status_code == 403


def test_words_that_are_not_ours_stay_as_they_are(heard: World) -> None:
    assert [_caused(text) for text in ("", "x", "read x", "other 1 2")] == ["", "x", "read x", "other 1 2"]
