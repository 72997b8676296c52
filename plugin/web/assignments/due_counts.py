"""The counts under the fields of the *Assignment due date* dialog: how many learners get which date (rules 3)."""

from __future__ import annotations

from flask import Blueprint, Response, request
from sqlalchemy.orm import Session

from plugin.access.rules import rule
from plugin.certifications.drafts import drafts
from plugin.certifications.rules.due_dates import parse_due
from plugin.certifications.tables import Draft
from plugin.core.errors import Invalid
from plugin.enrolment.saving.due_counts import DueCounts, due_counts
from plugin.web.assignments.due_form import due_from_form, due_item_name
from plugin.web.frame import shell
from plugin.web.frame.kit import PREFIX, editor, host_id, page, runtime
from plugin.web.frame.words import due_words

blueprint = Blueprint("due_counts", __name__, url_prefix=f"{PREFIX}/certifications/<int:certification>")


@blueprint.get("/assignments/due/counts")
@rule("see", area=True)
def show(certification: int) -> Response:
    """What the fields mean as they stand; while they mean nothing yet, what is missing."""
    with runtime().db.read() as session:
        context = shell.of_certification(session, certification, "assignments")
        draft = drafts.read_draft(session, host_id(), certification, editor())
        key = request.args.get("key", "")
        drafts.find_row(session, draft, key)
        context |= {"problem": "", "counts": None, "in_words": ""}
        try:
            due = due_from_form(request.args)
            parse_due(due)
        except (Invalid, ValueError) as error:
            context["problem"] = str(error)
        else:
            context["counts"] = counted(session, draft, key, due)
            answers = drafts.proposal(session, draft).definition.exceptions
            context["waits_unknown"] = answers.get("unknown_date") == "wait"
            context["in_words"] = due_words(due, context["zone"], due_item_name(session, host_id(), due))
    return page("assignments/_due_counts.html", **context)


def counted(session: Session, draft: Draft, key: str, due: object) -> DueCounts:
    """The counts for a row of a draft."""
    return due_counts(session, host_id(), drafts.proposal(session, draft), key, due, now=runtime().clock.now())
