"""History of a certification, newest first, and the way back for 30 days (DOMAIN 5.8)."""

from __future__ import annotations

from flask import Blueprint, Response, request, url_for
from sqlalchemy.orm import Session

from plugin.access.rules import rule
from plugin.certifications import drafts
from plugin.certifications.differences import changes
from plugin.core.clock import parse_instant
from plugin.core.errors import RefusedByRule
from plugin.enrolment.guard import Limits
from plugin.enrolment.history import KEPT, history, undo, undo_proposal, what_was_saved
from plugin.enrolment.preview import Review, review
from plugin.enrolment.save import Choices
from plugin.web import shell
from plugin.web.kit import PREFIX, editor, field, go, host_id, nudge, number, page, runtime, who
from plugin.web.reviewed import names_context, review_context, shown_changes
from plugin.web.setting_words import other_words

blueprint = Blueprint("history", __name__, url_prefix=f"{PREFIX}/certifications/<int:certification>")

_PART = 50


@blueprint.get("/history")
@rule("administrator")
def tab(certification: int) -> Response:
    """Entries, a part at a time."""
    with runtime().db.read() as session:
        context = shell.of_certification(session, certification, "history")
        rows = history(session, host_id(), certification, limit=_PART + 1, before=number("before") or None)
        context |= {
            "rows": [{**row, "instant": parse_instant(row["at"])} for row in rows[:_PART]],
            "oldest_undone": runtime().clock.now() - KEPT,
            "older": rows[_PART - 1]["n"] if len(rows) > _PART else None,
        }
    return page("history.html", **context)


@blueprint.get("/history/<int:entry>/changes")
@rule("administrator")
def what(certification: int, entry: int) -> Response:
    """What a save changed: each row, before beside after (DOMAIN 6.4)."""
    with runtime().db.read() as session:
        context = shell.of_certification(session, certification, "history")
        saved, before, after = what_was_saved(session, host_id(), certification, entry)
        context |= {
            "entry": saved, "changes": shown_changes(session, changes(before, after), context["zone"]),
            "others": other_words(before, after),
        }  # fmt: skip
    return page("saved.html", **context)


@blueprint.get("/history/<int:entry>/undo")
@rule("administrator")
def confirm(certification: int, entry: int) -> Response:
    """What undoing a save would do: the same review."""
    return _confirm(certification, entry, "")


@blueprint.get("/history/<int:entry>/undo/names/<part>")
@rule("administrator")
def names(certification: int, entry: int, part: str) -> Response:
    """The learners behind a number of that review."""
    with runtime().db.read() as session:
        context = shell.of_certification(session, certification, "history")
        context |= names_context(session, _reviewed(session, entry), part)
        context["names_url"] = url_for(".names", certification=certification, entry=entry, part=part)
        context["back_url"] = url_for(".confirm", certification=certification, entry=entry)
    return page("names.html", **context)


def _reviewed(session: Session, entry: int) -> Review:
    proposal = undo_proposal(runtime(), session, host_id(), entry)
    limits = Limits.of(runtime().settings)
    return review(session, host_id(), [proposal], now=runtime().clock.now(), limits=limits)[0]


def _confirm(certification: int, entry: int, problem: str) -> Response:
    with runtime().db.read() as session:
        context = shell.of_certification(session, certification, "history")
        proposal = undo_proposal(runtime(), session, host_id(), entry)
        context |= review_context(session, certification, proposal, _reviewed(session, entry), context["zone"])
        context |= {
            "names_at": lambda part: url_for(".names", certification=certification, entry=entry, part=part),
            "entry": entry, "undoing": True, "problem": problem, "form": request.form,
            "unsaved": drafts.count_changes(drafts.read_draft(session, host_id(), certification, editor())),
        }  # fmt: skip
    return page("undo.html", status=409 if problem else 200, **context)


@blueprint.post("/history/<int:entry>/undo")
@rule("administrator")
def take_back(certification: int, entry: int) -> Response:
    """Undo the save."""
    typed = request.form.get("withdrawals", "").strip().replace(",", "")
    choices = Choices(
        no_messages="no_messages" in request.form,
        allow_withdrawals=int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 10 else None,
        reason=field("reason", 1000),
    )
    try:
        undo(runtime(), host_id(), entry, who=who(), choices=choices, earlier="earlier" in request.form)
    except RefusedByRule as error:
        return _confirm(certification, entry, error.sentence)
    nudge()
    return go(url_for("review.watch", certification=certification))
