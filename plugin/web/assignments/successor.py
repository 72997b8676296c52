"""A successor for a manager whose job or team is gone: the row points at another job, in the draft (rules 2.3)."""

from __future__ import annotations

from flask import Blueprint, Response, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from plugin.access.rules import rule
from plugin.certifications.definition import AssignmentDef
from plugin.certifications.drafts import drafts
from plugin.certifications.drafts.adding import check_targets, retarget
from plugin.certifications.listing import matched
from plugin.certifications.tables import Draft
from plugin.core.errors import Invalid, NotFound
from plugin.web.assignments.picker import carried, offer
from plugin.web.assignments.tab import edit, name_of
from plugin.web.assignments.table import filters
from plugin.web.frame import shell
from plugin.web.frame.kit import PREFIX, editor, host_id, page, runtime

blueprint = Blueprint("successor", __name__, url_prefix=f"{PREFIX}/certifications/<int:certification>")


def _key() -> str:
    return request.values.get("key", "")


@blueprint.get("/assignments/successor")
@rule("change")
def choose(certification: int) -> Response:
    """The managers' dialog, for one of them."""
    return _choose(certification, "")


def _choose(certification: int, problem: str) -> Response:
    with runtime().db.read() as session:
        context = shell.of_certification(session, certification, "assignments")
        draft = drafts.read_draft(session, host_id(), certification, editor())
        if drafts.find_row(session, draft, _key()).definition.type != "manager":
            raise NotFound(_("Only an assignment by management hierarchy can have a successor."))
        context |= offer(session, certification, "manager")
        context |= {
            "kind": "manager", "problem": problem, "filters": filters(), "successor_of": _key(),
            "title": _("Choose a successor for %(name)s", name=name_of(session, _key())),
            "browse_url": url_for(".choose", certification=certification, key=_key()),
            "confirm_url": url_for(".confirm", certification=certification, key=_key(), **carried()),
        }  # fmt: skip
    return page("assignments/dialogs/picker.html", status=400 if problem else 200, **context)


@blueprint.post("/assignments/successor/confirm")
@rule("change")
def confirm(certification: int) -> Response:
    """Who leads how many, before the row points at somebody else."""
    target = request.form.get("target", "")
    try:
        with runtime().db.read() as session:
            context = shell.of_certification(session, certification, "assignments")
            draft = drafts.read_draft(session, host_id(), certification, editor())
            old = drafts.find_row(session, draft, _key()).definition
            [new] = check_targets(session, draft, "manager", [target])
            team = AssignmentDef("manager", target, old.include)
            context |= {
                "key": _key(), "target": target, "filters": filters(), "name": name_of(session, _key()),
                "successor": name_of(session, new.key),
                "size": len(matched(session, host_id(), certification, [team])[team.key]),
            }  # fmt: skip
    except Invalid as error:
        return _choose(certification, error.sentence)
    return page("assignments/dialogs/successor.html", **context)


@blueprint.post("/assignments/successor")
@rule("change")
def change(certification: int) -> Response | str:
    """Ok: both rows stand in the table, unsaved."""

    fresh: list[str] = []

    def work(session: Session, draft: Draft) -> str:
        new = retarget(session, draft, _key(), request.form.get("target", ""))
        fresh[:] = [new.key]
        return str(_("%(name)s follows. Not saved yet.", name=name_of(session, new.key)))

    try:
        return edit(certification, work, fresh=fresh)
    except Invalid as error:
        return _choose(certification, error.sentence)
