"""Review changes, Save changes, and how far the save's work is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from plugin.access.rules import rule
from plugin.certifications import clashes, drafts
from plugin.core.errors import Conflict, RefusedByRule
from plugin.delivery.counts import places
from plugin.enrolment.guard import Limits, active_count
from plugin.enrolment.owed_saves import progress
from plugin.enrolment.preview import Review, review
from plugin.enrolment.save import Choices, save
from plugin.web import shell
from plugin.web.assignment_table import filters
from plugin.web.assignments import number_in_form
from plugin.web.details import AT_END, ends_anew
from plugin.web.kit import PREFIX, editor, field, go, host_id, nudge, page, runtime, who
from plugin.web.reviewed import names_context, review_context
from plugin.web.words import read_only_sentence

blueprint = Blueprint("review", __name__, url_prefix=f"{PREFIX}/certifications/<int:certification>")


@blueprint.get("/assignments/review")
@rule("administrator")
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
    return page("review.html", status=409 if problem else 200, **context)


def _context(session: Session, certification: int, draft: Any, zone: str) -> dict[str, Any]:
    proposal = drafts.proposal(session, draft)
    return {
        **review_context(session, certification, proposal, _reviewed(session, draft), zone),
        "names_at": lambda part: url_for("review.names", certification=certification, part=part),
        "goes_live": "state" in draft.changes.get("details", {}),
        "draft": draft,
        "filters": filters(),
        "active": active_count(session, host_id(), certification),
        "ends": ends_anew(proposal) and active_count(session, host_id(), certification),
        "leaving": proposal.definition.leaving,
    }


def _reviewed(session: Session, draft: Any) -> Review:
    proposal = drafts.proposal(session, draft)
    limits = Limits.of(runtime().settings)
    return review(session, host_id(), [proposal], now=runtime().clock.now(), limits=limits)[0]


@blueprint.get("/assignments/review/names/<part>")
@rule("administrator")
def names(certification: int, part: str) -> Response:
    """The learners behind a number of the review, a part at a time."""
    with runtime().db.read() as session:
        context = shell.of_certification(session, certification, "assignments")
        draft = drafts.read_draft(session, host_id(), certification, editor())
        context |= names_context(session, _reviewed(session, draft), part)
        context["names_url"] = url_for(".names", certification=certification, part=part)
        context["back_url"] = url_for(".show", certification=certification)
    return page("names.html", **context)


@blueprint.post("/assignments/save")
@rule("administrator")
def commit(certification: int) -> Response:
    """Save changes: one version, and the request to settle it. Returns at once (DOMAIN 5.7)."""
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
        save(runtime(), host_id(), [proposal], who=who(), choices=choices)
    except Conflict:
        return go(url_for("assignments.conflict", certification=certification))
    except RefusedByRule as error:
        return _show(certification, error.sentence)
    _forget(certification, draft.revision)
    nudge()
    return go(url_for(".watch", certification=certification))


def _forget(certification: int, revision: int) -> None:
    """The draft is saved; edits made in another window meanwhile stay."""

    def work(session: Session) -> None:
        draft = drafts.open_draft(session, host_id(), certification, editor(), at=runtime().clock.now())
        if draft.revision == revision:
            drafts.discard(session, draft)
        else:
            clashes.rebase(session, draft, ())

    runtime().db.transact(work)


@blueprint.get("/progress")
@rule("administrator")
def watch(certification: int) -> Response:
    """How far the latest save's work is; may be left and found again."""
    with runtime().db.read() as session:
        context = shell.of_certification(session, certification, "assignments")
        context |= {
            "progress": progress(session, host_id(), certification),
            "active": active_count(session, host_id(), certification),
            "places": places(session, host_id(), certification),
        }
    return page("progress.html", **context)
