"""One later date for many learners of a list: of one organisation, confirmed by number, in one line of the history."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from plugin.core.tables import Journal
from plugin.enrolment.tables import Enrolment, Extension
from plugin.mirror.lookup.search import reindex
from plugin.mirror.tables import Unit
from tests.web.conftest import Visit
from tests.world import HOST, World, row

LATE = {"fixed": "2020-01-31"}


@pytest.fixture
def late(world: World) -> str:
    """Everybody of sales and below is overdue, eve is due later."""
    world.save("fs", row("organisation", "sales", include="below", due=LATE), row("individual", "eve", due={"fixed": "2027-06-30"}),
               exceptions={"time_allowance": "assign"})  # fmt: skip
    world.settle()
    with world.runtime.db.write() as session:
        reindex(session, HOST, Unit, ["name"], list(session.scalars(select(Unit.id))))
        return f"/certifications/{session.scalars(select(Enrolment.certification)).first()}"


def dues(world: World) -> dict[int, int | None]:
    with world.runtime.db.read() as session:
        return {one.person: one.due for one in session.scalars(select(Enrolment).order_by(Enrolment.person))}


def test_all_overdue_of_an_organisation_get_one_later_date(world: World, late: str, visit: Visit) -> None:
    sam, before = visit(), dues(world)
    listed = sam.page(f"{late}/learners?standing=overdue&organisation=north")
    assert "Showing 2 of 2" in listed
    assert "orth and below" in listed
    form = {"standing": "overdue", "organisation": "north", "everyone": "on", "to": "2027-03-31"}
    asked = sam.post(f"{late}/learners/extend", form)
    assert asked.status_code == 200
    assert "The due dates of 2 learners move to 31 Mar 2027" in asked.text
    assert dues(world) == before
    answer = sam.post(f"{late}/learners/extend", {**form, "confirmed": "2"})
    assert answer.status_code == 303
    after = dues(world)
    assert {person for person, due in after.items() if due != before[person]} == {3, 4}
    world.settle()
    assert dues(world) == after
    with world.runtime.db.read() as session:
        assert sorted(one.person for one in session.scalars(select(Extension))) == [3, 4]
        (entry,) = session.scalars(select(Journal).where(Journal.what == "extended"))
        assert (entry.count, entry.who) == (2, "Sam (sam)")
    assert "Moved the dates of 2 learners to 31 Mar 2027" in sam.page(f"{late}/history")
    assert "Showing 0" not in sam.page(f"{late}/learners?standing=overdue")
    assert "Date moved later" in sam.page("/people/cid")


def test_chosen_rows_are_moved_and_whoever_is_later_already_is_left_out(world: World, late: str, visit: Visit) -> None:
    sam, before = visit(), dues(world)
    form = {"person": ["ann", "eve"], "to": "2027-03-31", "confirmed": "2"}
    answer = sam.post(f"{late}/learners/extend", form)
    assert answer.status_code == 303
    after = dues(world)
    assert {person for person, due in after.items() if due != before[person]} == {1}
    page = sam.get(re.sub(r".*/t/[^/]+", "", answer.location)).text
    assert "The date of 1 learner is moved. 1 had a later one" in page
    assert sam.post(f"{late}/learners/extend", {**form, "person": "eve", "confirmed": "1"}).status_code == 409


@pytest.mark.parametrize(
    "form",
    [
        {"to": "2027-03-31"},
        {"person": "ann"},
        {"person": "ann", "to": "soon"},
        {"person": "ann", "to": "2020-01-01", "confirmed": "1"},
    ],
)
def test_what_cannot_be_is_refused(world: World, late: str, visit: Visit, form: dict[str, str]) -> None:
    before = dues(world)
    assert 400 <= visit().post(f"{late}/learners/extend", form).status_code < 500
    assert dues(world) == before


def test_a_learner_may_not(late: str, visit: Visit) -> None:
    ann = visit("ann", administrator=False, person=1)
    form = {"person": "ann", "to": "2027-03-31", "confirmed": "1"}
    assert ann.post(f"{late}/learners/extend", form).status_code in (403, 404)
