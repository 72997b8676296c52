"""*Except…*: whom a row leaves out, chosen in the same dialogs as assignments (rules 11.1)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from plugin.access.rules import rule
from plugin.certifications.definition import EXCLUDABLE, AssignmentDef, Proposal
from plugin.certifications.drafts import drafts
from plugin.certifications.drafts.exclusions import exclude, keep_exclusions
from plugin.certifications.listing import matched
from plugin.certifications.tables import Draft
from plugin.core.errors import Invalid, NotFound
from plugin.enrolment.saving.review import Adding, Removing
from plugin.enrolment.saving.warnings import switched
from plugin.mirror.lookup.browse import describe
from plugin.web.assignments.picker import carried, offer
from plugin.web.assignments.tab import edit, name_of
from plugin.web.assignments.table import filters
from plugin.web.certifications.row_words import exclusion_names
from plugin.web.frame import shell
from plugin.web.frame.kit import PREFIX, editor, host_id, page, runtime
from plugin.web.frame.words import adding_parts, adding_sentence, ngettext, removing_parts, removing_sentence

blueprint = Blueprint("exclusions", __name__, url_prefix=f"{PREFIX}/certifications/<int:certification>")


def _key() -> str:
    return request.values.get("key", "")


def _known(kind: str) -> str:
    if kind not in EXCLUDABLE:
        raise NotFound(_("There is no such type of assignment."))
    return kind


@blueprint.get("/assignments/except")
@rule("change")
def show(certification: int) -> Response:
    """What a row leaves out, and the ways to leave out more."""
    with runtime().db.read() as session:
        context = shell.of_certification(session, certification, "assignments")
        draft = drafts.read_draft(session, host_id(), certification, editor())
        row = drafts.find_row(session, draft, _key()).definition
        names = describe(session, host_id(), [one[:2] for one in row.exclusions])
        context |= {
            "key": _key(), "name": name_of(session, _key()), "filters": filters(), "kinds": EXCLUDABLE,
            "excepted": [
                {
                    "key": f"{kind}:{target}", "type": kind, "described": names[kind, target],
                    "below": include == "below", "has_below": kind in drafts.INCLUDES,
                }
                for kind, target, include in row.exclusions
            ],
        }  # fmt: skip
    return page("assignments/dialogs/except.html", **context)


@blueprint.post("/assignments/except")
@rule("change")
def change(certification: int) -> Response | str:
    """Keep those that are ticked."""
    key = _key()

    def work(session: Session, draft: Draft) -> str:
        row = keep_exclusions(session, draft, key, request.form.getlist("keep"), request.form.getlist("below"))
        return _said(session, certification, row)

    return edit(certification, work, about=key)


def _said(session: Session, certification: int, row: AssignmentDef) -> str:
    found = matched(session, host_id(), certification, [row])[row.key]
    return ngettext(
        "%(name)s: %(num)s learner. Not saved yet.", "%(name)s: %(num)s learners. Not saved yet.", len(found),
        name=name_of(session, row.key),
    )  # fmt: skip


@blueprint.get("/assignments/except/<kind>")
@rule("change")
def choose(certification: int, kind: str) -> Response:
    """The dialog of a type, to choose what the row leaves out."""
    return _choose(certification, _known(kind), "")


def _choose(certification: int, kind: str, problem: str) -> Response:
    with runtime().db.read() as session:
        context = shell.of_certification(session, certification, "assignments")
        draft = drafts.read_draft(session, host_id(), certification, editor())
        drafts.find_row(session, draft, _key())
        context |= offer(session, certification, kind, _key())
        context |= {
            "kind": kind, "problem": problem, "filters": filters(), "except_of": _key(),
            "title": _("Except from %(name)s", name=name_of(session, _key())),
            "browse_url": url_for(".choose", certification=certification, kind=kind, key=_key()),
            "confirm_url": url_for(".confirm", certification=certification, kind=kind, key=_key(), **carried()),
            "estimate_url": url_for(".estimate", certification=certification, kind=kind, key=_key()),
        }  # fmt: skip
    return page("assignments/dialogs/picker.html", status=400 if problem else 200, **context)


@blueprint.post("/f/except/<kind>")
@rule("change")
def estimate(certification: int, kind: str) -> str:
    """One line under *Selected items*: how many of the row's learners the selection leaves out."""
    with runtime().db.read() as session:
        before, after, _proposal = _tried(session, certification, _known(kind))
        rows = matched(session, host_id(), certification, [before])[before.key]
        less = rows - matched(session, host_id(), certification, [after])[after.key]
    sentence = ngettext(
        "%(num)s learner of this assignment is in this selection.",
        "%(num)s learners of this assignment are in this selection.",
        len(less),
    )
    return render_template("assignments/review/_sentence.html", sentence=sentence)


def _tried(session: Session, certification: int, kind: str) -> tuple[AssignmentDef, AssignmentDef, Proposal]:
    """The row as it is and as it would be with what is chosen excepted, and the draft with it; nothing is changed."""
    draft = drafts.read_draft(session, host_id(), certification, editor())
    proposal = drafts.proposal(session, draft)
    before = drafts.find_row(session, draft, _key()).definition
    include = "below" if kind in drafts.INCLUDES else ""
    present = {one[:2] for one in before.exclusions}
    fresh = [one for one in dict.fromkeys(request.form.getlist("target")) if (kind, one) not in present]
    after = replace(before, exclusions=(*before.exclusions, *((kind, one, include) for one in fresh)))
    rows = tuple(after if row.key == before.key else row for row in proposal.definition.assignments)
    return before, after, replace(proposal, definition=replace(proposal.definition, assignments=rows))


@blueprint.post("/assignments/except/<kind>/confirm")
@rule("change")
def confirm(certification: int, kind: str) -> Response:
    """Who comes and who goes, in the sentence of the warning that fits, before the row is changed."""
    if not request.form.getlist("target"):
        return _choose(certification, _known(kind), _("Nothing is selected. Select at least one item from the list."))
    with runtime().db.read() as session:
        context = shell.of_certification(session, certification, "assignments")
        _before, after, proposal = _tried(session, certification, _known(kind))
        names = describe(session, host_id(), [one[:2] for one in after.exclusions])
        effect = switched(session, host_id(), proposal, after.key, now=runtime().clock.now())
        context |= {
            "key": _key(), "kind": kind, "name": name_of(session, _key()), "filters": filters(),
            "targets": request.form.getlist("target"), "names": exclusion_names(after.exclusions, names),
            "left": len(matched(session, host_id(), certification, [after])[after.key]),
            **_effect_context(effect, context["what"]),
        }  # fmt: skip
    return page("assignments/dialogs/except_confirm.html", **context)


def _effect_context(effect: Adding | Removing | None, what: str) -> dict[str, Any]:
    if isinstance(effect, Adding):
        return {"sentence": adding_sentence(effect.x, 1, what), "parts": adding_parts(effect)}
    if effect is not None:
        return {"sentence": removing_sentence(effect.x, what), "parts": removing_parts(effect)}
    return {"sentence": "", "parts": []}


@blueprint.post("/assignments/except/<kind>")
@rule("change")
def add(certification: int, kind: str) -> Response | str:
    """Ok: the row leaves them out, unsaved."""
    key = _key()

    def work(session: Session, draft: Draft) -> str:
        return _said(session, certification, exclude(session, draft, key, kind, request.form.getlist("target")))

    try:
        return edit(certification, work, about=key)
    except Invalid as error:
        return _choose(certification, _known(kind), error.sentence)
