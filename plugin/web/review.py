"""Review changes, Save changes, and how far the save's work is."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from plugin.access.rules import rule
from plugin.certifications import clashes, drafts
from plugin.core.errors import Conflict, NotFound, RefusedByRule
from plugin.delivery.counts import places
from plugin.enrolment.guard import Limits, active_count
from plugin.enrolment.preview import Review, review
from plugin.enrolment.save import Choices, save
from plugin.enrolment.settle import progress
from plugin.mirror.browse import describe, names_of_people
from plugin.notifications.templates import preview
from plugin.web import shell
from plugin.web.assignment_table import filters
from plugin.web.assignments import number_in_form
from plugin.web.due_form import due_item_name
from plugin.web.kit import PREFIX, editor, field, go, host_id, nudge, page, page_number, runtime, who
from plugin.web.notification_form import trigger_words
from plugin.web.words import read_only_sentence

blueprint = Blueprint("review", __name__, url_prefix=f"{PREFIX}/certifications/<int:certification>")

NAMES_PART = 100


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
        context |= _context(session, certification, draft) | {"problem": problem, "form": request.form}
    return page("review.html", status=409 if problem else 200, **context)


def _context(session: Session, certification: int, draft: Any) -> dict[str, Any]:
    found = _reviewed(session, draft)
    changed = [row for row in drafts.rows(session, draft) if row.state != drafts.SAVED]
    names = describe(session, host_id(), [(row.definition.type, row.definition.target) for row in changed])
    return {
        "found": found,
        "rows": [(row, names[row.definition.type, row.definition.target]) for row in changed],
        "items": {row.key: due_item_name(session, host_id(), row.definition.due) for row in changed},
        "details": draft.changes.get("details", {}),
        "draft": draft,
        "filters": filters(),
        "active": active_count(session, host_id(), certification),
        "dates_changed": any(row.state != drafts.NEW for row in changed),
        "sample": _sample(session, certification, found, draft),
    }


def _sample(session: Session, certification: int, found: Review, draft: Any) -> dict[str, str] | None:
    """One of the messages, as it would read (DOMAIN 8.5)."""
    if found.sample is None:
        return None
    learner = names_of_people(session, host_id(), [found.sample.learner])[found.sample.learner]
    name = drafts.proposal(session, draft).definition.name
    text = preview(
        session, host_id(), found.sample.definition, name, learner, number=certification, due=found.sample_due
    )
    return {**text, "to": learner.name or learner.ext, "when": trigger_words()[found.sample.when]}


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


def names_context(session: Session, found: Review, part: str) -> dict[str, Any]:
    """A page of the learners behind a number of a review.

    :raises NotFound: when reviews have no such number.
    """
    people = found.names.get(part)
    if people is None:
        raise NotFound(_("The review has no such number."))
    start = (page_number() - 1) * NAMES_PART
    ids = list(people[start : start + NAMES_PART])
    described = names_of_people(session, host_id(), ids)
    return {
        "people": [described[one] for one in ids], "total": len(people), "page_number": page_number(),
        "page_size": NAMES_PART, "start": start,
    }  # fmt: skip


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
            raise RefusedByRule(read_only_sentence(frame["what"]))
        proposal = drafts.proposal(session, draft)
        seen = number_in_form("revision")
    if seen != draft.revision:
        return _show(certification, _("Your changes went on in another window. Look at the review once more."))
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
