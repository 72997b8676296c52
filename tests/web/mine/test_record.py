"""*My record*: what a learner completed, a proof to print, and a number that confirms it to whoever has it."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from sqlalchemy import update

from plugin.mirror.tables import Completion, Person
from tests.web.conftest import Visit
from tests.world import World, row

PERIOD = {"active": "1 year", "window": "1 month", "minimum_active": "6 months", "expiry_from": "completion"}


@pytest.fixture
def completed(world: World) -> World:
    """ann is certified until November 2027; bea is enrolled and has completed nothing."""
    content = {
        kind: [{"name": "Core", "courses": ["c1"], "needs": "all"}] for kind in ("certification", "recertification")
    }
    world.save("fs", row("individual", "ann"), row("individual", "bea"), name="Food Safety", state="live", settle=True,
               content=content, period=PERIOD)  # fmt: skip
    world.complete("ann", "c1", world.now - 60)
    world.settle()
    return world


def test_a_learner_prints_a_proof_and_anybody_verifies_it(completed: World, app: Flask, visit: Visit) -> None:
    ann, sam = visit("ann", administrator=False, person=1), visit()
    text = ann.page("/my/record")
    assert ("Food Safety" in text, "18 November 2026" in text, "18 November 2027" in text) == (True, True, True)
    text = ann.page("/my/record/1")
    assert ("Ann" in text, "Number" in text) == (True, False)
    sam.post("/reports/proofs", {"verify": "yes"})
    text = ann.page("/my/record/1")
    [number] = re.findall(r"<code>([0-9A-Z-]+)</code>", text)
    assert re.fullmatch(r"1(-[2-9A-Z]{5}){5}", number)
    assert f"/verify/{number}" in text
    assert number in ann.page("/my/record/1")  # the same again
    anybody = app.test_client()
    told = anybody.get(f"/verify/{number}")
    assert told.status_code == 200
    for words in ("Food Safety", "Ann", "18 November 2027", "Confirmed"):
        assert words in told.text
    assert anybody.get(f"/verify/{number.lower().replace('-', '').replace('1', '1-', 1)}").status_code == 200
    last = "2" if number[-1] != "2" else "3"
    for wrong in (number[:-1] + last, "x", "1", "99" + number[1:], "1-" + "A" * 80):
        refused = anybody.get(f"/verify/{wrong}")
        assert (refused.status_code, "proves nothing" in refused.text) == (404, True), wrong
    visit("bea", administrator=False, person=2).page("/my/record/1", 404)
    assert "You have completed nothing yet" in visit("bea", administrator=False, person=2).page("/my/record")


def test_a_number_ends_with_its_completion_its_person_and_the_switch(
    completed: World, app: Flask, visit: Visit
) -> None:
    ann, sam, anybody = visit("ann", administrator=False, person=1), visit(), app.test_client()
    sam.post("/reports/proofs", {"verify": "yes"})
    [number] = re.findall(r"<code>([0-9A-Z-]+)</code>", ann.page("/my/record/1"))

    def holds() -> bool:
        return anybody.get(f"/verify/{number}").status_code == 200

    assert holds()
    sam.post("/reports/proofs", {})
    assert not holds()
    sam.post("/reports/proofs", {"verify": "yes"})
    with completed.runtime.db.write() as session:
        session.execute(update(Person).where(Person.id == 1).values(name="", username=""))
    assert not holds()
    with completed.runtime.db.write() as session:
        session.execute(update(Person).where(Person.id == 1).values(name="Ann", life=1))
    assert not holds()
    with completed.runtime.db.write() as session:
        session.execute(update(Person).where(Person.id == 1).values(life=0))
        session.execute(update(Completion).values(gone=True))
    assert holds()
    with completed.runtime.db.write() as session:
        session.connection().exec_driver_sql("UPDATE enrolment SET certified_at = NULL, state = 1 WHERE person = 1")
    assert not holds()


def test_whoever_guesses_is_slowed_down(completed: World, app: Flask) -> None:
    anybody = app.test_client()
    answers = [anybody.get(f"/verify/1-{n:025d}").status_code for n in range(32)]
    assert (answers[0], answers[-1]) == (404, 429)
