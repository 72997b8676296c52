"""The learner's own page: her certifications, her requests, and nothing of what is held back (rules 2.5, 4.3)."""

from __future__ import annotations

from collections.abc import Callable

from tests.web.conftest import Visit
from tests.web.steps import add, due, make, save
from tests.world import World

PAST = {"kind": "fixed", "date": "2026-11-01"}


def test_who_is_held_back_sees_nothing_but_her_own_request_and_may_cancel_it(
    visit: Visit, settle: Callable[[], None]
) -> None:
    sam = visit()
    path = make(sam)
    add(sam, path, "legal", "sales")
    sam.post(f"{path}/assignments/add/group", {"name": "Volunteers", "description": "They help", "self_enrol": "on"})
    for key in ("organisation:sales", "group:Volunteers"):
        sam.post(f"{path}/assignments/due", {"key": key, **PAST})
    save(sam, path)
    settle()
    ann, eve = visit("ann", administrator=False, person=1), visit("eve", administrator=False, person=5)
    assert "You have no certifications now" in ann.page("/my/certifications")  # an exception holds her back
    assert eve.post("/my/groups/1/join", {"group": "Volunteers"}).status_code == 303
    settle()
    hers = eve.page("/my/certifications")
    assert "Your request waits for an administrator" in hers
    assert "To be completed by" not in hers
    assert eve.post("/my/groups/1/leave", {"group": "Volunteers"}).status_code == 303  # withdrawal is not allowed
    settle()
    assert "You have no certifications now" in eve.page("/my/certifications")
    assert eve.post("/my/groups/1/join", {"group": "Volunteers"}).status_code == 303
    settle()
    sam.post(f"{path}/exceptions", {"person": "eve", "action": "dismiss"})
    settle()
    assert "An administrator decided that you are not enrolled here" in eve.page("/my/certifications")
    assert eve.post("/my/groups/1/leave", {"group": "Volunteers"}).status_code == 409


def test_a_request_that_was_granted_says_so(visit: Visit, settle: Callable[[], None]) -> None:
    sam = visit()
    path = make(sam)
    sam.post(f"{path}/assignments/add/group", {"name": "Volunteers", "self_enrol": "on"})
    sam.post(f"{path}/assignments/due", {"key": "group:Volunteers", **PAST})
    save(sam, path)
    settle()
    eve = visit("eve", administrator=False, person=5)
    eve.post("/my/groups/1/join", {"group": "Volunteers"})
    settle()
    sam.post(f"{path}/exceptions", {"person": "eve", "action": "assign"})
    settle()
    hers = eve.page("/my/certifications")
    assert "waits for an administrator" not in hers
    assert "To be completed by" in hers
    assert "Because you joined Volunteers" in hers


def test_her_date_is_shown_where_she_is_and_to_administrators_in_both_zones(
    visit: Visit, world: World, settle: Callable[[], None]
) -> None:
    sam = visit()
    path = make(sam)
    add(sam, path, "sales")
    due(sam, path, "organisation:sales", "2031-01-31")
    save(sam, path)
    settle()
    world.set_person("ann", time_zone="Asia/Tokyo")
    ann = visit("ann", administrator=False, person=1)
    assert "To be completed by 1 Feb 2031, 08:59 (Asia/Tokyo)." in ann.page("/my/certifications")
    hers = sam.page(f"{path}/learners/ann")
    assert "31 Jan 2031, 23:59" in hers
    assert "1 Feb 2031, 08:59 where the learner is (Asia/Tokyo)" in hers
    assert "where the learner is" not in sam.page(f"{path}/learners/bea")


def test_checking_a_learner_names_where_she_works_and_why_that_matches_or_not(
    visit: Visit, world: World, settle: Callable[[], None]
) -> None:
    world.job("j-cid", "cid", "north", boss="j-ann")
    world.job("j-dov", "dov", "north", boss="j-cid")
    sam = visit()
    path = make(sam)
    add(sam, path, "sales", "legal")
    sam.post(f"{path}/assignments/add/manager", {"target": ["j-ann"]})
    save(sam, path)
    settle()
    ann, dov, eve = (sam.page(f"{path}/learners/{name}") for name in ("ann", "dov", "eve"))
    assert "Works in sales." in ann
    assert "Works in sales, neither in legal nor below it." in ann
    assert "Does not report to this manager, nor through others." in ann
    assert "Works in north, below sales, but Include all below is off." in dov
    assert "Reports to this manager through others, but only the direct team is included." in dov
    assert "Has no current job in an organisation." in eve
    for key in ("organisation:sales", "manager:j-ann"):
        sam.post(f"{path}/assignments/include", {"key": key, "include": "below"})
    save(sam, path)
    settle()
    dov = sam.page(f"{path}/learners/dov")
    assert "Works in north, below sales, and Include all below is on." in dov
    assert "Reports to this manager through others, and Include all below is on." in dov
    assert "Reports to this manager." in sam.page(f"{path}/learners/cid")
