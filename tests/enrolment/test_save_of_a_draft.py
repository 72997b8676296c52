"""A save empties the draft it comes from in its own transaction: nobody meets her own save as unsaved changes."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session

from plugin.certifications.drafts import drafts
from plugin.certifications.drafts.clashes import SavedDraft, conflict
from plugin.certifications.tables import Draft
from plugin.core.errors import RefusedByRule
from plugin.core.runtime import Runtime
from plugin.enrolment.saving.save import Choices, save
from tests.world import HOST, World, row

SALES = "organisation:sales"


@pytest.fixture
def world(runtime: Runtime) -> World:
    made = World(runtime)
    made.people("ann", "bea")
    made.units(("sales", None), ("north", "sales"))
    made.save("fs2", row("organisation", "sales"))
    return made


def include(world: World, value: str) -> None:
    def work(session: Session) -> None:
        draft = drafts.open_draft(session, HOST, 1, "sam", at=world.now)
        drafts.set_include(session, draft, SALES, value)

    world.runtime.db.transact(work)


def read(world: World) -> tuple[Draft, bool]:
    with world.runtime.db.read() as session:
        draft = drafts.read_draft(session, HOST, 1, "sam")
        return draft, conflict(session, draft) is not None


def save_draft(world: World, revision: int | None = None, choices: Choices | None = None) -> None:
    with world.runtime.db.read() as session:
        draft = drafts.read_draft(session, HOST, 1, "sam")
        proposal = drafts.proposal(session, draft)
    saved = SavedDraft(1, "sam", draft.revision if revision is None else revision)
    save(world.runtime, HOST, [proposal], who="sam", choices=choices or Choices(), draft=saved)


def test_a_saved_draft_is_empty_and_stands_on_the_new_version(world: World) -> None:
    include(world, "below")
    save_draft(world)
    draft, clash = read(world)
    assert (draft.changes, draft.base_version, clash) == ({}, 2, False)


def test_a_save_that_dies_before_its_end_leaves_the_draft_and_saves_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    include(world, "below")

    def killed(*_given: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("plugin.enrolment.saving.save.finish", killed)
    with pytest.raises(KeyboardInterrupt):
        save_draft(world)
    draft, clash = read(world)
    assert (bool(draft.changes), draft.base_version, clash) == (True, 1, False)


def test_a_refused_save_leaves_the_draft(world: World) -> None:
    include(world, "below")
    with pytest.raises(RefusedByRule):
        save_draft(world, choices=Choices(allow_withdrawals=7))
    assert read(world)[0].changes


def test_edits_made_in_another_window_meanwhile_stay_in_the_draft(world: World) -> None:
    include(world, "below")
    with world.runtime.db.read() as session:
        draft = drafts.read_draft(session, HOST, 1, "sam")
        proposal = drafts.proposal(session, draft)
    world.runtime.db.transact(
        lambda session: drafts.set_due(
            session, drafts.open_draft(session, HOST, 1, "sam", at=world.now), SALES, {"fixed": "2027-03-31"}
        )
    )
    save(world.runtime, HOST, [proposal], who="sam", choices=Choices(), draft=SavedDraft(1, "sam", draft.revision))
    later, clash = read(world)
    assert (later.base_version, clash, list(later.changes["rows"])) == (2, False, [SALES])
