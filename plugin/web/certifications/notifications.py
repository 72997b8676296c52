"""Notifications of a certification: which are on, to whom they go, how many each would reach now; and changing one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from flask import Blueprint, Response, request, url_for
from flask_babel import gettext as _
from pyroaring import BitMap
from sqlalchemy.orm import Session

from plugin.access.rules import rule
from plugin.certifications.definition import Definition, Proposal
from plugin.certifications.listing import matched
from plugin.certifications.store import by_id, definition_of
from plugin.core.errors import Invalid, NotFound, RefusedByRule
from plugin.enrolment.message_dates import preview
from plugin.enrolment.saving.save import Choices, save
from plugin.enrolment.views.roster import learners
from plugin.enrolment.views.told import may_be_told
from plugin.mirror.lookup.browse import names_of_people
from plugin.mirror.lookup.search import find
from plugin.mirror.tables import Person
from plugin.notifications.defaults import (
    BEFORE,
    TEXTS,
    has_own_text,
    inherited,
    is_changed,
    recipients,
    reset,
    shown_text,
)
from plugin.notifications.impact import reached
from plugin.web.assignments.review_parts import NAMES_PART
from plugin.web.certifications.notification_form import (
    UNITS,
    as_entered,
    entered,
    fresh,
    language_words,
    period_words,
    placeholder_words,
    shown,
    trigger_words,
    with_one,
)
from plugin.web.frame import shell
from plugin.web.frame.kit import PREFIX, go, host_id, page, page_number, runtime, who
from plugin.web.frame.reader import reader_language
from plugin.web.frame.words import count, ngettext, read_only_sentence

blueprint = Blueprint("notifications", __name__, url_prefix=f"{PREFIX}/certifications/<int:certification>")

_RECIPIENTS = frozenset({"learner", "managers", "admins"})


@dataclass(frozen=True)
class NotificationRow:
    """A line of the list. ``which``: its place among the saved ones; ``None`` where it is only inherited, and off."""

    which: int | None
    one: dict[str, Any]
    subject: str
    to: list[str]
    on: bool
    changed: bool
    reach: int


@blueprint.get("/notifications")
@rule("see")
def tab(certification: int) -> Response:
    """Every event, in order: as saved, or as inherited."""
    with runtime().db.read() as session:
        context = shell.of_certification(session, certification, "notifications")
        definition = definition_of(session, host_id(), certification)
        everyone = _everyone(session, certification, definition.assignments)
        saved = list(enumerate(definition.notifications or ()))
        reach: dict[tuple[str, ...], int] = {}
        rows = []
        for when in TEXTS:
            of_event: list[tuple[int | None, dict[str, Any]]] = [(n, one) for n, one in saved if one["when"] == when]
            for which, one in of_event or [(None, {**inherited(when), "on": False})]:
                to = recipients(one)
                if tuple(to) not in reach:
                    reach[tuple(to)] = len(reached(session, host_id(), everyone, to))
                rows.append(
                    NotificationRow(
                        which,
                        one,
                        shown_text(one, reader_language())[0],
                        to,
                        one.get("on", True),
                        is_changed(one),
                        reach[tuple(to)],
                    )
                )
        context |= {
            "rows": rows,
            "active": sum(row.on for row in rows),
            "triggers": trigger_words(),
            "period_words": period_words,
        }
    return page("certifications/notifications/notifications.html", **context)


@blueprint.get("/notifications/reach")
@rule("see")
def reach(certification: int) -> Response:
    """Whom a notification with these recipients would reach now, a part at a time.

    :raises NotFound: for recipients there are not.
    """
    to = request.args.getlist("to")
    if not to or not _RECIPIENTS.issuperset(to):
        raise NotFound(_("A notification has no such recipients."))
    with runtime().db.read() as session:
        definition = definition_of(session, host_id(), certification)
        people = reached(session, host_id(), _everyone(session, certification, definition.assignments), to)
        start = (page_number() - 1) * NAMES_PART
        ids = list(people[start : start + NAMES_PART])
        described = names_of_people(session, host_id(), ids)
    words = ngettext("%(num)s person would get a message", "%(num)s people would get a message", len(people))
    return page(
        "assignments/review/names.html", heading=words, people=[described[one] for one in ids], days={}, start=start,
        total=len(people), shown=count(start + len(ids)), page_number=page_number(),
        names_url=url_for(".reach", certification=certification, to=to), back_url=url_for(".tab", certification=certification),
    )  # fmt: skip


def _everyone(session: Session, certification: int, rows: Any) -> BitMap:
    found: BitMap = BitMap()
    for people in matched(session, host_id(), certification, rows).values():
        found |= people
    return may_be_told(session, host_id(), certification, found)


@blueprint.post("/notifications")
@rule("change")
def switch(certification: int) -> Response:
    """Switch one on or off, reset it, or remove it: saved at once, it touches no learner."""
    version, current = _current(certification)
    saved, action, when = (
        current.notifications or (),
        request.form.get("action", "switch"),
        request.form.get("when", ""),
    )
    _check_version(version)
    if when in TEXTS and not request.form.get("which"):
        _keep(current, version, (*saved, inherited(when)))
        return go(url_for(".tab", certification=certification))
    which = _place(saved, request.form.get("which", ""))
    one = saved[which]
    if action == "remove":
        changed = tuple(other for place, other in enumerate(saved) if place != which)
    elif action == "reset":
        changed = with_one(saved, which, reset(one))
    else:
        changed = with_one(saved, which, {**one, "on": "on" in request.form})
    _keep(current, version, changed)
    return go(url_for(".tab", certification=certification))


@blueprint.get("/notifications/<which>")
@rule("change")
def edit(certification: int, which: str) -> Response:
    """The form of one; ``new`` with an event for another."""
    _version, current = _current(certification)
    one, _which = _found(current, which)
    return _form(certification, which, shown(one), one, "", request.args.get("learner", ""))


@blueprint.post("/notifications/<which>")
@rule("change")
def change(certification: int, which: str) -> Response:
    """Save it, or only show what it would say."""
    version, current = _current(certification)
    before, place = _found(current, which)
    when, learner = str(before["when"]), request.form.get("learner", "")
    try:
        one = entered(when, request.form)
    except Invalid as error:
        return _form(certification, which, as_entered(when, request.form), None, error.sentence, learner)
    if request.form.get("action") in ("preview", "language"):
        return _form(certification, which, as_entered(when, request.form), one, "", learner)
    _check_version(version)
    _keep(current, version, with_one(current.notifications or (), place, one))
    return go(url_for(".tab", certification=certification))


def _form(
    certification: int, which: str, form: dict[str, Any], one: dict[str, Any] | None, problem: str, learner: str
) -> Response:
    with runtime().db.read() as session:
        context = shell.of_certification(session, certification, "notifications")
        row = by_id(session, host_id(), certification)
        person = _learner(session, certification, learner)
        sample = None
        if one is not None and person is not None:
            sample = preview(session, host_id(), one, row.name, person, number=certification)
        context |= {
            "form": form, "which": which, "problem": problem, "sample": sample, "person": person, "learner": learner,
            "triggers": trigger_words(), "placeholders": placeholder_words(), "units": UNITS, "before": BEFORE,
            "languages": language_words(),
            "own": has_own_text({**form, "body": form["body"].replace("\r\n", "\n").strip()}),
        }  # fmt: skip
    return page("certifications/notifications/notification.html", status=400 if problem else 200, **context)


def _learner(session: Session, certification: int, query: str) -> Person | None:
    """Whom the preview is written to: who was asked for, else the first learner there is."""
    if query:
        found = find(session, host_id(), "person", " ".join(query.split())[:200], limit=1).rows
        return found[0] if found else None
    _total, rows = learners(session, host_id(), certification, order="name", limit=1)
    if rows:
        return rows[0].person
    anybody = find(session, host_id(), "person", "", limit=1).rows
    return anybody[0] if anybody else None


def _current(certification: int) -> tuple[int, Definition]:
    with runtime().db.read() as session:
        row = by_id(session, host_id(), certification)
        return row.version, definition_of(session, host_id(), certification)


def _place(saved: tuple[dict[str, Any], ...], which: str) -> int:
    if not (which.isascii() and which.isdigit() and len(which) < 4 and int(which) < len(saved)):
        raise NotFound(_("There is no such notification."))
    return int(which)


def _found(current: Definition, which: str) -> tuple[dict[str, Any], int | None]:
    if which == "new":
        when = request.args.get("when", "")
        if when not in TEXTS:
            raise NotFound(_("There is no such notification."))
        return fresh(when), None
    saved = current.notifications or ()
    place = _place(saved, which)
    return saved[place], place


def _check_version(version: int) -> None:
    if request.form.get("version") != str(version):
        raise RefusedByRule(_("Somebody saved this certification meanwhile. Look at it once more."))


def _keep(current: Definition, version: int, notifications: tuple[dict[str, Any], ...]) -> None:
    if current.state == "archived":
        raise RefusedByRule(read_only_sentence("program" if current.kind == "program" else "certification"))
    definition = replace(current, notifications=notifications)
    save(runtime(), host_id(), [Proposal(definition, version, current)], who=who(), choices=Choices())
