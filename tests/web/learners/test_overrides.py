"""On a learner's page her date is moved later, and the certification is said not to apply to her (rules 7.5)."""

from __future__ import annotations

import pytest

from tests.web.conftest import Visit
from tests.world import World, row

CONTENT = {"certification": [{"name": "Core", "courses": ["c1"], "needs": "all"}]}
ANN = "/certifications/1/learners/ann"


@pytest.fixture
def saved(world: World) -> World:
    world.save("fs", row("individual", "ann", due={"fixed": "2027-03-31"}), row("individual", "bea"), content=CONTENT,
               period={"active": "1 year", "window": "1 month"})  # fmt: skip
    return world


def test_one_learners_date_is_moved_later(visit: Visit, saved: World) -> None:
    sam = visit()
    assert sam.post(f"{ANN}/extend", {"to": "2027-04-30"}).status_code == 303
    saved.settle()
    assert "30 Apr 2027, 23:59" in sam.page(ANN)
    assert "Extend" not in sam.page("/certifications/1/learners/bea")  # she has no date
    for wrong, status in (("", 400), ("soon", 400), ("2027-04-01", 409), ("2020-01-01", 409)):
        assert sam.post(f"{ANN}/extend", {"to": wrong}).status_code == status
    assert sam.post("/certifications/1/learners/nobody/extend", {"to": "2027-05-30"}).status_code == 404


def test_a_certification_may_not_apply_to_one_learner(visit: Visit, saved: World) -> None:
    sam = visit()
    for wrong in ({}, {"reason": "so", "until": "2020-01-01"}):
        assert sam.post(f"{ANN}/exempt", wrong).status_code == 409
    assert sam.post(f"{ANN}/exempt", {"reason": "so", "until": "soon"}).status_code == 400
    assert sam.post(f"{ANN}/exempt", {"reason": "On leave", "until": "2026-12-31"}).status_code == 303
    saved.settle()
    assert "Not enrolled" in sam.page(ANN)
    saved.at(saved.now + 60 * 86_400)
    saved.settle()
    assert "Not enrolled" not in sam.page(ANN)


def test_what_has_ended_offers_neither(visit: Visit, saved: World) -> None:
    saved.save("fs", row("individual", "ann", due={"fixed": "2027-03-31"}), row("individual", "bea"), state="archived")
    sam = visit()
    assert "For this learner alone" not in sam.page(ANN)
    assert sam.post(f"{ANN}/extend", {"to": "2027-04-30"}).status_code == 409
