"""The table of assignments: filters, sorting and pages in the address, row health, successors, trees without scripts."""

from __future__ import annotations

import re
from collections.abc import Callable

from sqlalchemy import update

from plugin.delivery.tables import Message
from plugin.lti.tables import LaunchSession
from plugin.web.frame.kit import PAGE_SIZE
from plugin.web.launch.session import IDLE, Launch, open_session
from tests.web.conftest import Visit, Visitor
from tests.web.steps import add, due, make, names, picked, save
from tests.world import World

OWN = {"Sec-Fetch-Site": "same-origin"}
"""What a browser says of a request that our own page makes."""


def individuals(visitor: Visitor, path: str, world: World, count: int) -> None:
    people = [f"p{n:03}" for n in range(count)]
    world.people(*people)
    picked(visitor, path, "individual", *people)


def test_the_table_is_paged_fifty_at_a_time_and_the_address_says_which(visit: Visit, world: World) -> None:
    sam = visit()
    path = make(sam)
    individuals(sam, path, world, PAGE_SIZE + 7)
    assert len(names(sam.page(f"{path}/assignments"))) == PAGE_SIZE
    second = sam.page(f"{path}/assignments?page=2&sort=name")
    assert names(second) == [f"P{n:03}" for n in range(PAGE_SIZE, PAGE_SIZE + 7)]
    assert "Page 2 of 2" in second
    assert names(sam.page(f"{path}/assignments?page=99&sort=name")) == names(second)


def test_rows_are_searched_and_filtered_by_type_and_state(visit: Visit, world: World) -> None:
    sam = visit()
    path = make(sam)
    add(sam, path, "sales", "legal")
    save(sam, path)
    individuals(sam, path, world, 2)
    sam.post(f"{path}/assignments/remove", {"key": "organisation:legal"})
    assert names(sam.page(f"{path}/assignments?type=organisation&sort=-name")) == ["sales", "legal"]
    assert names(sam.page(f"{path}/assignments?state=new&sort=name")) == ["P000", "P001"]
    assert names(sam.page(f"{path}/assignments?state=removed")) == ["legal"]
    assert names(sam.page(f"{path}/assignments?q=SAL")) == ["sales"]
    assert "No assignments match “zzz”." in sam.page(f"{path}/assignments?q=zzz")
    kept = sam.page(f"{path}/assignments?q=sal&type=organisation&state=saved&sort=-name")
    assert 'name="sort" value="-name"' in kept
    assert "q=sal" in kept


def test_rows_are_sorted_by_name_due_date_and_learners_both_ways(visit: Visit) -> None:
    sam = visit()
    path = make(sam)
    add(sam, path, "sales", "legal")
    due(sam, path, "organisation:legal", "2031-01-31")
    for sort, wanted in (
        ("name", ["legal", "sales"]), ("-name", ["sales", "legal"]), ("learners", ["legal", "sales"]),
        ("-learners", ["sales", "legal"]), ("due", ["legal", "sales"]), ("-due", ["sales", "legal"]),
    ):  # fmt: skip
        page = sam.page(f"{path}/assignments?sort={sort}")
        assert names(page) == wanted, sort
        assert f'aria-sort="{"descending" if sort.startswith("-") else "ascending"}"' in page
    assert "aria-sort" not in sam.page(f"{path}/assignments?sort=nonsense")


def test_rows_say_what_is_odd_about_them(visit: Visit, world: World, settle: Callable[[], None]) -> None:
    sam = visit()
    path = make(sam)
    add(sam, path, "sales", "north", "legal")
    sam.post(f"{path}/assignments/include", {"key": "organisation:sales", "include": "below"})
    due(sam, path, "organisation:north", "2020-01-31")
    page = sam.page(f"{path}/assignments")
    assert "Matches nobody now." in page
    assert "All of its learners are in sales too." in page
    assert "This due date has passed: whoever joins from now on gets it as a past date." in page
    save(sam, path)
    settle()
    world.drop_unit("north")
    settle()
    page = sam.page(f"{path}/assignments")
    assert "Missing at the host: its learners are kept until you decide." in page
    row = re.search(r'<tr data-key="organisation:north".*?</tr>', page, re.DOTALL)[0]  # type: ignore[index]
    assert ">2<span" in row  # those kept are its learners


