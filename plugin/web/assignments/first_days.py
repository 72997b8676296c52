"""*Begins…*: from which day a row matches anybody, or the whole certification (rules 11.2)."""

from __future__ import annotations

from flask import Blueprint, Response, request
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from plugin.access.rules import rule
from plugin.certifications.drafts import drafts
from plugin.certifications.drafts.first_days import set_starts
from plugin.certifications.tables import Draft
from plugin.core.errors import Invalid
from plugin.web.assignments.tab import edit, name_of
from plugin.web.assignments.table import filters
from plugin.web.certifications.row_words import begins_words
from plugin.web.frame import shell
from plugin.web.frame.day_fields import day_from
from plugin.web.frame.kit import PREFIX, editor, field, host_id, page, runtime

blueprint = Blueprint("first_days", __name__, url_prefix=f"{PREFIX}/certifications/<int:certification>")


def _key() -> str:
    return request.values.get("key", "")


@blueprint.get("/assignments/begins")
@rule("change")
def show(certification: int) -> Response:
    """The dialog of one row; without a key that of the whole certification."""
    return _show(certification, "")


def _show(certification: int, problem: str) -> Response:
    with runtime().db.read() as session:
        context = shell.of_certification(session, certification, "assignments")
        draft = drafts.read_draft(session, host_id(), certification, editor())
        definition = drafts.proposal(session, draft).definition
        row = drafts.find_row(session, draft, _key()).definition if _key() else None
        context |= {
            "key": _key(), "problem": problem, "filters": filters(),
            "name": name_of(session, _key()) if row else definition.name,
            "day": request.form.get("day", "") if problem else (row or definition).starts,
            "whole": begins_words(definition.starts) if row else "",
        }  # fmt: skip
    return page("assignments/dialogs/begins.html", status=400 if problem else 200, **context)


@blueprint.post("/assignments/begins")
@rule("change")
def change(certification: int) -> Response | str:
    """Set the first day, or take it away."""
    key = _key()

    def work(session: Session, draft: Draft) -> str:
        day = day_from(field("day", 20))
        set_starts(session, draft, key, day)
        name = name_of(session, key) if key else drafts.proposal(session, draft).definition.name
        if not day:
            return str(_("%(name)s begins at once. Not saved yet.", name=name))
        return str(_("%(name)s: %(begins)s. Not saved yet.", name=name, begins=begins_words(day)))

    try:
        return edit(certification, work, about=key)
    except Invalid as error:
        return _show(certification, error.sentence)
