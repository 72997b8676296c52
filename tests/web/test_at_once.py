"""What somebody does about one learner is done when the next page opens, without a worker."""

from __future__ import annotations

from tests.web.conftest import Visit
from tests.world import World, row

EVE = 5


def test_joining_and_leaving_a_group_show_at_once_and_leaving_asks_first(world: World, visit: Visit) -> None:
    world.save("FS", row("group", "Volunteers", group={"self_enrol": True, "withdraw": True}), row("individual", "ann"))
    eve = visit("eve", administrator=False, person=EVE)
    assert eve.post("/my/groups/1/join", {"group": "Volunteers"}).status_code == 303
    assert "Because you joined Volunteers" in eve.page("/my/certifications")
    asked = eve.page("/my/groups/1/leave?group=Volunteers")
    assert "You are then no longer enrolled in Fs." in asked
    assert "Because you joined Volunteers" in eve.page("/my/certifications")
    world.save("FS", row("group", "Volunteers", group={"self_enrol": True, "withdraw": True}), row("individual", "eve"))
    assert "You stay enrolled in Fs:" in eve.page("/my/groups/1/leave?group=Volunteers")
    world.save("FS", row("group", "Volunteers", group={"self_enrol": True, "withdraw": True}))
    assert eve.post("/my/groups/1/leave", {"group": "Volunteers"}).status_code == 303
    assert "You have no certifications now" in eve.page("/my/certifications")
    assert eve.get("/my/groups/1/leave?group=Volunteers").status_code == 404


def test_an_answer_and_an_extension_show_at_once(world: World, visit: Visit) -> None:
    world.save("FS", row("individual", "eve", due={"fixed": "2020-01-31"}))
    sam = visit()
    sam.post("/certifications/1/exceptions", {"person": "eve", "action": "realistic"})
    assert "Not active" not in sam.page("/certifications/1/learners")
    sam.post("/certifications/1/learners/eve/exempt", {"reason": "On leave"})
    assert "No learners yet" in sam.page("/certifications/1/learners")