def test_a_row_is_compared_with_rows_on_every_page(visit: Visit, world: World) -> None:
    world.audience("crew", "ann", "bea")
    sam = visit()
    path = make(sam)
    add(sam, path, "sales")
    sam.post(f"{path}/assignments/add/audience", {"target": ["crew"]})
    for page in (sam.page(f"{path}/assignments?type=audience"), sam.page(f"{path}/assignments?type=organisation")):
        assert "The same learners as in" in page
    sam.post(f"{path}/assignments/include", {"key": "organisation:sales", "include": "below"})
    individuals(sam, path, world, PAGE_SIZE + 3)  # the organisation is on the second page now
    first = sam.page(f"{path}/assignments?sort=-name")
    assert "sales" not in names(sam.page(f"{path}/assignments"))
    assert "crew" in first or "sales" in first
    assert "All of its learners are in sales too." in sam.page(f"{path}/assignments?type=audience")


def test_other_administrators_are_named(visit: Visit) -> None:
    sam, kim = visit("sam"), visit("kim")
    path = make(sam)
    add(kim, path, "sales")
    assert "<p>Kim has unsaved changes here.</p>" in sam.page(f"{path}/assignments")
    add(visit("lee"), path, "legal")
    both = sam.page(f"{path}/assignments")
    assert "2 other administrators have unsaved changes here. <bdi>Kim, Lee</bdi>" in both


def test_a_manager_without_a_team_gets_a_successor(visit: Visit, world: World, settle: Callable[[], None]) -> None:
    for person in ("cid", "dov"):
        world.job(f"j-{person}", person, "north", boss="j-ann")
    sam = visit()
    path = make(sam)
    sam.post(f"{path}/assignments/add/manager", {"target": ["j-ann"]})
    sam.post(f"{path}/assignments/include", {"key": "manager:j-ann", "include": "below"})
    save(sam, path)
    settle()
    for person in ("cid", "dov"):
        world.job(f"j-{person}", person, "north", boss="j-bea")
    world.drop_job("j-ann")
    settle()
    assert "Choose a successor" in sam.page(f"{path}/assignments")
    dialog = sam.page(f"{path}/assignments/successor?key=manager:j-ann")
    assert "Choose a successor for Ann" in dialog
    assert "data-single" in dialog
    asked = sam.post(f"{path}/assignments/successor/confirm?key=manager:j-ann", {"target": "j-bea"}).text
    assert "Ann is followed by Bea, with the same settings." in asked
    assert "2 learners are in the new team." in asked
    assert sam.post(f"{path}/assignments/successor", {"key": "manager:j-ann", "target": "j-bea"}).status_code == 303
    page = sam.page(f"{path}/assignments")
    assert "2 unsaved changes" in page
    assert save(sam, path) == 303
    settle()
    assert "2 learners are enrolled." in sam.page(f"{path}/progress")


def test_a_successor_must_be_a_manager_the_host_knows(visit: Visit, world: World) -> None:
    sam = visit()
    path = make(sam)
    sam.post(f"{path}/assignments/add/manager", {"target": ["j-ann"]})
    add(sam, path, "sales")
    for target in ("nobody", "j-ann", ""):
        answer = sam.post(f"{path}/assignments/successor/confirm", {"key": "manager:j-ann", "target": target})
        assert answer.status_code == 400
        assert 'role="alert"' in answer.text
    assert sam.get(f"{path}/assignments/successor?key=organisation:sales").status_code == 404
    assert sam.get(f"{path}/assignments/successor?key=manager:gone").status_code == 404


def test_managers_offered_are_those_somebody_reports_to_not_for_a_time_only(visit: Visit, world: World) -> None:
    world.job("j-cid", "cid", "north", boss="j-ann")
    world.job("j-dov", "dov", "north", boss="j-bea", temporary=True)
    world.job("j-eve", "eve", "north", boss_person="cid")
    sam = visit()
    listed = sam.page(f"{make(sam)}/f/search/manager")
    assert set(re.findall(r'data-id="([^"]*)"', listed)) == {"j-ann", "j-cid"}


def test_a_tree_is_browsed_without_scripts_and_what_is_ticked_comes_along(visit: Visit) -> None:
    sam = visit()
    path = make(sam)
    top = sam.page(f"{path}/assignments/add/organisation")
    plain = re.search(r"<noscript>(?:(?!</noscript>).)*name=\"parent\".*?</noscript>", top, re.DOTALL)[0]  # type: ignore[index]
    assert 'value="legal"' in plain
    assert 'name="parent" value="sales"' in plain
    below = sam.page(f"{path}/assignments/add/organisation?framework=f&parent=sales&target=legal")
    assert 'name="target" value="legal" checked' in below
    assert 'name="target" value="north"' in below
    assert ">Up</button>" in below
    asked = sam.post(f"{path}/assignments/add/organisation/confirm", {"target": ["legal", "north"]})
    assert "Adding these assignments will enrol 2 learners" in asked.text


