"""Review changes, Save changes, and how far the save's work is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from plugin.access.rules import rule
from plugin.certifications.drafts import clashes, drafts
from plugin.core.errors import Conflict, NotFound, RefusedByRule
from plugin.delivery.seats.confirmed_counts import places
from plugin.enrolment.answers.withdrawal_guard import Limits, active_count
from plugin.enrolment.saving.history import last_save
from plugin.enrolment.saving.review import Review, review
from plugin.enrolment.saving.save import Choices, save
from plugin.enrolment.settling.saves import progress
from plugin.mirror.connections.store import connection_of
from plugin.web.assignments.review_parts import names_context, review_context
from plugin.web.assignments.tab import number_in_form
from plugin.web.assignments.table import filters
from plugin.web.certifications.details import AT_END, ends_anew
from plugin.web.frame import shell
from plugin.web.frame.kit import PREFIX, editor, field, go, host_id, nudge, page, runtime, who
from plugin.web.frame.words import read_only_sentence

blueprint = Blueprint("review", __name__, url_prefix=f"{PREFIX}/certifications/<int:certification>")


@blueprint.get("/assignments/review")
@rule("change", area=True)
def show(certification: int) -> Response:
    """What *Save changes* would do; nothing is saved yet."""
    return _show(certification, "")


def _show(certification: int, problem: str) -> Response:
    with runtime().db.read() as session:
        draft = drafts.read_draft(session, host_id(), certification, editor())
        if not draft.changes:
            return go(url_for("assignments.tab", certification=certification))
        if clashes.conflict(session, draft) is not None:
            return go(url_for("assignments.conflict", certification=certification))
        context = shell.of_certification(session, certification, "assignments")
        context |= _context(session, certification, draft, context["zone"]) | {"problem": problem, "form": request.form}
    return page("assignments/review/review.html", status=409 if problem else 200, **context)


def _greets_leavers(session: Session) -> bool:
    """Whether the learning site greets whom we suspend in a course."""
    try:
        return bool(connection_of(session, host_id()).caps.get("greets_leavers"))
    except NotFound:
        return False


def _context(session: Session, certification: int, draft: Any, zone: str) -> dict[str, Any]:
    proposal, found = drafts.proposal(session, draft), _reviewed(session, draft)
    return {
        **review_context(session, certification, proposal, found, zone),
        "names_at": lambda part: url_for("review.names", certification=certification, part=part),
        "goes_live": "state" in draft.changes.get("details", {}),
        "draft": draft,
        "filters": filters(),
        "active": active_count(session, host_id(), certification),
        "ends": ends_anew(proposal) and active_count(session, host_id(), certification),
        "leaving": proposal.definition.leaving,
        "greets": proposal.definition.leaving.get("seat", "suspend") == "suspend" and _greets_leavers(session),
    }


def _reviewed(session: Session, draft: Any) -> Review:
    proposal = drafts.proposal(session, draft)
    limits = Limits.of(runtime().settings)
    return review(session, host_id(), [proposal], now=runtime().clock.now(), limits=limits)[0]


@blueprint.get("/assignments/review/names/<part>")
@rule("change", area=True)
def names(certification: int, part: str) -> Response:
    """The learners behind a number of the review, a part at a time."""
    with runtime().db.read() as session:
        context = shell.of_certification(session, certification, "assignments")
        draft = drafts.read_draft(session, host_id(), certification, editor())
        context |= names_context(session, _reviewed(session, draft), part)
        context["names_url"] = url_for(".names", certification=certification, part=part)
        context["back_url"] = url_for(".show", certification=certification)
    return page("assignments/review/names.html", **context)


@blueprint.post("/assignments/save")
@rule("change", area=True)
def commit(certification: int) -> Response:
    """Save changes: one version, and the request to settle it. Returns at once (rules 5.7)."""
    with runtime().db.read() as session:
        draft = drafts.read_draft(session, host_id(), certification, editor())
        if not draft.changes:
            return go(url_for(".watch", certification=certification))
        if clashes.conflict(session, draft) is not None:
            return go(url_for("assignments.conflict", certification=certification))
        frame = shell.of_certification(session, certification, "")
        if draft.changes.get("rows") and frame["read_only"]:
            raise RefusedByRule(read_only_sentence(frame["what"], frame["certification"].state))
        proposal = drafts.proposal(session, draft)
        seen = number_in_form("revision")
    if seen != draft.revision:
        return _show(certification, _("Your changes went on in another window. Look at the review once more."))
    at_end = request.form.get("at_end", "")
    if at_end in AT_END and at_end != proposal.definition.leaving.get("at_end", "stay"):
        definition = replace(proposal.definition, leaving={**proposal.definition.leaving, "at_end": at_end})
        proposal = replace(proposal, definition=definition)
    typed = request.form.get("withdrawals", "").strip().replace(",", "")
    choices = Choices(
        earlier="earlier" in request.form,
        no_messages="no_messages" in request.form,
        allow_withdrawals=int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 10 else None,
        reason=field("reason", 1000),
        if_version={proposal.definition.code: draft.base_version},
    )
    try:
        saved = clashes.SavedDraft(certification, editor(), draft.revision)
        save(runtime(), host_id(), [proposal], who=who(), choices=choices, draft=saved)
    except Conflict:
        return go(url_for("assignments.conflict", certification=certification))
    except RefusedByRule as error:
        return _show(certification, error.sentence)
    nudge()
    return go(url_for(".watch", certification=certification))


@blueprint.get("/progress")
@rule("see", area=True)
def watch(certification: int) -> Response:
    """How far the latest save's work is; may be left and found again."""
    with runtime().db.read() as session:
        context = shell.of_certification(session, certification, "assignments")
        context |= {
            "progress": progress(session, host_id(), certification),
            "active": active_count(session, host_id(), certification),
            "places": places(session, host_id(), certification),
            "last": last_save(session, host_id(), certification),
        }
    return page("assignments/review/progress.html", **context)
