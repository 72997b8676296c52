"""The Assignments tab for organisations, as forms: what a browser without scripts does, and what our script does."""

from __future__ import annotations

import re
from collections.abc import Callable

from tests.web.conftest import Visit, Visitor
from tests.web.steps import add, due, make, save
from tests.world import World


def test_an_organisation_is_assigned_with_the_users_own_words(visit: Visit, settle: Callable[[], None]) -> None:
    sam = visit()
    path = make(sam)
    assert "No assignments yet" in sam.page(f"{path}/assignments")

    picker = sam.page(f"{path}/assignments/add/organisation")
    assert "Add organisation to certification" in picker
    assert "Selected items" in picker

    asked = sam.post(f"{path}/assignments/add/organisation/confirm", {"target": ["sales"]}).text
    assert (
        "Adding this assignment will enrol 2 learners to this certification except where they are enrolled already."
        in asked
    )
    assert "<strong>2</strong> newly enrolled" in asked
    assert "2 learners, 4 if you include all below." in asked
    add(sam, path, "sales")

    table = sam.page(f"{path}/assignments")
    assert "1 unsaved change" in table
    sam.post(f"{path}/assignments/include", {"key": "organisation:sales", "include": "below"})
    due(sam, path, "organisation:sales", "2027-03-31")
    table = sam.page(f"{path}/assignments")
    assert "31 March 2027, 23:59 (Europe/London)" in table

    assert save(sam, path) == 303
    settle()
    assert "4 learners are enrolled." in sam.page(f"{path}/progress")
    learners = sam.page(f"{path}/learners")
    assert all(name in learners for name in ("Ann", "Bea", "Cid", "Dov"))
    assert "31 Mar 2027, 23:59" in learners
    assert "Draft kept for you" not in sam.page(f"{path}/assignments")


def test_removing_warns_and_withdraws(visit: Visit, settle: Callable[[], None]) -> None:
    sam = visit()
    path = make(sam)
    add(sam, path, "sales", "north")
    save(sam, path)
    settle()
    asked = sam.page(f"{path}/assignments/remove?key=organisation:north")
    assert "This will withdraw 2 learners from this certification except where they have another assignment." in asked
    assert "<strong>2</strong> withdrawn" in asked
    sam.post(f"{path}/assignments/remove", {"key": "organisation:north"})
    assert "To be removed" in sam.page(f"{path}/assignments")
    assert save(sam, path) == 303
    settle()
    assert "2 learners are enrolled." in sam.page(f"{path}/progress")


def test_a_draft_survives_and_reaches_nobody(visit: Visit, settle: Callable[[], None]) -> None:
    path = make(visit())
    add(visit(), path, "sales")
    settle()
    again = visit()
    assert "1 unsaved change" in again.page(f"{path}/assignments")
    assert "No learners yet" in again.page(f"{path}/learners")
    assert "1 unsaved" not in visit("kim").page(f"{path}/assignments")


def test_a_clash_of_two_administrators_overwrites_nothing(visit: Visit, settle: Callable[[], None]) -> None:
    sam, kim = visit("sam"), visit("kim")
    path = make(sam)
    add(sam, path, "sales")
    save(sam, path)
    settle()
    sam.post(f"{path}/assignments/include", {"key": "organisation:sales", "include": "below"})
    kim.post(f"{path}/assignments/remove", {"key": "organisation:sales"})
    add(kim, path, "legal")
    assert save(kim, path) == 303

    assert "Somebody else saved this page since you began" in sam.page(f"{path}/assignments")
    compared = sam.page(f"{path}/assignments/conflict", status=409)
    assert "Keep mine" in compared
    assert "Take theirs" in compared
    assert "Kim (kim)" in compared
    assert re.search(r'Take theirs<span class="under">Not assigned</span>', compared)
    assert re.search(r'Keep mine<span class="under">Include all below · No due date</span>', compared)
    assert re.search(
        r"<bdi>legal</bdi>.*<bdi>Not assigned</bdi>.*<bdi>Without those below · No due date</bdi>", compared
    )
    version = re.search(r'name="version" value="(\d+)"', compared)[1]  # type: ignore[index]
    sam.post(f"{path}/assignments/conflict", {"version": version, "row organisation:sales": "mine"})
    table = sam.page(f"{path}/assignments")
    assert "legal" in table
    assert save(sam, path) == 303
    settle()
    assert "4 learners are enrolled." in sam.page(f"{path}/progress")


