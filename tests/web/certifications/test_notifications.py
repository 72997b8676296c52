"""Notifications of a certification: inherited until changed, reset, previewed on a real learner, and never surprising."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from sqlalchemy import select, update

from plugin.certifications.store import by_code, by_id, definition_of
from plugin.delivery.tables import Message
from plugin.mirror.tables import ACTIVE, SUSPENDED, Person
from plugin.notifications.tables import Notification
from plugin.web.certifications.notification_form import period_words, shown
from tests.in_turn import in_turn
from tests.web.conftest import Visit
from tests.world import HOST, World, row

SCRIPT = "<script>alert(1)</script> O'Neil\nBcc: all@example.org"


@pytest.fixture
def food(world: World) -> int:
    """A certification with a learner, that tells her when she is assigned."""
    world.save("fs", row("individual", "ann", due={"fixed": "2027-03-31"}), notifications=({"when": "assigned"},))
    with world.runtime.db.read() as session:
        found = by_code(session, HOST, "fs")
        assert found is not None
        return int(found.id)


def saved(world: World, number: int) -> tuple[dict[str, Any], ...]:
    with world.runtime.db.read() as session:
        return definition_of(session, HOST, number).notifications or ()


def version(world: World, number: int) -> str:
    with world.runtime.db.read() as session:
        return str(by_id(session, HOST, number).version)


def form(world: World, number: int, **fields: Any) -> dict[str, Any]:
    return {"version": version(world, number), "on": "1", "to": ["learner"], "amount": "0", "unit": "days",
            "side": "after", "subject": "Hello {learner_name}", "body": "Due {due_date}", "action": "save", **fields}  # fmt: skip


def test_every_event_is_listed_as_inherited_and_off_until_somebody_switches_it_on(
    world: World, food: int, visit: Visit
) -> None:
    one, path = visit(), f"/certifications/{food}/notifications"
    page = one.page(path)
    assert "1 is switched on." in page
    assert page.count("Switch on") == 9
    assert "Changed</span>" not in page
    assert one.post(path, {"version": version(world, food), "when": "overdue", "on": "1"}).status_code == 303
    assert saved(world, food)[1:] == ({"when": "overdue", "after": "1 day", "to": ["learner", "managers"]},)
    with world.runtime.db.read() as session:
        rows = {row.when: row for row in session.scalars(select(Notification))}
    assert (rows["overdue"].on, rows["overdue"].offset, rows["overdue"].since) == (True, 86_400, world.now)
    assert one.post(path, {"version": "1", "when": "due", "on": "1"}).status_code == 409


def test_one_is_changed_and_reset_to_what_is_inherited(world: World, food: int, visit: Visit) -> None:
    one, path = visit(), f"/certifications/{food}/notifications"
    assert (
        one.post(f"{path}/0", form(world, food, amount="2", unit="weeks", to=["learner", "managers"])).status_code
        == 303
    )
    assert saved(world, food) == (
        {"when": "assigned", "after": "2 weeks", "to": ["learner", "managers"], "subject": "Hello {learner_name}",
         "body": "Due {due_date}"},)  # fmt: skip
    page = one.page(path)
    assert "2 weeks after" in page
    assert "Changed</span>" in page
    with world.runtime.db.read() as session:
        before = session.scalars(select(Notification.id)).all()
    assert one.post(path, {"version": version(world, food), "which": "0", "action": "reset"}).status_code == 303
    assert saved(world, food) == ({"when": "assigned", "to": ["learner"]},)
    with world.runtime.db.read() as session:
        assert session.scalars(select(Notification.id)).all() == before  # the same one: nobody is told again
    assert one.post(path, {"version": version(world, food), "which": "7", "action": "reset"}).status_code == 404


def test_inherited_text_is_shown_as_whoever_gets_it_reads_it_and_is_never_kept_as_ones_own(
    world: World, food: int, visit: Visit
) -> None:
    one, path = visit(), f"/certifications/{food}/notifications"
    hers = one.page(f"{path}/0")
    assert "You are now enrolled in {certification_name}." in hers
    assert "the others get one that names the learner" not in hers
    body = html.unescape(re.search(r'<textarea id="body"[^>]*>([^<]*)<', hers)[1])  # type: ignore[index]
    texts = {"subject": "You are enrolled in {certification_name}", "body": body}
    for to, says in (
        (["learner", "managers"], "You are now enrolled"),
        (["managers"], "{learner_name} is now enrolled"),
    ):
        assert one.post(f"{path}/0", form(world, food, to=to, **texts)).status_code == 303
        assert saved(world, food) == ({"when": "assigned", "to": to},)
        page = one.page(f"{path}/0")
        assert says in page
        assert ("the others get one that names the learner" in page) == (len(to) == 2)


def test_a_second_reminder_is_added_and_removed(world: World, food: int, visit: Visit) -> None:
    one, path = visit(), f"/certifications/{food}/notifications"
    assert 'value="before" selected' in one.page(f"{path}/new?when=due")
    for days in ("30", "7"):
        answer = one.post(f"{path}/new?when=due", form(world, food, amount=days, side="before"))
        assert answer.status_code == 303
    assert [(each["when"], each.get("before")) for each in saved(world, food)] == [
        ("assigned", None), ("due", "30 days"), ("due", "7 days"),
    ]  # fmt: skip
    assert one.post(path, {"version": version(world, food), "which": "1", "action": "remove"}).status_code == 303
    assert [each.get("before") for each in saved(world, food)] == [None, "7 days"]
    assert one.get(f"{path}/new?when=christmas").status_code == 404


@in_turn(
    ("fields", "says"),
    [
        ({"body": "Dear {first_name}"}, "“{first_name}” is no placeholder."),
        ({"subject": "{Learner_Name}"}, "“{Learner_Name}” is no placeholder."),
        ({"to": []}, "Choose at least one recipient."),
        ({"amount": "-1"}, "is not a length of time"),
        ({"amount": "5", "unit": "fortnights"}, "the unit must be one of"),
        ({"amount": "5", "side": "before"}, "when it happens, or after"),
        ({"body": "x" * 20_001}, "That is too long"),
    ],
)
def test_what_cannot_be_sent_is_refused_in_a_sentence_and_kept_in_the_form(
    world: World, food: int, visit: Visit, fields: dict[str, Any], says: str
) -> None:
    one = visit()
    answer = one.post(f"/certifications/{food}/notifications/0", form(world, food, **fields))
    assert answer.status_code == 400
    assert says in answer.text
    assert "Hello {learner_name}" in answer.text or "subject" in fields
    assert saved(world, food) == ({"when": "assigned"},)


def test_the_preview_shows_a_real_learner_and_saves_nothing(world: World, food: int, visit: Visit) -> None:
    world.set_person("ann", name=SCRIPT, time_zone="America/New_York")
    one = visit()
    page = one.post(f"/certifications/{food}/notifications/0", form(world, food, action="preview")).text
    assert "Hello &lt;script&gt;alert(1)&lt;/script&gt; O&#39;Neil Bcc: all@example.org" in page
    assert "<script>alert(1)" not in page
    assert "Due 31 March 2027, 18:59 (America/New_York)" in page
    assert saved(world, food) == ({"when": "assigned"},)
    nobody = one.post(
        f"/certifications/{food}/notifications/0", form(world, food, action="preview", learner="zzz")
    ).text
    assert "Nothing matches “zzz”." in nobody


def test_switching_off_stops_what_was_not_sent_yet(world: World, food: int, visit: Visit) -> None:
    with world.runtime.db.read() as session:
        assert session.scalars(select(Message.state)).all() == ["waiting"]
    one, path = visit(), f"/certifications/{food}/notifications"
    assert one.post(path, {"version": version(world, food), "which": "0", "when": "assigned"}).status_code == 303
    with world.runtime.db.read() as session:
        message = session.scalars(select(Message)).one()
    assert (message.state, message.why) == ("cancelled", "Its notification was switched off before it was sent.")


def test_the_placeholder_buttons_name_every_placeholder(food: int, visit: Visit) -> None:
    page = visit().page(f"/certifications/{food}/notifications/0")
    assert len(re.findall(r'data-insert="\{[a-z_]+\}"', page)) == 7


def test_only_administrators_change_notifications(world: World, food: int, visit: Visit) -> None:
    learner = visit("ann", administrator=False, person=1)
    path = f"/certifications/{food}/notifications"
    for where in (path, f"{path}/0"):
        assert learner.get(where).status_code == 403
        assert learner.post(where, form(world, food)).status_code == 403


def test_a_text_in_another_language_is_added_previewed_kept_and_removed(world: World, food: int, visit: Visit) -> None:
    one, path = visit(), f"/certifications/{food}/notifications"
    added = one.post(f"{path}/0", form(world, food, action="language", language="de"))
    assert added.status_code == 200
    assert "Sie sind jetzt in {certification_name} eingeschrieben." in added.text  # what is inherited, to begin with
    assert "Hello {learner_name}" in added.text
    assert saved(world, food) == ({"when": "assigned"},)
    texts = {"subject.de": "Hallo {learner_name}", "body.de": "Bis {due_date}", "subject.pl": "", "body.pl": " "}
    assert one.post(f"{path}/0", form(world, food, **texts)).status_code == 303
    assert saved(world, food)[0]["texts"] == {"de": {"subject": "Hallo {learner_name}", "body": "Bis {due_date}"}}
    with world.runtime.db.write() as session:
        session.execute(update(Person).where(Person.ext == "ann").values(language="de"))
    page = one.page(f"{path}/0")
    assert "Hallo Ann" in page
    assert "Bis 31. März 2027" in page
    assert "own text" not in page
    refused = one.post(f"{path}/0", form(world, food, **{**texts, "body.de": "{vorname}"}))
    assert refused.status_code == 400
    assert "{vorname}" in refused.text
    assert one.post(f"{path}/0", form(world, food, **{"subject.de": "", "body.de": ""})).status_code == 303
    assert "texts" not in saved(world, food)[0]


def test_those_whom_nothing_can_tell_are_not_counted_among_the_reached(world: World, visit: Visit) -> None:
    world.save("fs", row("organisation", "sales", include="below"), notifications=({"when": "assigned"},))
    world.settle()
    with world.runtime.db.read() as session:
        found = by_code(session, HOST, "fs")
    assert found is not None
    one, path = visit(), f"/certifications/{found.id}"

    def reached() -> tuple[str, str]:
        listed = re.findall(r'data-label="Would reach now"[^>]*><a\s[^>]*>([\d,]+)<', one.page(f"{path}/notifications"))
        above = re.search(r"People it would reach now: ([\d,]+)", one.page(f"{path}/assignments"))
        return listed[0], above[1] if above else ""

    assert reached() == ("4", "4")
    world.state("ann", SUSPENDED)
    assert reached() == ("3", "3")
    assert one.post(f"{path}/learners/bea/exempt", {"reason": "On leave"}).status_code == 303
    assert reached() == ("2", "2")
    world.state("ann", ACTIVE)
    assert reached() == ("3", "3")
    listed = re.search(
        r'data-label="Would reach now"[^>]*><a\s+href="/t/[^/]+([^"]+)"', one.page(f"{path}/notifications")
    )
    assert listed is not None
    names = one.page(html.unescape(listed[1]))
    assert "3 people would get a message" in names
    assert names.count("<li><bdi>") == 3
    assert one.get(f"{path}/notifications/reach?to=nobody").status_code == 404


def test_a_draft_of_an_earlier_release_that_counts_in_months_is_shown_and_can_be_mended() -> None:
    assert period_words("2 months") == "2 months"
    found = shown({"when": "due", "before": "2 months"})
    assert (found["amount"], found["unit"], found["side"]) == (2, "months", "before")
