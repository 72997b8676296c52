"""History of a certification, newest first, and the way back for 30 days (rules 5.8)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, request, url_for
from flask_babel import gettext as _
from pyroaring import BitMap
from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.access.rules import rule
from plugin.certifications.drafts import drafts
from plugin.certifications.drafts.differences import changes
from plugin.core.days import end_of_day
from plugin.core.errors import RefusedByRule
from plugin.core.stamps import calendar_day
from plugin.core.tables import Journal
from plugin.enrolment.answers.withdrawal_guard import Limits
from plugin.enrolment.saving.history import KEPT, undo, undo_proposal, what_was_saved
from plugin.enrolment.saving.history_entries import EFFECTS, Act, acts, named, people_of_act
from plugin.enrolment.saving.review import Review, review
from plugin.enrolment.saving.save import Choices
from plugin.enrolment.views.roster import learners
from plugin.mirror.lookup.browse import names_of_people
from plugin.mirror.lookup.search import fold
from plugin.mirror.tables import Person
from plugin.web.assignments.review_parts import names_context, review_context, shown_changes
from plugin.web.certifications.history_words import (
    act_words,
    by_time,
    effect_words,
    reason_words,
    undone_saves,
    who_words,
)
from plugin.web.certifications.setting_words import other_words
from plugin.web.frame import shell
from plugin.web.frame.day_fields import day_from
from plugin.web.frame.kit import (
    PAGE_SIZE,
    PREFIX,
    editor,
    field,
    go,
    host_id,
    nudge,
    number,
    page,
    page_number,
    runtime,
    who,
)  # fmt: skip
from plugin.web.frame.lists import Chip, Heading, Listing, listing, searched

blueprint = Blueprint("history", __name__, url_prefix=f"{PREFIX}/certifications/<int:certification>")

_PART = 50


def headings() -> tuple[Heading, ...]:
    """The columns of the list, which is always the newest first."""
    return (
        Heading("what", _("What"), fixed=True),
        Heading("followed", _("What followed")),
        Heading("when", _("When")),
        Heading("who", _("Who")),
    )


def _chips(found: Listing, asked: dict[str, str]) -> list[Chip]:
    words = {
        "kind": _kinds().get(asked["kind"], ""),
        "who": searched(asked["who"]),
        "from": _("From %(day)s", day=asked["from"]) if asked["from"] else "",
        "to": _("To %(day)s", day=asked["to"]) if asked["to"] else "",
    }
    return [found.chip(said, name) for name, said in words.items() if said]


@blueprint.get("/history")
@rule("see", area=True)
def tab(certification: int) -> Response:
    """Acts with what followed from each, a part at a time; filtered by kind, by who, and by day."""
    asked = {name: " ".join(request.args.get(name, "").split())[:100] for name in ("kind", "who", "from", "to")}
    found = listing(
        "history", "history.tab", headings(), fixed={"certification": certification},
        args={name: said or None for name, said in asked.items()},
    )  # fmt: skip
    with runtime().db.read() as session:
        context = shell.of_certification(session, certification, "history")
        fits = _fits(asked, context["zone"])
        rows, older = acts(
            session, host_id(), certification, limit=_PART, before=number("before") or None, fits=fits
        )  # fmt: skip
        about = {row.entry.person for row in rows if row.entry.person is not None}
        people = names_of_people(session, host_id(), sorted(about))
        versions = _versions(session, [row.entry.reason for row in rows])
        context |= {
            "rows": [_line(row, people.get(row.entry.person or 0), versions, context["zone"]) for row in rows],
            "oldest_undone": runtime().clock.now() - KEPT, "older": older, "asked": asked, "kinds": _kinds(),
            "list": found, "chips": _chips(found, asked),
        }  # fmt: skip
    return page("certifications/history/history.html", **context)


def _line(row: Act, person: Person | None, versions: dict[int, int], zone: str) -> dict[str, Any]:
    """An act as the page shows it."""
    followed = {one.what for one in row.effects}
    return {
        "act": row, "who": who_words("time" if row.by_itself and by_time(followed) else row.entry.who), "person": person,
        "words": act_words(row.entry, _name(person), zone, by_itself=row.by_itself, followed=followed),
        "effects": [(*effect_words(what, reason, size), n) for what, reason, size, n in row.sums],
        "reason": reason_words(row.entry, versions),
    }  # fmt: skip


def _name(person: Person | None) -> str:
    return (person.name or person.ext) if person is not None else ""


def _versions(session: Session, reasons: list[str]) -> dict[int, int]:
    """By number of a save that a reason names, the version it made."""
    rows = session.execute(
        select(Journal.n, Journal.version).where(Journal.host_id == host_id(), Journal.n.in_(undone_saves(reasons)))
    )
    return {row[0]: row[1] for row in rows if row[1] is not None}


def _kinds() -> dict[str, str]:
    return {
        "saves": _("Saves"), "answers": _("Answers to exceptions"), "learners": _("One learner alone, and groups"),
        "site": _("Changes at the learning site"), "time": _("Rules and time"),
    }  # fmt: skip


def _fits(asked: dict[str, str], zone: str) -> Callable[[Act], bool]:
    """Whether an act is asked for.

    :raises Invalid: for a day that is none.
    """
    first, last = (day_from(asked[name]) for name in ("from", "to"))
    begin = end_of_day(calendar_day(first) - timedelta(days=1), zone) + 1 if first else 0
    end = end_of_day(calendar_day(last), zone) if last else 2**62
    wanted, kind = fold(asked["who"]), asked["kind"]

    def fits(one: Act) -> bool:
        entry = one.entry
        if not begin <= entry.at <= end or (wanted and wanted not in fold(who_words(entry.who))):
            return False
        if not kind:
            return True
        found = "learners"
        if one.by_itself:
            found = "site" if entry.who == "sync" else "time"
        elif entry.what == "saved" or entry.what.startswith("records_"):
            found = "saves"
        elif entry.what.startswith("exception_"):
            found = "answers"
        return found == kind

    return fits


@blueprint.get("/history/<int:entry>/names")
@rule("see", area=True)
def told(certification: int, entry: int) -> Response:
    """The learners behind a number of the history."""
    with runtime().db.read() as session:
        context = shell.of_certification(session, certification, "history")
        row, people = people_of_act(session, host_id(), certification, entry)
        rows = named(session, host_id(), people, limit=PAGE_SIZE, offset=(page_number() - 1) * PAGE_SIZE)
        shown = BitMap(one.id for one in rows)
        held = learners(session, host_id(), certification, people=shown, limit=PAGE_SIZE)[1]
        words = act_words(row, "", context["zone"]) if row.what not in EFFECTS else effect_words(
            row.what, row.reason, len(people))[0]  # fmt: skip
        context |= {
            "words": words, "at": row.at, "who": who_words(row.who), "total": len(people), "page_number": page_number(),
            "rows": rows, "whys": {one.person.id: [why.name for why in one.reasons] for one in held},
            "page_size": PAGE_SIZE, "entry": entry,
        }  # fmt: skip
    return page("certifications/history/history_names.html", **context)


@blueprint.get("/history/<int:entry>/changes")
@rule("see", area=True)
def what(certification: int, entry: int) -> Response:
    """What a save changed: each row, before beside after (rules 6.4)."""
    with runtime().db.read() as session:
        context = shell.of_certification(session, certification, "history")
        saved, before, after = what_was_saved(session, host_id(), certification, entry)
        context |= {
            "entry": saved, "changes": shown_changes(session, changes(before, after), context["zone"]),
            "others": other_words(before, after),
        }  # fmt: skip
    return page("certifications/saved.html", **context)


@blueprint.get("/history/<int:entry>/undo")
@rule("change", area=True)
def confirm(certification: int, entry: int) -> Response:
    """What undoing a save would do: the same review."""
    return _confirm(certification, entry, "")


@blueprint.get("/history/<int:entry>/undo/names/<part>")
@rule("see", area=True)
def names(certification: int, entry: int, part: str) -> Response:
    """The learners behind a number of that review."""
    with runtime().db.read() as session:
        context = shell.of_certification(session, certification, "history")
        context |= names_context(session, _reviewed(session, certification, entry), part)
        context["names_url"] = url_for(".names", certification=certification, entry=entry, part=part)
        context["back_url"] = url_for(".confirm", certification=certification, entry=entry)
    return page("assignments/review/names.html", **context)


def _reviewed(session: Session, certification: int, entry: int) -> Review:
    proposal = undo_proposal(runtime(), session, host_id(), entry, of=certification)
    limits = Limits.of(runtime().settings)
    return review(session, host_id(), [proposal], now=runtime().clock.now(), limits=limits)[0]


def _confirm(certification: int, entry: int, problem: str) -> Response:
    with runtime().db.read() as session:
        context = shell.of_certification(session, certification, "history")
        proposal = undo_proposal(runtime(), session, host_id(), entry, of=certification)
        reviewed = _reviewed(session, certification, entry)
        context |= review_context(session, certification, proposal, reviewed, context["zone"])
        context |= {
            "names_at": lambda part: url_for(".names", certification=certification, entry=entry, part=part),
            "entry": entry, "undoing": True, "problem": problem, "form": request.form,
            "unsaved": drafts.count_changes(drafts.read_draft(session, host_id(), certification, editor())),
        }  # fmt: skip
    return page("certifications/history/undo.html", status=409 if problem else 200, **context)


@blueprint.post("/history/<int:entry>/undo")
@rule("change", area=True)
def take_back(certification: int, entry: int) -> Response:
    """Undo the save."""
    typed = request.form.get("withdrawals", "").strip().replace(",", "")
    choices = Choices(
        no_messages="no_messages" in request.form,
        allow_withdrawals=int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 10 else None,
        reason=field("reason", 1000),
    )
    try:
        earlier = "earlier" in request.form
        undo(runtime(), host_id(), entry, who=who(), choices=choices, earlier=earlier, of=certification)
    except RefusedByRule as error:
        return _confirm(certification, entry, error.sentence)
    nudge()
    return go(url_for("review.watch", certification=certification))