def test_a_program_is_called_a_program_everywhere_and_keeps_the_rules(visit: Visit) -> None:
    sam = visit()
    path = make(sam, kind="program")
    assert "Before assigning users to a program, we strongly recommend" in sam.page(f"{path}/assignments")
    for kind, title in (
        ("organisation", "Add organisation to program"), ("position", "Add positions to program"),
        ("audience", "Add audiences to program"), ("manager", "Add managers to program"),
        ("individual", "Add individuals to program"), ("group", "Add group to program"),
    ):  # fmt: skip
        assert title in sam.page(f"{path}/assignments/add/{kind}")
    asked = sam.post(f"{path}/assignments/add/organisation/confirm", {"target": ["sales"]}).text
    assert "Adding this assignment will enrol 2 learners to this program except where they are" in asked
    add(sam, path, "sales")
    save(sam, path)
    asked = sam.page(f"{path}/assignments/remove?key=organisation:sales")
    assert "withdraw 2 learners from this program except where they have another assignment." in asked
    for page in ("assignments", "assignments/add/organisation", "assignments/remove?key=organisation:sales",
                 "learners", "history", "check", "progress"):  # fmt: skip
        text = re.sub(r"<[^>]*>", " ", sam.page(f"{path}/{page}"))
        assert "this certification" not in text.lower(), page
    sam.post(f"{path}/details", {"name": "Archived", "state": "archived", "certification-0-courses": ["c1", "c2"]})
    answer = sam.post(f"{path}/assignments/include", {"key": "organisation:sales", "include": "below"})
    if answer.status_code == 409:
        assert "This program is archived" in answer.text


