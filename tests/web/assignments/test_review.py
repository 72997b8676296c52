"""The review: every number opens its names, standing answers are shown, and an undo says as much as a save."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from sqlalchemy import update

from plugin.certifications.definition import DEFAULT_EXCEPTIONS, Proposal
from plugin.certifications.store import by_id, definition_of
from plugin.core.days import moment_of
from plugin.core.tables import Journal
from plugin.enrolment.saving.history import KEPT
from plugin.enrolment.saving.save import Choices
from plugin.enrolment.saving.save import save as commit
from tests.web.conftest import Visit, Visitor
from tests.web.steps import add, due, make, save
from tests.world import HOST, World


def short(sam: Visitor, world: World, path: str, answer: str = "hold") -> None:
    """Make the certification's content take four weeks, with a standing answer to who has less time."""
    with world.runtime.db.read() as session:
        number = int(Path(path).name)
        current = definition_of(session, HOST, number)
        version = by_id(session, HOST, number).version
    sets = [{**one, "minimum": "4 weeks"} for one in current.content["certification"]]
    wanted = replace(
        current, content={**current.content, "certification": sets},
        exceptions={**DEFAULT_EXCEPTIONS, "time_allowance": answer},
    )  # fmt: skip
    commit(world.runtime, HOST, [Proposal(wanted, version, current)], who="sam", choices=Choices())


def tomorrow(world: World) -> str:
    return (moment_of(world.runtime.clock.now(), "UTC").date() + timedelta(days=1)).isoformat()


def behind(sam: Visitor, page: str, part: str) -> str:
    """The names behind a number of a review, by the link that is on it."""
    [address] = set(re.findall(rf'href="/t/[^/]+([^"]*/names/{part})"', page))
    return sam.page(address)


def test_exceptions_and_messages_of_a_review_open_their_names(visit: Visit, world: World) -> None:
    sam = visit()
    path = make(sam)
    short(sam, world, path)
    add(sam, path, "sales", "north")
    due(sam, path, "organisation:sales", tomorrow(world))
    review = sam.page(f"{path}/assignments/review")
    assert "2 learners will get the exception “Time allowance”." in review
    held = behind(sam, review, "exception_time_allowance")
    assert "Ann" in held
    assert "Cid" not in held
    told = behind(sam, review, "messages")
    assert "2 people get messages" in told
    assert "Cid" in told
    assert "Ann" not in told
    assert sam.get(f"{path}/assignments/review/names/nonsense").status_code == 404


def test_a_standing_answer_is_shown_with_those_it_decides_about(visit: Visit, world: World) -> None:
    sam = visit()
    path = make(sam)
    short(sam, world, path, "dismiss")
    add(sam, path, "sales")
    due(sam, path, "organisation:sales", tomorrow(world))
    review = sam.page(f"{path}/assignments/review")
    assert "“Time allowance” concerns 2 learners; the standing answer “Do not assign” decides." in review
    assert "Bea" in behind(sam, review, "exception_time_allowance_dismiss")


def test_an_undo_shows_what_a_save_shows_and_offers_earlier_dates_ticked(
    visit: Visit, world: World, settle: Callable[[], None]
) -> None:
    sam = visit()
    path = make(sam)
    add(sam, path, "sales")
    due(sam, path, "organisation:sales", "2031-01-31")
    save(sam, path)
    settle()
    due(sam, path, "organisation:sales", "2032-02-28")
    add(sam, path, "legal")
    review = sam.page(f"{path}/assignments/review")
    assert "31 January 2031, 23:59 (Europe/London)</bdi> <span" in review
    assert save(sam, path) == 303
    settle()
    entry = re.findall(rf"{path}/history/(\d+)/undo", sam.page(f"{path}/history"))[0]
    undo = sam.page(f"{path}/history/{entry}/undo")
    assert re.search(r'name="earlier" checked', undo)
    assert "Also move dates earlier (or clear them): 2 learners" in undo
    assert "Ann" in behind(sam, undo, "earlier")
    assert "28 February 2032, 23:59 (Europe/London)</bdi> <span" in undo
    assert re.search(r">Removed</span>\s+<bdi>legal</bdi>", undo)
    changed = sam.page(f"{path}/history/{entry}/changes")
    assert "Saved by" in changed
    assert "31 January 2031" in changed
    assert re.search(r">New</span>\s+<bdi>legal</bdi>", changed)
    assert sam.post(f"{path}/history/{entry}/undo", {}).status_code == 303  # unticked: dates stay
    settle()
    assert "28 Feb 2032" in sam.page(f"{path}/learners")


def test_a_save_of_more_than_thirty_days_ago_says_why_it_cannot_be_undone(
    visit: Visit, world: World, settle: Callable[[], None]
) -> None:
    sam = visit()
    path = make(sam)
    add(sam, path, "sales")
    save(sam, path)
    settle()
    assert "/undo" in sam.page(f"{path}/history")
    with world.runtime.db.write() as session:
        session.execute(update(Journal).values(at=Journal.at - KEPT - 60))
    page = sam.page(f"{path}/history")
    assert "/undo" not in page
    assert "More than 30 days old: can no longer be undone" in page


def test_what_changed_is_told_of_this_certification_alone(visit: Visit, settle: Callable[[], None]) -> None:
    sam = visit()
    first, second = make(sam), make(sam, "Another")
    add(sam, first, "sales")
    save(sam, first)
    settle()
    entry = re.findall(rf"{first}/history/(\d+)/changes", sam.page(f"{first}/history"))[0]
    assert sam.get(f"{first}/history/{entry}/changes").status_code == 200
    assert sam.get(f"{second}/history/{entry}/changes").status_code == 404
    assert sam.get(f"{first}/history/999999/changes").status_code == 404
