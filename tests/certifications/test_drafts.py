"""Drafts: edits of one administrator, kept until saved, that overwrite nobody."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.orm import Session

from plugin.certifications.drafts import adding, clashes, drafts
from plugin.certifications.tables import Draft
from plugin.core.errors import Invalid, NotFound
from plugin.core.runtime import Runtime
from tests.world import HOST, World, row

SALES, LEGAL, NORTH = "organisation:sales", "organisation:legal", "organisation:north"


@pytest.fixture
def world(runtime: Runtime) -> World:
    made = World(runtime)
    made.people("ann", "bea")
    made.units(("sales", None), ("north", "sales"), ("legal", None))
    made.save("fs2", row("organisation", "sales"), row("organisation", "legal", due={"fixed": "2027-03-31"}))
    return made


def edit(world: World, work: Callable[[Session, Draft], Any], editor: str = "sam") -> Any:
    """Work on the stored draft in a transaction, as a page does."""
    return world.runtime.db.transact(
        lambda session: work(session, drafts.open_draft(session, HOST, 1, editor, at=world.now))
    )


def states(world: World, editor: str = "sam") -> dict[str, str]:
    with world.runtime.db.read() as session:
        draft = drafts.read_draft(session, HOST, 1, editor)
        return {one.key: one.state for one in drafts.rows(session, draft)}


def proposed(world: World, editor: str = "sam") -> dict[str, tuple[str, Any]]:
    with world.runtime.db.read() as session:
        found = drafts.proposal(session, drafts.read_draft(session, HOST, 1, editor))
        return {one.key: (one.include, one.due) for one in found.definition.assignments}


def test_rows_are_added_changed_and_removed_in_the_draft_alone(world: World) -> None:
    edit(world, lambda session, draft: adding.add_targets(session, draft, "organisation", ["north"]))
    edit(world, lambda session, draft: drafts.set_include(session, draft, SALES, "below"))
    edit(world, lambda session, draft: drafts.set_due(session, draft, NORTH, {"fixed": "2027-01-31T17:00"}))
    edit(world, lambda session, draft: drafts.remove_row(session, draft, LEGAL))
    assert states(world) == {NORTH: "new", SALES: "changed", LEGAL: "removed"}
    assert proposed(world) == {SALES: ("below", "none"), NORTH: ("", {"fixed": "2027-01-31T17:00"})}
    assert states(world, "kim") == {SALES: "saved", LEGAL: "saved"}


def test_a_change_taken_back_by_hand_is_no_change(world: World) -> None:
    edit(world, lambda session, draft: drafts.set_include(session, draft, SALES, "below"))
    edit(world, lambda session, draft: drafts.set_include(session, draft, SALES, ""))
    assert edit(world, lambda _session, draft: drafts.count_changes(draft)) == 0


def test_a_new_row_that_is_removed_is_gone_and_a_saved_one_added_again_stays(world: World) -> None:
    edit(world, lambda session, draft: adding.add_targets(session, draft, "organisation", ["north"]))
    edit(world, lambda session, draft: drafts.remove_row(session, draft, NORTH))
    edit(world, lambda session, draft: drafts.remove_row(session, draft, SALES))
    edit(world, lambda session, draft: adding.add_targets(session, draft, "organisation", ["sales"]))
    assert states(world) == {SALES: "saved", LEGAL: "saved"}


def test_undo_and_discard_bring_back_what_is_saved(world: World) -> None:
    edit(world, lambda session, draft: drafts.remove_row(session, draft, SALES))
    edit(world, lambda session, draft: drafts.set_due(session, draft, LEGAL, "none"))
    edit(world, lambda session, draft: drafts.undo_row(session, draft, SALES))
    assert states(world) == {SALES: "saved", LEGAL: "changed"}
    edit(world, drafts.discard)
    assert states(world) == {SALES: "saved", LEGAL: "saved"}


@pytest.mark.parametrize(
    ("kind", "targets"),
    [
        ("organisation", []),
        ("organisation", ["nowhere"]),
        ("organisation", ["north", "sales"]),
        ("position", ["north"]),
        ("group", ["volunteers"]),
        ("organisation", [f"u{n}" for n in range(adding.MOST_TARGETS + 1)]),
    ],
)
def test_targets_that_cannot_be_added_add_nothing_at_all(world: World, kind: str, targets: list[str]) -> None:
    with pytest.raises(Invalid):
        edit(world, lambda session, draft: adding.add_targets(session, draft, kind, targets))
    assert states(world) == {SALES: "saved", LEGAL: "saved"}


def test_wrong_includes_dates_and_rows_are_refused(world: World) -> None:
    with pytest.raises(Invalid):
        edit(world, lambda session, draft: drafts.set_include(session, draft, SALES, "direct"))
    with pytest.raises(Invalid):
        edit(world, lambda session, draft: drafts.set_due(session, draft, SALES, {"fixed": "10000-01-01"}))
    with pytest.raises(NotFound):
        edit(world, lambda session, draft: drafts.remove_row(session, draft, NORTH))


def test_a_clash_shows_both_sides_and_keeps_what_is_chosen(world: World) -> None:
    edit(world, lambda session, draft: drafts.set_include(session, draft, SALES, "below"))
    edit(world, lambda session, draft: drafts.remove_row(session, draft, LEGAL))
    edit(world, lambda session, draft: adding.add_targets(session, draft, "organisation", ["north"]))
    world.save("fs2", row("organisation", "sales", due={"fixed": "2028-01-01"}), row("organisation", "legal"))
    found = edit(world, clashes.conflict)
    assert [clash.key for clash in found.clashes] == [LEGAL, SALES]
    assert found.mine == (NORTH,)
    edit(world, lambda session, draft: clashes.rebase(session, draft, {LEGAL}))
    assert edit(world, clashes.conflict) is None
    assert states(world) == {NORTH: "new", SALES: "changed", LEGAL: "saved"}
    assert proposed(world)[SALES] == ("below", "none")


def test_a_draft_without_edits_follows_what_is_saved(world: World) -> None:
    edit(world, lambda session, draft: drafts.set_include(session, draft, SALES, "below"))
    edit(world, drafts.discard)
    world.save("fs2", row("organisation", "north"))
    assert states(world) == {NORTH: "saved"}
    assert edit(world, lambda _session, draft: draft.base_version) == 2


def test_what_both_removed_is_no_clash(world: World) -> None:
    edit(world, lambda session, draft: drafts.remove_row(session, draft, LEGAL))
    world.save("fs2", row("organisation", "sales"))
    found = edit(world, clashes.conflict)
    assert found.clashes == ()
    edit(world, lambda session, draft: clashes.rebase(session, draft, ()))
    assert edit(world, lambda _session, draft: drafts.count_changes(draft)) == 0


def test_a_setting_that_both_changed_is_a_clash_and_one_that_only_one_changed_is_none(world: World) -> None:
    edit(
        world, lambda session, draft: drafts.set_details(session, draft, name="Mine", enrol="on_open", category="Ours")
    )
    world.save("fs2", row("organisation", "sales"), row("organisation", "legal"), name="Theirs", category="Ours")
    found = edit(world, clashes.conflict)
    assert (found.settings, found.clashes) == (("name",), ())
    edit(world, lambda session, draft: clashes.rebase(session, draft, (), ["name"]))
    assert edit(world, lambda _session, draft: draft.changes) == {"details": {"enrol": "on_open"}}
    wanted = edit(world, drafts.proposal).definition
    assert (wanted.name, wanted.enrol, wanted.category) == ("Theirs", "on_open", "Ours")


def test_a_setting_that_both_changed_stays_mine_where_that_is_chosen(world: World) -> None:
    edit(world, lambda session, draft: drafts.set_details(session, draft, name="Mine"))
    world.save("fs2", row("organisation", "sales"), row("organisation", "legal"), name="Theirs")
    edit(world, lambda session, draft: clashes.rebase(session, draft, ()))
    assert edit(world, clashes.conflict) is None
    assert edit(world, drafts.proposal).definition.name == "Mine"