def test_posted_targets_that_the_picker_would_not_have_offered_are_refused(visit: Visit) -> None:
    sam = visit()
    path = make(sam)
    assert sam.post(f"{path}/assignments/add/organisation", {"target": ["nowhere"]}).status_code == 400
    assert sam.post(f"{path}/assignments/add/organisation", {}).status_code == 400
    assert sam.post(f"{path}/assignments/add/nothing", {"target": ["sales"]}).status_code == 404
    add(sam, path, "sales")
    twice = sam.post(f"{path}/assignments/add/organisation", {"target": ["sales"]})
    assert twice.status_code == 400
    assert "assigned already" in twice.text
    assert "1 unsaved change" in sam.page(f"{path}/assignments")


def test_bad_due_dates_are_refused_in_a_sentence(visit: Visit) -> None:
    sam = visit()
    path = make(sam)
    add(sam, path, "sales")
    for fields in ({"kind": "fixed", "date": ""}, {"kind": "fixed", "date": "2027-02-30"}, {"kind": "after"}, {}):
        answer = sam.post(f"{path}/assignments/due", {"key": "organisation:sales", **fields})
        assert answer.status_code == 400
        assert "Traceback" not in answer.text
        assert 'role="alert"' in answer.text


def test_a_learner_is_no_administrator(visit: Visit, world: World) -> None:
    ann = visit("ann", administrator=False, person=1)
    assert ann.get("/certifications").status_code == 403
    assert "My certifications" in ann.page("/my/certifications")


def test_a_session_that_ended_is_told_so_and_the_draft_is_kept(visit: Visit) -> None:
    sam = visit()
    path = make(sam)
    add(sam, path, "sales")
    stranger = Visitor(sam.client, "x" * 43)
    answer = stranger.post(
        f"{path}/assignments/include", {"key": "organisation:sales", "include": "below"}, fragment=True
    )
    assert answer.status_code == 401
    assert "Your session has ended" in answer.text
    assert "1 unsaved change" in visit().page(f"{path}/assignments")


def test_names_from_the_host_are_text_and_never_markup(visit: Visit, world: World) -> None:
    world.units(("<script>alert(1)</script>", None))
    sam = visit()
    path = make(sam, name="<b>Bold</b> & co")
    add(sam, path, "<script>alert(1)</script>")
    for page in (
        sam.page(f"{path}/assignments"),
        sam.page(f"{path}/assignments/add/organisation"),
        sam.page("/certifications"),
    ):
        assert "<script>alert" not in page
        assert "<b>Bold" not in page


def test_every_page_of_a_certification_opens(visit: Visit, settle: Callable[[], None]) -> None:
    sam = visit()
    path = make(sam)
    add(sam, path, "sales")
    save(sam, path)
    settle()
    for tab in ("overview", "details", "assignments", "learners", "exceptions", "notifications", "history", "check?q=an",
                "learners/ann", "learners.csv", "progress"):  # fmt: skip
        assert sam.page(f"{path}/{tab}")
    for kind in ("position", "audience", "manager", "individual", "group"):
        assert sam.page(f"{path}/assignments/add/{kind}")
    for page in ("/certifications", "/certifications/new", "/hosts"):
        assert sam.page(page)
    assert sam.get(f"{path}9/assignments").status_code == 404


def test_the_whole_page_mirrors_for_languages_written_from_right_to_left(visit: Visit) -> None:
    assert '<html lang="ar" dir="rtl">' in visit(locale="ar").page("/certifications")


