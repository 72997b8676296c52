"""Many rows at once: chosen, as lists, or all that match; one date while adding (issue 18, A7)."""

from __future__ import annotations

import re
from collections.abc import Callable

from sqlalchemy import select

from plugin.certifications.drafts import drafts
from plugin.certifications.store import definition_of
from plugin.certifications.tables import Assignment
from tests.web.conftest import Visit, Visitor
from tests.web.steps import add, make, save
from tests.world import HOST, World


def wanted(world: World, number: int = 1) -> dict[str, tuple[str, str, object]]:
    """What the administrator's draft says of each row: state, include, due date."""
    with world.runtime.db.read() as session:
        draft = drafts.read_draft(session, HOST, number, "sam")
        return {row.key: (row.state, row.definition.include, row.definition.due) for row in drafts.rows(session, draft)}


def names(page: str) -> list[str]:
    """The rows of the table."""
    return re.findall(r'<bdi class="name">(.*?)</bdi>', page)


def pasted(sam: Visitor, path: str, *people: str, **more: str) -> None:
    form = {"target": list(people), "together": "on", "list_name": "Night shift", **more}
    assert sam.post(f"{path}/assignments/add/individual", form).status_code == 303


def test_people_added_as_one_list_stay_one_row_that_opens(
    visit: Visit, world: World, settle: Callable[[], None]
) -> None:
    sam = visit()
    path = make(sam)
    asked = sam.post(f"{path}/assignments/add/individual/confirm", {"target": ["ann", "bea"], "pasted": "on"}).text
    assert 'name="together" checked' in asked
    pasted(sam, path, "ann", "bea", "eve", due_date="2031-03-31")
    add(sam, path, "legal")
    page = sam.page(f"{path}/assignments")
    assert names(page) == ["legal", "Night shift"]
    assert "List of 3 individuals" in page
    assert "31 March 2031" in page
    number = re.search(r"list:(\d+)", page)
    assert number is not None
    inside = f"{path}/assignments?list={number[1]}"
    assert sorted(names(sam.page(inside))) == ["Ann", "Bea", "Eve"]
    assert names(sam.page(f"{path}/assignments?q=bea")) == ["Bea"]
    save(sam, path)
    settle()
    with world.runtime.db.read() as session:
        assert {
            row.due["fixed"] for row in definition_of(session, HOST, 1).assignments if row.type == "individual"
        } == {"2031-03-31"}
    sam.post(f"{path}/assignments/lists/{number[1]}", {"name": "Night watch"})
    assert "Night watch" in sam.page(f"{path}/assignments")
    row = {"row": f"list:{number[1]}"}
    dialog = sam.page(f"{path}/assignments/many?action=remove&row=list:{number[1]}")
    assert "This will withdraw 3 learners from this certification except where they have another assignment." in dialog
    sam.post(f"{path}/assignments/many/due", {**row, "kind": "none"})
    assert {one for one in wanted(world).values() if one[0] == "changed"} == {("changed", "", "none")}
    sam.post(f"{path}/assignments/many/remove", row)
    assert sorted(state for state, _include, _due in wanted(world).values()) == [
        "removed",
        "removed",
        "removed",
        "saved",
    ]
    sam.post(f"{path}/assignments/lists/{number[1]}", {"action": "apart"})
    assert len(names(sam.page(f"{path}/assignments"))) == 4


def test_rows_chosen_or_all_that_match_are_changed_together(visit: Visit, world: World) -> None:
    sam = visit()
    path = make(sam)
    add(sam, path, "sales", "legal")
    sam.post(f"{path}/assignments/add/individual", {"target": ["ann", "eve"]})
    some = {"row": ["organisation:sales", "individual:ann"]}
    dialog = sam.post(f"{path}/assignments/many", {**some, "action": "include"}).text
    assert "Only 1 of them is an organisation, a position or a manager." in dialog
    assert "Adding this assignment will enrol 4 learners" in dialog
    sam.post(f"{path}/assignments/many/include", {**some, "include": "below"})
    fixed = {"kind": "fixed", "date": "2031-01-31"}
    sam.post(f"{path}/assignments/many/due?type=individual", {"everyone": "on", **fixed})
    rows = wanted(world)
    assert rows["organisation:sales"] == ("new", "below", "none")
    assert rows["organisation:legal"] == ("new", "", "none")
    assert rows["individual:ann"][2] == rows["individual:eve"][2] == {"fixed": "2031-01-31"}
    assert sam.post(f"{path}/assignments/many", {"action": "due"}).status_code == 400
    assert sam.post(f"{path}/assignments/many/due", {**some, "kind": "fixed", "date": ""}).status_code == 400
    sam.post(f"{path}/assignments/many/remove", {"everyone": "on"})
    assert wanted(world) == {}


def test_members_of_a_group_are_picked_and_warned_of_before(
    visit: Visit, world: World, settle: Callable[[], None]
) -> None:
    sam = visit()
    path = make(sam)
    sam.post(f"{path}/assignments/add/group", {"name": "First aiders"})
    save(sam, path)
    settle()
    with world.runtime.db.read() as session:
        group = session.scalars(select(Assignment.id)).one()
    at = f"{path}/groups/{group}/members"
    assert f"{at}/add" in sam.page(f"{path}/learners?assignment={group}")
    assert "Add members to First aiders" in sam.page(f"{at}/add")
    asked = sam.post(f"{at}/confirm", {"target": ["ann", "eve"]}).text
    assert "2 people become members at once, without Save changes." in asked
    assert "<strong>2</strong> newly enrolled" in asked
    assert "2 new members." in sam.post(f"{at}/estimate", {"target": ["ann", "eve"]}).text
    assert sam.post(f"{at}/add", {"target": ["ann", "eve"]}).status_code == 303
    assert sam.post(f"{at}/confirm", {"target": ["ann"]}).status_code == 400  # a member already
    settle()
    assert sorted(re.findall(r"<bdi>(Ann|Eve)</bdi></a>", sam.page(f"{path}/learners?assignment={group}"))) == [
        "Ann",
        "Eve",
    ]
