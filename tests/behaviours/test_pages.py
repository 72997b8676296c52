"""What administrators and learners see of it (behaviours 32 to 65), by the pages and by the commands."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from plugin.certifications.store import by_id
from plugin.enrolment.views.show import show_rows
from tests.cli.conftest import muster, sandbox
from tests.live import Sandbox
from tests.web.conftest import Visit, app, settle, visit, world
from tests.web.steps import add, due, make, names, picked, save
from tests.world import HOST, World, row

__all__ = ["app", "muster", "sandbox", "settle", "visit", "world"]


def test_behaviour_32_every_kind_of_thing_a_date_can_follow_is_offered_by_name(visit: Visit, world: World) -> None:
    world.units(("clerk", None), kind="position")
    world.set_person("ann", fields={"licence": "2027-01-01"})
    sam = visit()
    make(sam, "First Aid")
    path = make(sam)
    add(sam, path, "sales")
    dialog = sam.page(f"{path}/assignments/due?key=organisation:sales")
    for words in ("clerk", "First Aid", "c1"):
        assert words in dialog, words
    for fields, said in (
        ({"event": "course_completion", "item-course": "c1"}, "c1"),
        ({"event": "position_assigned", "item-position": "clerk"}, "clerk"),
        ({"event": "profile_date", "item-field": "licence"}, "licence"),
    ):
        form = {"key": "organisation:sales", "kind": "after", "amount": "3", "unit": "weeks", **fields}
        assert sam.post(f"{path}/assignments/due", form).status_code == 303
        table = sam.page(f"{path}/assignments")
        assert "3 weeks after" in table
        assert said in table


def test_behaviour_52_who_may_not_administer_is_refused_and_an_administrator_is_not(visit: Visit, world: World) -> None:
    sam = visit()
    path = make(sam)
    ann = visit("ann", administrator=False, person=1)
    for address, form in (
        (f"{path}/assignments/add/individual", {"target": ["eve"]}),
        (f"{path}/assignments/remove", {"key": "organisation:sales"}),
        (f"{path}/assignments/save", {"revision": "0"}),
        (f"{path}/exceptions", {"action": "assign"}),
    ):
        assert ann.post(address, form).status_code == 403, address
    assert ann.get(f"{path}/learners").status_code == 403
    picked(sam, path, "individual", "eve")
    assert names(sam.page(f"{path}/assignments")) == ["Eve"]


def test_behaviour_53_rows_are_found_by_type_and_words_and_say_how_many_they_match(visit: Visit) -> None:
    sam = visit()
    path = make(sam)
    add(sam, path, "sales", "legal")
    picked(sam, path, "individual", "eve", "ann")
    assert names(sam.page(f"{path}/assignments?type=individual&q=eve")) == ["Eve"]
    assert names(sam.page(f"{path}/assignments?type=audience")) == []
    assert [name for name in names(sam.page(f"{path}/assignments?sort=learners"))][-1] == "sales"
    assert names(sam.page(f"{path}/assignments?q=&sort=name")) == ["Ann", "Eve", "legal", "sales"]


def test_behaviour_55_words_are_found_anywhere_in_a_name_in_capitals_or_not(visit: Visit, world: World) -> None:
    world.people("smi")
    world.set_person("smi", name="Bob Smith")
    sam = visit()
    path = make(sam)
    picked(sam, path, "individual", "smi", "eve")
    for words in ("smi", "SMITH", "b sm"):
        assert names(sam.page(f"{path}/assignments?q={words}")) == ["Bob Smith"], words


def test_behaviour_59_filters_narrow_together_and_clear_again(visit: Visit) -> None:
    sam = visit()
    path = make(sam)
    add(sam, path, "sales", "legal")
    picked(sam, path, "individual", "eve", "ann")
    assert names(sam.page(f"{path}/assignments?type=organisation&sort=name")) == ["legal", "sales"]
    assert names(sam.page(f"{path}/assignments?q=e&sort=name")) == ["Eve", "legal", "sales"]
    assert names(sam.page(f"{path}/assignments?q=e&type=individual")) == ["Eve"]
    assert "No assignments match “zzz”." in sam.page(f"{path}/assignments?q=zzz")
    assert len(names(sam.page(f"{path}/assignments"))) == 4


def test_behaviour_60_learners_see_why_they_are_in_and_administrators_how_many(
    visit: Visit, world: World, settle: Callable[[], None]
) -> None:
    sam = visit()
    path = make(sam)
    picked(sam, path, "individual", "ann", "eve")
    due(sam, path, "individual:eve", "2026-11-01")
    save(sam, path)
    settle()
    with world.runtime.db.read() as session:
        rows = {one["person"]: one for one in show_rows(session, HOST, 1)}
    assert {who: (one["active"], bool(one["exception"])) for who, one in rows.items()} == {
        "ann": (True, False), "eve": (False, True),
    }  # fmt: skip
    hers = visit("ann", administrator=False, person=1).page("/my/certifications")
    assert "Food Safety Level 2" in hers
    assert "individual" in hers.lower()
    assert "Waits for an administrator" not in hers
    nobodys = visit("bea", administrator=False, person=2).page("/my/certifications")
    assert "Food Safety Level 2" not in nobodys
    assert "You have no certifications now" in nobodys


def test_behaviour_63_an_archived_certification_can_be_looked_at_and_not_changed(
    visit: Visit, world: World, settle: Callable[[], None]
) -> None:
    sam = visit()
    path = make(sam)
    add(sam, path, "sales")
    save(sam, path)
    settle()
    with world.runtime.db.read() as session:
        code = by_id(session, HOST, 1).code
    world.save(code, row("organisation", "sales"), state="archived")
    settle()
    page = sam.page(f"{path}/assignments")
    assert "Select Add" not in page
    for address, form in (
        ("add/individual", {"target": ["eve"]}),
        ("remove", {"key": "organisation:sales"}),
        ("include", {"key": "organisation:sales", "include": "below"}),
        ("due", {"key": "organisation:sales", "kind": "fixed", "date": "2027-03-31"}),
    ):
        answer = sam.post(f"{path}/assignments/{address}", form)
        assert 400 <= answer.status_code < 500, address
        assert "archived: it can be looked at, not changed" in answer.text


def test_behaviour_65_leaving_suspends_removes_or_keeps_at_the_host_as_the_certification_says(
    muster: Any, sandbox: Sandbox, tmp_path: Path
) -> None:
    person = next(row["id"] for row in sandbox.api("people").json()["items"] if row["state"] == "active")
    path = tmp_path / "three.yaml"

    def apply(rows: str, state: str) -> None:
        path.write_text(
            "version: 1\ncertifications:\n"
            + "".join(
                f"  - code: P{n}\n    name: {seat}\n    state: live\n    leaving: {{seat: {seat}}}\n"
                f"    content: {{certification: [{{name: Core, courses: [c{n}]}}]}}\n    assignments: [{rows}]\n"
                for n, seat in enumerate(("suspend", "remove", "keep"), 1)
            )
        )
        status, _out, err = muster("apply", str(path), "--yes")
        assert status == 0, err + state
        assert muster("work", "--once")[0] == 0

    apply(f"{{individual: {person}}}", "in")
    assert [person in sandbox.roster(course) for course in ("c1", "c2", "c3")] == [True, True, True]
    apply("", "out")
    assert [person in sandbox.roster(course) for course in ("c1", "c2", "c3")] == [False, False, True]
    assert person in sandbox.roster("c1", "suspended")
    assert person not in sandbox.roster("c2", "suspended")
    assert json.loads(muster("show", "P3", "--json")[1])[0]["state"] == "withdrawn"


def test_courses_that_wait_to_be_opened_are_opened_from_her_own_page(
    visit: Visit, world: World, settle: Callable[[], None]
) -> None:
    content = {"certification": [{"name": "Core", "courses": ["c1"]}]}
    world.save("fs", row("individual", "ann"), content=content, enrol="on_open")
    ann = visit("ann", administrator=False, person=1)
    assert 'name="course" value="c1"' in ann.page("/my/certifications")
    assert ann.post("/my/certifications/1/open", {"course": "c1"}).status_code == 303
    with world.runtime.db.read() as session:
        assert show_rows(session, HOST, 1)[0]["seats"]["c1"]["want"] == "in"
    assert ann.post("/my/certifications/1/open", {"course": "c2"}).status_code == 409
    assert (
        visit("bea", administrator=False, person=2).post("/my/certifications/1/open", {"course": "c1"}).status_code
        == 409
    )