def test_a_new_tab_has_a_session_of_its_own_and_its_ticket_opens_once(visit: Visit) -> None:
    sam = visit()
    path = make(sam)
    ticket = sam.post("/new-tab", {"to": f"{path}/assignments"}).location
    stranger = Visitor(visit("kim").client, "")
    shown = stranger.client.get(ticket, headers={"Sec-Fetch-Site": "cross-site"})
    assert (shown.status_code, "opens Muster as" in shown.text) == (200, True)
    assert stranger.client.post(ticket, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 401
    assert stranger.client.head(ticket).status_code == 200
    opened = stranger.client.get(ticket, headers=OWN)
    assert opened.status_code == 303
    assert opened.location.endswith(f"{path}/assignments")
    assert sam.handle not in opened.location
    assert "No assignments yet" in stranger.client.get(opened.location).text
    assert stranger.client.get(ticket, headers=OWN).status_code == 401
    for elsewhere in ("//evil.example/", "https://evil.example/", "/\\evil.example", ""):
        opened = stranger.client.get(sam.post("/new-tab", {"to": elsewhere}).location, headers=OWN)
        assert opened.location.startswith("/t/"), elsewhere
        assert opened.location.count("/") <= 3, elsewhere


def test_a_page_of_an_ended_session_leads_back_and_may_stand_in_the_hosts_frame(visit: Visit, world: World) -> None:
    visitor = Launch(
        1, None, "sam", "Sam", is_administrator=True, purpose="launch", return_url="https://lms.example/c/1"
    )
    with world.runtime.db.write() as session:
        handle, _secret = open_session(session, world.runtime, visitor)
    sam = Visitor(visit("kim").client, handle)
    path = make(sam)
    with world.runtime.db.write() as session:
        session.execute(update(LaunchSession).values(used=LaunchSession.used - IDLE - 1))
    answer = sam.get(f"{path}/assignments")
    assert answer.status_code == 401
    assert "Your session has ended." in answer.text
    assert 'href="https://lms.example/c/1"' in answer.text
    assert "frame-ancestors *" in answer.headers["Content-Security-Policy"]


def test_unsaved_changes_are_found_again_from_the_list(visit: Visit) -> None:
    path = make(visit())
    add(visit(), path, "sales")
    assert ">Your unsaved changes</span>" in visit().page("/certifications")
    assert ">Your unsaved changes</span>" not in visit("kim").page("/certifications")


def test_learners_are_filtered_by_type_state_and_exception_and_the_file_is_too(
    visit: Visit, world: World, settle: Callable[[], None]
) -> None:
    sam = visit()
    path = make(sam)
    add(sam, path, "sales")
    picked(sam, path, "individual", "eve", "ann")
    sam.post(f"{path}/assignments/due", {"key": "individual:eve", "kind": "after", "event": "profile_date",
                                         "item-field": "nothing", "amount": "3", "unit": "days"})  # fmt: skip
    save(sam, path)
    settle()

    def listed(filters: str) -> list[str]:
        lines = sam.page(f"{path}/learners.csv?{filters}").splitlines()[1:]
        page = sam.page(f"{path}/learners?{filters}")
        shown = [line.split(",")[1] for line in lines]
        assert all(f"learners/{one}" in page for one in shown)
        return sorted(shown)

    assert listed("") == ["ann", "bea", "eve"]
    assert listed("type=organisation") == ["ann", "bea"]
    assert listed("type=individual") == ["ann", "eve"]
    assert listed("state=assigned&type=organisation") == ["ann", "bea"]
    assert listed("exception=any") == listed("exception=unknown_date") == ["eve"]
    assert listed("exception=time_allowance") == listed("state=certified") == listed("state=nonsense") == []
    assert "No learners match this filter." in sam.page(f"{path}/learners?state=certified")
    names_shown = re.findall(r"learners/(\w+)\">", sam.page(f"{path}/learners"))
    assert names_shown == ["ann", "bea", "eve"]


def test_switching_include_repeats_the_sentence_in_the_row_with_the_truth_under_it(
    visit: Visit, settle: Callable[[], None]
) -> None:
    sam = visit()
    path = make(sam)
    add(sam, path, "sales")

    def switch(include: str) -> str:
        fields = {"key": "organisation:sales", "include": include}
        return sam.post(f"{path}/assignments/include", fields, fragment=True).text

    wider = "Adding this assignment will enrol 4 learners to this certification except where they are enrolled already."
    assert f"{wider} <strong>4</strong> newly enrolled." in switch("below")
    save(sam, path)
    settle()
    narrower = "This will withdraw 2 learners from this certification except where they have another assignment."
    assert f"{narrower} <strong>2</strong> withdrawn." in switch("")
    assert "sales: 4 learners. Not saved yet." in switch("below")  # as it was saved: there is nothing to warn of
    answer = sam.post(f"{path}/assignments/include", {"key": "organisation:sales", "include": ""})
    assert narrower in sam.page(answer.location.removeprefix(f"/t/{sam.handle}"))  # without our script too


def test_a_group_is_changed_where_it_stands_and_added_once(visit: Visit, settle: Callable[[], None]) -> None:
    sam = visit()
    path = make(sam)
    sam.post(f"{path}/assignments/add/group", {"name": "Volunteers", "description": "They help", "self_enrol": "on"})
    due(sam, path, "group:Volunteers", "2031-01-31")
    twice = sam.post(f"{path}/assignments/add/group", {"name": "Volunteers", "description": "Others"})
    assert twice.status_code == 400
    assert "There is a group" in twice.text
    save(sam, path)
    settle()
    dialog = sam.page(f"{path}/assignments/add/group?key=group:Volunteers")
    assert "They help" in dialog
    assert re.search(r'name="self_enrol" checked', dialog)
    fields = {"key": "group:Volunteers", "name": "Volunteers", "description": "They help much", "withdraw": "on"}
    assert sam.post(f"{path}/assignments/add/group", fields).status_code == 303
    shown = sam.page(f"{path}/assignments")
    assert "Self-enrolment closed" in shown
    assert "withdrawal allowed" in shown
    assert "31 January 2031" in shown
    assert names(shown) == ["Volunteers"]
    sam.post(f"{path}/assignments/remove", {"key": "group:Volunteers"})
    assert sam.post(f"{path}/assignments/add/group", fields).status_code == 400  # to be removed: nothing to change
    assert sam.post(f"{path}/assignments/add/group", {"name": "Volunteers", "self_enrol": "on"}).status_code == 303
    assert "31 January 2031" in sam.page(f"{path}/assignments")  # kept again, its date with it
    assert sam.get(f"{path}/assignments/add/group?key=group:Nobody").status_code == 404


def test_a_save_under_way_is_found_again_from_the_tab(visit: Visit, settle: Callable[[], None]) -> None:
    sam = visit()
    path = make(sam)
    add(sam, path, "sales")
    save(sam, path)
    shown = sam.page(f"{path}/assignments")
    assert "Changes are being saved" in shown
    assert f"{path}/progress" in shown
    settle()
    assert "Changes are being saved" not in sam.page(f"{path}/assignments")


def test_both_warnings_say_how_many_messages_go_out(visit: Visit, settle: Callable[[], None], world: World) -> None:
    sam = visit()
    path = make(sam)
    asked = sam.post(f"{path}/assignments/add/organisation/confirm", {"target": ["sales"]}).text
    assert "2 messages will be sent when you save." in asked
    add(sam, path, "sales")
    save(sam, path)
    settle()
    asked = sam.post(f"{path}/assignments/add/individual/confirm", {"target": ["ann"]}).text
    assert "No message will be sent." in asked
    asked = sam.page(f"{path}/assignments/remove?key=organisation:sales")
    assert "No message will be sent." in asked  # they were not told yet that they are enrolled
    with world.runtime.db.write() as session:
        session.execute(update(Message).values(state="sent"))
    asked = sam.page(f"{path}/assignments/remove?key=organisation:sales")
    assert "2 messages will be sent when you save." in asked
