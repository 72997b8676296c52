"""*Except*: a row that leaves out some of its target's people, on the pages, in the file and in what is said of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from plugin.certifications.file import certification_file
from plugin.core.errors import Invalid
from plugin.enrolment.saving.file_review import plan_document, reviewed
from plugin.enrolment.saving.save import Choices
from plugin.enrolment.saving.save import save as commit
from plugin.enrolment.views.show import show_person, show_rows
from tests.web.conftest import Visit
from tests.web.steps import add, make, save
from tests.world import HOST, World

Settle = Callable[[], None]


def a_file(*rows: dict[str, Any]) -> str:
    one = {"code": "FS", "name": "Food Safety", "state": "live", "assignments": list(rows),
           "content": {"certification": [{"name": "Core", "courses": ["c1"]}]}}  # fmt: skip
    return json.dumps({"version": 1, "certifications": [one]})


def plan(world: World, text: str) -> Any:
    return plan_document(reviewed(world.runtime, HOST, text)[1])["certifications"][0]


def apply(world: World, text: str) -> None:
    proposals, _reviews = reviewed(world.runtime, HOST, text)
    commit(world.runtime, HOST, proposals, who="ci", choices=Choices())


def number(world: World) -> int:
    with world.runtime.db.read() as session:
        return certification_file.by_code(session, HOST, "FS").id  # type: ignore[union-attr]


def learners(world: World) -> set[str]:
    with world.runtime.db.read() as session:
        return {row["person"] for row in show_rows(session, HOST, number(world)) if row["active"]}


def test_a_file_excepts_and_is_written_back_as_it_was(world: World, settle: Settle) -> None:
    world.audience("temps", "bea", "cid")
    sales: dict[str, Any] = {"organisation": "sales", "include": "below", "due": "none"}
    apply(world, a_file(sales))
    settle()
    assert learners(world) == {"ann", "bea", "cid", "dov"}
    less = {**sales, "except": [{"audience": "temps"}, {"individual": "ann"}]}
    found = plan(world, a_file(less))
    assert found["removing"] == {"x": 4, "withdrawn": 3, "kept": 1, "suspended": 0, "not_enrolled": 0}
    assert found["assignments"] == [{"assignment": "organisation:sales", "matched": 1}]
    apply(world, a_file(less, {"individual": "ann", "due": "none"}))  # another row may match whom this one leaves out
    settle()
    assert learners(world) == {"ann", "dov"}
    with world.runtime.db.read() as session:
        written = certification_file.document(session, HOST, ["FS"])["certifications"][0]["assignments"]
        said = {
            row["assignment"]: row["sentence"]
            for row in show_person(session, HOST, number(world), "cid")["assignments"]
        }
    assert written[0]["except"] == less["except"]
    assert said["organisation:sales"] == "Would match, but temps is excepted and this learner belongs to it."
    assert plan(world, a_file(*written))["assignments"][0]["matched"] == 1
    world.audience("temps", "bea", "dov")  # who joins it goes, who leaves it comes
    settle()
    assert learners(world) == {"ann", "cid"}


@pytest.mark.parametrize(
    ("excepted", "said"),
    [
        ([{"audience": "nowhere"}], "the host knows no audience 'nowhere'"),
        ([{"manager": "j-ann"}], "There is no such key here."),
        ([{"audience": "temps", "individual": "ann"}], "names exactly one of"),
        ([{"individual": "ann", "include": "below"}], "'include' does not go with individual."),
        ([{"individual": "ann"}, {"individual": "ann"}], "organisation:sales excepts individual:ann twice."),
    ],
)
def test_dirt_in_what_is_excepted_is_named(world: World, excepted: list[dict[str, str]], said: str) -> None:
    world.audience("temps", "bea")
    with pytest.raises(Invalid, match=re.escape(said)):
        plan(world, a_file({"organisation": "sales", "except": excepted}))


def test_it_is_chosen_warned_of_reviewed_and_undone_on_the_pages(visit: Visit, world: World, settle: Settle) -> None:
    sam = visit()
    path = make(sam)
    add(sam, path, "sales")
    sam.post(f"{path}/assignments/include", {"key": "organisation:sales", "include": "below"})
    save(sam, path)
    settle()
    dialog = sam.page(f"{path}/assignments/except?key=organisation:sales")
    assert "Nothing is excepted yet." in dialog
    sam.page(f"{path}/assignments/except/organisation?key=organisation:sales")
    chosen = {"key": "organisation:sales", "target": ["north"]}
    assert "2 learners of this assignment" in sam.post(f"{path}/f/except/organisation", chosen).text
    warned = sam.post(f"{path}/assignments/except/organisation/confirm", chosen).text
    assert "This will withdraw 2 learners from this certification except where they have another assignment." in warned
    assert "Except north and all below." in warned
    shown = sam.post(f"{path}/assignments/except/organisation", chosen, fragment=True).text
    assert "Except north and all below" in shown
    assert "This will withdraw 2 learners" in shown
    review = sam.page(f"{path}/assignments/review")
    assert "“sales” leaves out 2 learners who are excepted." in review
    assert "Cid" in sam.page(f"{path}/assignments/review/names/left_out_0")
    assert save(sam, path) == 303
    settle()
    taken = sam.post(f"{path}/assignments/except/organisation", chosen)
    assert taken.status_code == 303  # chosen again it changes nothing
    assert "Save changes" not in sam.page(f"{path}/assignments").split("<main")[1].split("savebar")[0]
    entry = re.findall(rf"{path}/history/(\d+)/undo", sam.page(f"{path}/history"))[0]
    assert "2" in sam.page(f"{path}/history/{entry}/undo")
    back = {"key": "organisation:sales", "keep": ["organisation:north"], "below": []}
    narrower = sam.post(f"{path}/assignments/except", back, fragment=True).text
    assert "Except north" in narrower
    assert "and all below" not in narrower
    wider = sam.post(f"{path}/assignments/except", {"key": "organisation:sales"}, fragment=True).text
    assert "Adding this assignment will enrol 4 learners to this certification" in wider