def test_characters_no_database_takes_are_refused_in_a_sentence(visit: Visit) -> None:
    sam = visit()
    path = make(sam)
    assert sam.post(f"{path}/assignments/add/organisation", {"target": ["a\x00b"]}).status_code == 400
    assert sam.get(f"{path}/learners?q=a%00b").status_code == 400
    assert sam.get(f"{path}/learners/a%00b").status_code == 400


def test_an_archived_certification_is_read_only(visit: Visit, settle: Callable[[], None]) -> None:
    sam = visit()
    path = make(sam)
    add(sam, path, "sales")
    save(sam, path)
    settle()
    details = {"name": "Food Safety Level 2", "state": "archived", "certification-0-courses": ["c1", "c2"]}
    sam.post(f"{path}/details", details)
    assert save(sam, path, at_end="stay") == 303
    table = sam.page(f"{path}/assignments")
    assert "Archived: read only" in table
    assert "Add…" not in table
    assert sam.post(f"{path}/assignments/include", {"key": "organisation:sales", "include": "below"}).status_code == 409


def test_a_rename_is_saved_at_once_because_it_touches_nobody(visit: Visit) -> None:
    sam = visit()
    path = make(sam)
    answer = sam.post(f"{path}/details", {"name": "Renamed", "state": "live", "certification-0-courses": ["c2"]})
    assert answer.location.endswith("/details?saved=1")
    page = sam.page(f"{path}/details")
    assert "<bdi>Renamed</bdi>" in page
    assert (
        sam.post(f"{path}/details", {"name": "Renamed", "state": "live", "certification-0-courses": ["c9"]}).status_code
        == 400
    )


def test_an_administrator_adds_and_removes_members_of_a_group(visit: Visit, settle: Callable[[], None]) -> None:
    sam = visit()
    path = make(sam)
    sam.post(f"{path}/assignments/add/group", {"name": "Volunteers", "self_enrol": "on"})
    save(sam, path)
    settle()
    listed = sam.page(f"{path}/learners?assignment=1")
    assert "Add to the group" in listed
    assert sam.post(f"{path}/groups/1/members", {"member": "nobody", "action": "add"}).status_code == 400
    warned = sam.post(f"{path}/groups/1/members", {"member": "ann", "action": "add"}).text
    assert "<strong>1</strong> newly enrolled." in warned
    settle()
    assert "Ann" not in sam.page(f"{path}/learners?assignment=1")  # nothing before the warning is answered
    confirmed = {"member": "ann", "action": "add", "confirmed": "yes"}
    assert sam.post(f"{path}/groups/1/members", confirmed).status_code == 303
    assert sam.post(f"{path}/groups/1/members", {"member": "ann", "action": "add"}).status_code == 409
    settle()
    assert "Ann" in sam.page(f"{path}/learners?assignment=1")
    warned = sam.post(f"{path}/groups/1/members", {"member": "ann", "action": "remove"}).text
    assert "This will withdraw 1 learner from this certification except where they have another assignment." in warned
    assert "<strong>1</strong> withdrawn." in warned
    confirmed = {"member": "ann", "action": "remove", "confirmed": "yes"}
    assert sam.post(f"{path}/groups/1/members", confirmed).status_code == 303
    settle()
    assert "No learners yet" in sam.page(f"{path}/learners")


def test_what_the_guard_holds_is_shown_and_answered(visit: Visit, world: World, settle: Callable[[], None]) -> None:
    crowd = [f"p{n}" for n in range(12)]
    world.people(*crowd)
    for name in crowd:
        world.job(f"j-{name}", name, "legal")
    sam = visit()
    path = make(sam)
    add(sam, path, "legal")
    save(sam, path)
    settle()
    assert "Nothing is on hold" in sam.page("/held")
    for name in crowd:
        world.drop_job(f"j-{name}")
    settle()
    held = sam.page("/held")
    assert "12 learners stay enrolled until you decide." in held
    number = re.search(r'name="id" value="(\d+)"', held)[1]  # type: ignore[index]
    assert sam.post("/held", {"id": number, "action": "release"}).status_code == 303
    settle()
    assert "No learners yet" in sam.page(f"{path}/learners")
