"""The Exceptions tab: searched and counted by type, answered in bulk after a number was confirmed, and what was answered."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update

from plugin.core.db import Database
from plugin.mirror.lookup.search import reindex
from plugin.mirror.tables import Person
from tests.web.conftest import Visit
from tests.world import HOST, World, row

PAST, AFTER = {"fixed": "2026-11-01"}, {"after": "profile_date", "field": "hired", "add": "1 year"}
CONTENT = {"certification": [{"name": "Core", "courses": ["c1"], "needs": "all"}]}
TAB = "/certifications/1/exceptions"


@pytest.fixture
def asked(world: World, db: Database) -> World:
    """Ann, Zoë and Cid have too little time, Dov and Eve no known date."""
    with db.write() as session:
        session.execute(update(Person).where(Person.ext == "bea").values(name="Zoë Ångström"))
        reindex(session, HOST, Person, ("name",), session.scalars(select(Person.id)).all())
    short = [row("individual", one, due=PAST) for one in ("ann", "bea", "cid")]
    unknown = [row("individual", one, due=AFTER) for one in ("dov", "eve")]
    world.save("fs", *short, *unknown, content=CONTENT, period={"active": "1 year", "window": "1 month"})
    return world


def test_exceptions_are_searched_without_accents_and_counted_by_type(visit: Visit, asked: World) -> None:
    sam = visit()
    everything = sam.page(TAB)
    assert "All types (5)" in everything
    assert "Time allowance (3)" in everything
    assert "Completion time unknown (2)" in everything
    found = sam.page(f"{TAB}?q=angstr")
    assert "Zoë Ångström" in found
    assert "All types (1)" in found
    assert "Cid" not in found
    assert "No exceptions match" in sam.page(f"{TAB}?q=nobody")
    assert "No exceptions match" in sam.page(f"{TAB}?q=%2B%2B")
    unknown = sam.page(f"{TAB}?type=unknown_date")
    assert "All 2 that match" in unknown
    assert 'value="assign"' not in unknown


def test_more_than_one_is_answered_only_after_the_number_was_confirmed(visit: Visit, asked: World) -> None:
    sam = visit()
    chosen = {"everyone": "on", "type": "time_allowance", "action": "realistic"}
    question = sam.post(TAB, chosen)
    assert question.status_code == 200
    assert "This enrols 3 learners with a realistic due date." in question.text
    assert "All types (5)" in sam.page(TAB)  # nothing has happened
    assert sam.post(TAB, {**chosen, "confirmed": "4"}).status_code == 409
    done = sam.post(TAB, {**chosen, "confirmed": "3"})
    assert (
        "3 exceptions are answered: Set realistic due date and assign."
        in sam.get(done.location.partition(sam.handle)[2]).text
    )
    asked.settle()
    assert "All types (2)" in sam.page(TAB)
    some = {"person": ["dov", "eve"], "action": "dismiss"}
    assert "2 learners will not be assigned." in sam.post(TAB, some).text
    assert sam.post(TAB, {**some, "confirmed": "2"}).status_code == 303
    asked.settle()
    assert "No open exceptions" in sam.page(TAB)


def test_an_answer_that_one_of_them_does_not_allow_is_given_to_none(visit: Visit, asked: World) -> None:
    sam = visit()
    mixed = {"everyone": "on", "action": "assign", "confirmed": "5"}
    assert sam.post(TAB, mixed).status_code == 409
    assert "All types (5)" in sam.page(TAB)
    assert sam.post(TAB, {"person": "dov", "action": "assign"}).status_code == 409
    assert sam.post(TAB, {"person": "dov", "action": "reopen"}).status_code == 400
    assert sam.post(TAB, {"person": "nobody", "action": "dismiss"}).status_code == 404
    assert sam.post(TAB, {"action": "dismiss"}).status_code == 400
    assert sam.post(TAB, {"person": "dov", "action": "perhaps"}).status_code == 400


def test_what_was_answered_stands_with_who_answered_and_can_be_asked_again(visit: Visit, asked: World) -> None:
    sam = visit()
    sam.post(TAB, {"person": "ann", "action": "assign"})
    sam.post(TAB, {"person": "dov", "action": "dismiss"})
    asked.settle()
    answered = sam.page(f"{TAB}?view=answered")
    assert "Sam (sam)" in answered
    assert "All types (2)" in answered
    assert "Do not assign" in answered
    assert "Dov" not in sam.page(f"{TAB}?view=answered&q=ann")
    assert sam.post(TAB, {"view": "answered", "person": "dov", "action": "assign"}).status_code == 400
    back = sam.post(TAB, {"view": "answered", "person": "dov", "action": "reopen"})
    assert "1 answer is taken back." in sam.get(back.location.partition(sam.handle)[2]).text
    asked.settle()
    assert "All types (1)" in sam.page(f"{TAB}?view=answered")
    assert "Completion time unknown (2)" in sam.page(TAB)


def test_a_standing_answer_is_named_as_such(visit: Visit, world: World) -> None:
    content = {"certification": [{**CONTENT["certification"][0], "minimum": "30 days"}]}
    world.save("fs", row("individual", "ann", due=PAST), content=content, exceptions={"time_allowance": "assign"},
               period={"active": "1 year", "window": "1 month"})  # fmt: skip
    answered = visit().page(f"{TAB}?view=answered")
    assert "A standing answer" in answered
    assert "Ann" in answered


def test_exceptions_of_what_has_ended_are_only_read(visit: Visit, asked: World) -> None:
    rows = [row("individual", "ann", due=PAST)]
    asked.save("fs", *rows, state="archived")
    sam = visit()
    page = sam.page(TAB)
    assert "Ann" in page
    assert 'name="person"' not in page
    assert sam.post(TAB, {"person": "ann", "action": "assign"}).status_code == 409
